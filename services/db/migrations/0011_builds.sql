-- Recipes ---------------------------------------------------------------------------------------

-- A row is never deleted: its versions are what images were made by.
create table recipe (
  name text primary key,
  facility text references facility,
  version int not null,
  -- The next time of its schedule; null without one, while it is paused, and once it is deleted.
  next_time timestamptz,
  failures int not null default 0,
  paused text not null default '',
  delete_time timestamptz,
  revision int not null default 1,
  check (next_time is null or (paused = '' and delete_time is null))
);
create index recipe_due on recipe (next_time) where next_time is not null;

create table recipe_version (
  recipe text not null references recipe,
  version int not null,
  text text not null,
  digest bytea not null check (length(digest) = 32),
  target text not null,
  kind smallint not null,
  cron text not null,
  zone text not null,
  creator text not null,
  create_time timestamptz not null default now(),
  primary key (recipe, version)
);

-- Builds ----------------------------------------------------------------------------------------

create table build (
  name text primary key,
  facility text references facility,
  recipe text,
  recipe_version int,
  target text not null,
  arch text not null,
  kind smallint not null,
  trigger smallint not null,
  requester text not null,
  reason text not null default '',
  -- A time of a schedule is built for once, however many portals see that it is due.
  schedule_time timestamptz,
  retry_of text references build,
  force boolean not null default false,
  -- What its recipe says of its end, so that it ends by the rules that it was queued with.
  required_checks smallint[] not null default '{}',
  releases boolean not null default false,
  pause_after int not null default 0,
  log_limit bigint not null,
  max_attempts int not null,

  state text not null default 'queued'
    check (state in ('queued', 'running', 'done', 'failed', 'cancelled', 'skipped')),
  attempt int not null default 0,
  -- The claim of the builder that has it, or had it at the end.
  claim uuid unique,
  lease_time timestamptz,
  builder text not null default '',
  worker text not null default '',
  canceller text not null default '',
  step text not null default '',
  done_count bigint not null default 0,
  total_count bigint not null default 0,
  failure smallint not null default 0,
  message text not null default '',
  create_time timestamptz not null default now(),
  start_time timestamptz,
  end_time timestamptz,
  -- The name of its image, given with the first claim and to nobody else: the target, the day and the serial.
  image text unique,
  day text,
  serial int,
  inputs_digest bytea check (length(inputs_digest) = 32),
  unchanged_image text references image,
  link text not null default '',
  -- While it is open the log is rows; once it has ended it becomes one object, and the rows go.
  log_bytes bigint not null default 0,
  log_digest bytea check (length(log_digest) = 32),
  log_key text unique,

  foreign key (recipe, recipe_version) references recipe_version,
  unique (recipe, schedule_time),
  check (state <> 'running' or (claim is not null and lease_time is not null)),
  check ((end_time is not null) = (state in ('done', 'failed', 'cancelled', 'skipped'))),
  check ((image is not null) = (serial is not null)),
  check (log_key is null or log_digest is not null)
);
create index build_queued on build (create_time) where state = 'queued';
create index build_running on build (lease_time) where state = 'running';
create index build_by_recipe on build (recipe, name);
create index build_by_facility on build (facility, name);
create index build_names on build (target, day) where serial is not null;
create index build_unarchived on build (name) where end_time is not null and log_key is null;

create table build_log (
  build text not null references build,
  position bigint not null,
  data bytea not null,
  primary key (build, position)
);

create table build_check (
  build text not null references build,
  kind smallint not null,
  outcome smallint not null,
  message text not null,
  primary key (build, kind)
);

-- Images ----------------------------------------------------------------------------------------

-- A build makes one image at most.
alter table image add column build text unique references build;
alter table image add column parent text references image;
create index image_by_parent on image (parent) where parent is not null;

-- A custom image's bytes are in its facility's store and not here: its manifest names no chunk of ours.
alter table image add column custom boolean not null default false;
alter table image add column shared boolean not null default true;
alter table image add column expire_time timestamptz;
alter table image add constraint image_custom
  check (custom = (expire_time is not null) and (not custom or facility is not null));
create index image_custom_by_facility on image (facility) where custom;

-- Whether the manifest was held against the portal's chunks; that of a custom image cannot be.
alter table manifest add column checked boolean not null default true;

alter table upload add column custom boolean not null default false;
alter table upload add column days int not null default 0;
alter table upload add column shared boolean not null default false;

alter table facility add column custom_quota_bytes bigint not null default 107374182400;
alter table facility add column custom_days int not null default 90;
