-- Images ----------------------------------------------------------------------------------------

-- When a released image becomes deprecated by itself; null once it is.
alter table image add column deprecate_time timestamptz;
create index image_to_deprecate on image (deprecate_time) where deprecate_time is not null;

-- An image whose bytes are on their way to the archive, or back. It stands as before until they are there.
create table move (
  image text primary key references image,
  kind text not null check (kind in ('archive', 'restore')),
  -- The open upload by which the bytes are leased at the place they go to.
  lease uuid not null unique,
  actor text not null,
  reason text not null,
  run text,
  total_bytes bigint not null default 0,
  done_bytes bigint not null default 0,
  create_time timestamptz not null default now(),
  -- Whoever moves it says so here from time to time; one that went away is followed by another.
  lease_time timestamptz,
  error text not null default ''
);

-- The archive: the same tables as for the portal's own chunks, so that the same code works on them. A connection whose search
-- path begins with `archive` reads and writes these.
create schema archive;
create table archive.pack (like pack including all);
create table archive.chunk (like chunk including all);
alter table archive.chunk add foreign key (pack) references archive.pack;
create table archive.manifest_chunk (like manifest_chunk including all);
alter table archive.manifest_chunk add foreign key (manifest) references manifest;
alter table archive.manifest_chunk add constraint manifest_chunk_live
  foreign key (chunk, live) references archive.chunk (id, live);
create table archive.lease (like lease including all);
create table archive.doomed_pack (like doomed_pack including all);
create table archive.damage (like damage including all);
alter table archive.damage add foreign key (pack) references archive.pack on delete cascade;
create table archive.scrub (like scrub including all);

-- Holds -----------------------------------------------------------------------------------------

create index hold_by_link on hold (link) where release_time is null and link <> '';
create index hold_by_owner on hold (owner);

-- Retention -------------------------------------------------------------------------------------

create table policy (
  name text primary key check (name ~ '^[a-z][a-z0-9-]{0,62}$'),
  -- As it is written, without its defaults.
  pattern text not null unique,
  keep_newest int not null,
  keep_monthly int not null,
  keep_quarterly int not null,
  minimum_age_days int not null,
  used_days int not null,
  archive_after_days int not null,
  expire_after_days int not null,
  cap_bytes bigint not null,
  archive_held boolean not null,
  cron text not null,
  zone text not null,
  brake_percent int not null,
  notes text not null,
  author text not null,
  update_time timestamptz not null default now(),
  version int not null default 1,
  next_time timestamptz
);
create index policy_due on policy (next_time) where next_time is not null;

create table retention_run (
  id text primary key,
  state text not null check (state in ('planned', 'waiting', 'applying', 'done', 'lapsed')),
  etag text not null,
  creator text not null,
  -- The policy whose schedule made it; a time of a schedule is planned for once.
  policy text,
  schedule_time timestamptz,
  plan_time timestamptz not null,
  pattern text not null,
  keep_count bigint not null,
  archive_count bigint not null,
  expire_count bigint not null,
  freed_bytes jsonb not null,
  archived_bytes bigint not null,
  total_bytes bigint not null,
  apply_time timestamptz,
  applier text not null default '',
  end_time timestamptz,
  message text not null default '',
  unique (policy, schedule_time)
);
create index retention_run_applying on retention_run (id) where state = 'applying';

create table retention_item (
  run text not null references retention_run on delete cascade,
  image text not null references image,
  action text not null check (action in ('keep', 'archive', 'expire')),
  rule smallint not null,
  message text not null,
  policy text not null,
  holders jsonb not null,
  own_bytes jsonb not null,
  due_time timestamptz,
  outcome text not null default '' check (outcome in ('', 'done', 'left')),
  outcome_message text not null default '',
  primary key (run, image)
);
create index retention_item_waiting on retention_item (run, image) where action <> 'keep' and outcome = '';
