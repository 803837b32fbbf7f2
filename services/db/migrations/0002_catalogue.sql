-- What is current in 2026. Dates for Debian and Ubuntu: distro-info-data.
insert into names (default_arch) values ('x86');

insert into role (name) values ('std'), ('hypervisor'), ('vte'), ('portalvte');

insert into distro (id, short_names, display_name) values
  ('ubuntu', '{ubnt}', 'Ubuntu'),
  ('debian', '{debn}', 'Debian'),
  ('fedora', '{fdra}', 'Fedora'),
  ('kali', '{}', 'Kali'),
  ('rocky', '{}', 'Rocky Linux'),
  ('alma', '{}', 'AlmaLinux');

insert into release
  (distro, release, position, official_name, codename, display_name, lts, end_of_life)
values
  ('ubuntu', '2004', 1, '20.04', 'focal', 'Focal Fossa', true, '2025-05-31'),
  ('ubuntu', '2204', 2, '22.04', 'jammy', 'Jammy Jellyfish', true, '2027-06-01'),
  ('ubuntu', '2404', 3, '24.04', 'noble', 'Noble Numbat', true, '2029-05-31'),
  ('ubuntu', '2604', 4, '26.04', 'resolute', 'Resolute Raccoon', true, '2031-05-29'),
  ('debian', '11', 1, '11', 'bullseye', 'Bullseye', false, '2026-08-31'),
  ('debian', '12', 2, '12', 'bookworm', 'Bookworm', false, '2028-06-30'),
  ('debian', '13', 3, '13', 'trixie', 'Trixie', false, '2030-06-30'),
  ('fedora', '42', 1, '42', '', '', false, null),
  ('fedora', '43', 2, '43', '', '', false, null),
  ('fedora', '44', 3, '44', '', '', false, null),
  ('kali', '2025', 1, '2025', '', '', false, null),
  ('kali', '2026', 2, '2026', '', '', false, null),
  ('rocky', '9', 1, '9', '', 'Blue Onyx', false, null),
  ('rocky', '10', 2, '10', '', 'Red Quartz', false, null),
  ('alma', '9', 1, '9', '', '', false, null),
  ('alma', '10', 2, '10', '', '', false, null);
