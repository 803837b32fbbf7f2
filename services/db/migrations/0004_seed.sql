-- The catalogue as of 2026-11-23. Ubuntu and Debian: distro-info-data 0.58+deb12u7; ends of life are those of standard
-- support at Ubuntu (of 20.04 as it was announced), of LTS at Debian. The others: what their projects announced; what is not
-- certain is null.
--
-- Conventions where a distro has no major releases in digits:
--   opensuse, alpine   each of their releases has an end of life of its own: 15.6 is release 156, 3.20 is release 320
--   kali, arch, tumbleweed   they roll: the year is the release, and the build says which day of it. Kali counts its
--                      snapshots (2026.1), which are points; the others have point 0

-- Checked when a statement ends rather than row by row, so that releases can change places.
alter table release drop constraint release_distro_position_key;
alter table release add constraint release_in_order unique (distro, position) deferrable initially immediate;

-- What is there stays as it is; only what was left empty is filled in.
insert into distro (id, short_names, display_name) values
  ('ubuntu', '{ubnt}', 'Ubuntu'),
  ('debian', '{debn}', 'Debian'),
  ('fedora', '{fdra}', 'Fedora'),
  ('kali', '{}', 'Kali'),
  ('rocky', '{rockylinux}', 'Rocky Linux'),
  ('alma', '{almalinux}', 'AlmaLinux'),
  ('opensuse', '{leap}', 'openSUSE Leap'),
  ('tumbleweed', '{}', 'openSUSE Tumbleweed'),
  ('arch', '{archlinux}', 'Arch Linux'),
  ('alpine', '{}', 'Alpine Linux')
on conflict (id) do update
set short_names = case when distro.short_names = '{}' then excluded.short_names else distro.short_names end;

create temporary table seed (
  place int generated always as identity,
  distro text,
  release text,
  official_name text,
  codename text,
  display_name text,
  lts boolean,
  prerelease boolean,
  release_date date,
  end_of_life date
) on commit drop;

-- Oldest first.
insert into seed
  (distro, release, official_name, codename, display_name, lts, prerelease, release_date, end_of_life)
values
  ('ubuntu', '1804', '18.04', 'bionic', 'Bionic Beaver', true, false, '2018-04-26', '2023-05-31'),
  ('ubuntu', '2004', '20.04', 'focal', 'Focal Fossa', true, false, '2020-04-23', '2025-05-31'),
  ('ubuntu', '2204', '22.04', 'jammy', 'Jammy Jellyfish', true, false, '2022-04-21', '2027-06-01'),
  ('ubuntu', '2210', '22.10', 'kinetic', 'Kinetic Kudu', false, false, '2022-10-20', '2023-07-20'),
  ('ubuntu', '2304', '23.04', 'lunar', 'Lunar Lobster', false, false, '2023-04-20', '2024-01-25'),
  ('ubuntu', '2310', '23.10', 'mantic', 'Mantic Minotaur', false, false, '2023-10-12', '2024-07-11'),
  ('ubuntu', '2404', '24.04', 'noble', 'Noble Numbat', true, false, '2024-04-25', '2029-05-31'),
  ('ubuntu', '2410', '24.10', 'oracular', 'Oracular Oriole', false, false, '2024-10-10', '2025-07-10'),
  ('ubuntu', '2504', '25.04', 'plucky', 'Plucky Puffin', false, false, '2025-04-17', '2026-01-15'),
  ('ubuntu', '2510', '25.10', 'questing', 'Questing Quokka', false, false, '2025-10-09', '2026-07-09'),
  ('ubuntu', '2604', '26.04', 'resolute', 'Resolute Raccoon', true, false, '2026-04-23', '2031-05-29'),
  ('ubuntu', '2610', '26.10', 'stonking', 'Stonking Stingray', false, false, '2026-10-15', '2027-07-15'),
  ('debian', '10', '10', 'buster', 'Buster', false, false, '2019-07-06', '2024-06-30'),
  ('debian', '11', '11', 'bullseye', 'Bullseye', false, false, '2021-08-14', '2026-08-31'),
  ('debian', '12', '12', 'bookworm', 'Bookworm', false, false, '2023-06-10', '2028-06-30'),
  ('debian', '13', '13', 'trixie', 'Trixie', false, false, '2025-08-09', '2030-06-30'),
  ('debian', '14', '14', 'forky', 'Forky', false, true, null, null),
  ('fedora', '40', '40', '', '', false, false, '2024-04-23', '2025-05-13'),
  ('fedora', '41', '41', '', '', false, false, '2024-10-29', '2025-12-15'),
  ('fedora', '42', '42', '', '', false, false, '2025-04-15', '2026-05-27'),
  ('fedora', '43', '43', '', '', false, false, '2025-10-28', null),
  ('fedora', '44', '44', '', '', false, false, '2026-04-28', null),
  -- Branched; mark it released with "put release" once it is.
  ('fedora', '45', '45', '', '', false, true, null, null),
  ('kali', '2024', '2024', '', '', false, false, null, null),
  ('kali', '2025', '2025', '', '', false, false, null, null),
  ('kali', '2026', '2026', '', '', false, false, null, null),
  ('rocky', '8', '8', '', 'Green Obsidian', false, false, '2021-06-21', '2029-05-31'),
  ('rocky', '9', '9', '', 'Blue Onyx', false, false, '2022-07-14', '2032-05-31'),
  ('rocky', '10', '10', '', 'Red Quartz', false, false, '2025-06-11', '2035-05-31'),
  ('alma', '8', '8', '', '', false, false, '2021-03-30', null),
  ('alma', '9', '9', '', '', false, false, '2022-05-26', '2032-05-31'),
  ('alma', '10', '10', '', '', false, false, '2025-05-27', '2035-05-31'),
  ('opensuse', '155', '15.5', '', '', false, false, '2023-06-07', '2024-12-31'),
  ('opensuse', '156', '15.6', '', '', false, false, '2024-06-12', '2026-04-30'),
  ('opensuse', '160', '16.0', '', '', false, false, '2025-10-01', '2027-10-31'),
  -- In beta; mark it released with "put release" once it is.
  ('opensuse', '161', '16.1', '', '', false, true, null, null),
  ('tumbleweed', '2025', '2025', '', '', false, false, null, null),
  ('tumbleweed', '2026', '2026', '', '', false, false, null, null),
  ('arch', '2025', '2025', '', '', false, false, null, null),
  ('arch', '2026', '2026', '', '', false, false, null, null),
  ('alpine', '319', '3.19', '', '', false, false, '2023-12-07', '2025-11-01'),
  ('alpine', '320', '3.20', '', '', false, false, '2024-05-22', '2026-04-01'),
  ('alpine', '321', '3.21', '', '', false, false, '2024-12-05', '2026-11-01'),
  ('alpine', '322', '3.22', '', '', false, false, '2025-05-30', '2027-05-01'),
  ('alpine', '323', '3.23', '', '', false, false, '2025-12-04', '2027-11-01'),
  ('alpine', '324', '3.24', '', '', false, false, null, null);

insert into release as old
  (distro, release, position, official_name, codename, display_name, lts, prerelease, release_date, end_of_life)
select distro, release, 1000000 + place, official_name, codename, display_name, lts, prerelease, release_date,
  end_of_life
from seed order by place
on conflict (distro, release) do update set
  codename = case when old.codename = '' then excluded.codename else old.codename end,
  display_name = case when old.display_name = '' then excluded.display_name else old.display_name end,
  release_date = coalesce(old.release_date, excluded.release_date),
  end_of_life = coalesce(old.end_of_life, excluded.end_of_life);

-- Those that an operator added are newer than all of these.
update release set position = ordered.place
from (
  select release.distro, release.release, row_number() over (
    partition by release.distro order by coalesce(seed.place, 1000000 + release.position)
  ) as place
  from release left join seed using (distro, release)
) as ordered
where release.distro = ordered.distro and release.release = ordered.release
  and release.position <> ordered.place;

update names set generation = generation + 1, catalogue_generation = generation + 1;
