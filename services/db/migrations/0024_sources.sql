-- Sources (docs/sources.md): where images are found, and how what is found becomes images of lines.
create table source (
  name text primary key,
  facility text references facility,
  version int not null,
  text text not null,
  kind text not null,
  line text not null,
  cron text not null,
  zone text not null,
  pause_after int not null,
  creator text not null,
  create_time timestamptz(3) not null default now(),
  -- The next time of its schedule; null without one, while it is paused, and once it is deleted.
  next_time timestamptz,
  failures int not null default 0,
  paused text not null default '',
  delete_time timestamptz,
  revision int not null default 1,
  check (next_time is null or (paused = '' and delete_time is null))
);
create index source_due on source (next_time) where next_time is not null;
create index source_by_facility on source (facility, name);

create table scan (
  name text primary key,
  source text not null references source,
  facility text references facility,
  preview boolean not null,
  requester text not null,
  -- A time of a schedule is looked at once, however many portals see that it is due.
  schedule_time timestamptz,
  state text not null default 'queued' check (state in ('queued', 'running', 'done', 'failed')),
  attempt int not null default 0,
  claim uuid unique,
  lease_time timestamptz,
  agent text not null default '',
  create_time timestamptz(3) not null default now(),
  end_time timestamptz(3),
  message text not null default '',
  item_count int not null default 0,
  builds text[] not null default '{}',
  unique (source, schedule_time),
  check (state <> 'running' or (claim is not null and lease_time is not null)),
  check ((end_time is not null) = (state in ('done', 'failed')))
);
create unique index scan_open on scan (source) where end_time is null;
create index scan_by_source on scan (source, name);
create index scan_queued on scan (create_time) where state = 'queued';
create index scan_running on scan (lease_time) where state = 'running';

-- What the last scan of a source found that ended well, and what one that goes on has found so far.
create table source_item (
  source text not null references source,
  scan text not null references scan on delete cascade,
  name text not null,
  version text not null,
  sha256 text not null,
  size_bytes bigint not null,
  time timestamptz,
  fields jsonb not null,
  -- Why the agent would not fetch it.
  refused text not null,
  primary key (scan, name)
);
create index source_item_by_source on source_item (source);

-- What a build imports that has no recipe: an item, and the source as it was when the import was queued.
create table import (
  build text primary key references build,
  source text not null references source,
  source_version int not null,
  text text not null,
  item text not null,
  version text not null,
  sha256 text not null,
  size_bytes bigint not null,
  time timestamptz,
  fields jsonb not null,
  url text not null,
  -- The day that its image has; empty for the day on which it is claimed.
  day text not null
);
create index import_by_item on import (source, item);
