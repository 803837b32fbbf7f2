-- Resolution follows the generation of names: a row says at which generation it last changed, so that what changed since can
-- be read alone.
alter table names add column catalogue_generation bigint not null default 1;
alter table image add column generation bigint not null default 1;
create index image_by_generation on image (generation);
alter table release add column release_date date;

-- Aliases ---------------------------------------------------------------------------------------

alter table alias add column generation bigint not null default 1;
create index alias_by_generation on alias (generation);
-- Deleted is one without an image: its history stays, and its versions go on if it is made again.
alter table alias alter column image drop not null;
-- The line whose newest released image it points at; empty if it only moves when somebody moves it.
alter table alias add column follows text not null default '';
create index alias_by_line on alias (follows) where follows <> '';
alter table alias add column paused boolean not null default false;
alter table alias_move alter column image drop not null;
alter table alias_move add column kind text not null default 'set'
  check (kind in ('set', 'follow', 'rollback', 'resume', 'delete'));

-- Images ----------------------------------------------------------------------------------------

-- How each image stood since when, append-only: what `as_of` is answered from.
create table image_change (
  image text not null references image,
  version int not null,
  state text not null,
  storage text not null,
  held_back boolean not null,
  replacement text,
  actor text not null,
  reason text not null default '',
  time timestamptz not null default clock_timestamp(),
  primary key (image, version)
);
create index image_change_by_time on image_change (time);
create index alias_move_by_time on alias_move (time);
insert into image_change (image, version, state, storage, held_back, replacement, actor, time)
select name, version, state, storage, held_back, replacement, creator, create_time from image;

create table image_package (
  image text not null references image,
  name text not null,
  version text not null,
  primary key (image, name)
);

-- Locks and holds -------------------------------------------------------------------------------

-- What an experiment used. Never deleted: it is looked up years later.
create table lock (
  id text primary key,
  generation bigint not null,
  owner text not null,
  reason text not null,
  link text not null,
  create_time timestamptz not null default now()
);

create table lock_node (
  lock text not null references lock,
  node text not null,
  reference text not null,
  arch text not null,
  image text not null references image,
  digest bytea not null check (length(digest) = 32),
  primary key (lock, node)
);

-- Who needs which image, and why. One that is released or past its time counts no more.
create table hold (
  id text primary key,
  image text not null references image,
  kind text not null check (kind in ('artifact', 'lock', 'materialization', 'person')),
  owner text not null,
  reason text not null,
  link text not null,
  lock text references lock,
  create_time timestamptz not null default now(),
  expire_time timestamptz,
  release_time timestamptz
);
create index hold_by_image on hold (image);
