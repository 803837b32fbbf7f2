-- A chunk that is damaged in a pack counts as absent while it lies there; a good copy in another pack takes its place. Rows go with
-- their pack.
create table damage (
  digest bytea not null check (length(digest) = 32),
  pack bigint not null references pack on delete cascade,
  find_time timestamptz not null default now(),
  primary key (digest, pack)
);
create index damage_by_pack on damage (pack);

-- How far a scrub has come.
create table scrub (
  single boolean primary key default true check (single),
  after text not null,
  end_time timestamptz
);
