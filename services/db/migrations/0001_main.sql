-- The words of names ----------------------------------------------------------------------------

-- One row. `generation` grows with every change of what a reference can mean: catalogue, images, aliases.
create table names (
  single boolean primary key default true check (single),
  generation bigint not null default 1,
  default_arch text not null
);

create table distro (
  id text primary key check (id ~ '^[a-z][a-z0-9]{1,15}$'),
  short_names text[] not null default '{}',
  display_name text not null
);

create table release (
  distro text not null references distro,
  release text not null check (release ~ '^[0-9]{1,6}$'),
  position int not null,
  official_name text not null,
  codename text not null default '',
  display_name text not null default '',
  lts boolean not null default false,
  prerelease boolean not null default false,
  end_of_life date,
  primary key (distro, release),
  unique (distro, position)
);

create table role (
  name text primary key check (name ~ '^[a-z][a-z0-9]{0,31}$')
);

-- Bytes -----------------------------------------------------------------------------------------

create table pack (
  id bigint generated always as identity primary key,
  key text not null unique,
  size_bytes bigint not null
);

create table chunk (
  id bigint generated always as identity primary key,
  digest bytea not null unique check (length(digest) = 32),
  pack bigint not null references pack,
  position bigint not null,
  stored_bytes int not null,
  raw_bytes int not null,
  codec smallint not null
);

create table manifest (
  id bigint generated always as identity primary key,
  digest bytea not null unique check (length(digest) = 32),
  body bytea not null,
  chunk_count int not null,
  chunk_bytes bigint not null,
  stored_bytes bigint not null
);

-- A chunk that a manifest names cannot be deleted: this reference forbids it.
create table manifest_chunk (
  manifest bigint not null references manifest,
  chunk bigint not null references chunk,
  primary key (manifest, chunk)
);
create index manifest_chunk_by_chunk on manifest_chunk (chunk);

create table artifact (
  manifest bigint not null references manifest,
  kind smallint not null,
  boot smallint not null,
  media_type text not null,
  size_bytes bigint not null,
  data_bytes bigint not null,
  sha256 bytea not null check (length(sha256) = 32),
  primary key (manifest, kind, boot)
);

-- Images and their names ------------------------------------------------------------------------

create table facility (
  name text primary key check (name ~ '^[a-z][a-z0-9-]{0,30}[a-z0-9]$'),
  display_name text not null default '',
  arch text not null default '',
  create_time timestamptz not null default now(),
  agent_time timestamptz,
  peer_address text not null default '',
  desired_generation bigint not null default 0,
  applied_generation bigint not null default 0,
  stored_bytes bigint not null default 0
);

-- A row is never deleted: its name is taken for ever.
create table image (
  name text primary key,
  facility text references facility,
  distro text not null,
  release text not null,
  point int not null,
  role text not null,
  arch text not null,
  day text not null check (day ~ '^[0-9]{8}$'),
  serial int not null,
  manifest bigint not null references manifest,
  state text not null check (state in ('candidate', 'released', 'deprecated', 'revoked')),
  storage text not null default 'present' check (storage in ('present', 'archived', 'expired')),
  held_back boolean not null default false,
  replacement text references image,
  notes text not null default '',
  creator text not null,
  create_time timestamptz not null default now(),
  version int not null default 1,
  sequence bigint generated always as identity unique,
  unique nulls not distinct (facility, distro, release, point, role, arch, day, serial)
);

create table alias (
  name text primary key,
  facility text references facility,
  image text not null references image,
  actor text not null,
  reason text not null default '',
  update_time timestamptz not null default now(),
  version int not null default 1
);

-- Every move of every alias, append-only.
create table alias_move (
  alias text not null references alias,
  version int not null,
  image text not null references image,
  actor text not null,
  reason text not null,
  time timestamptz not null default now(),
  primary key (alias, version)
);

-- Uploads ---------------------------------------------------------------------------------------

create table upload (
  id uuid primary key,
  caller text not null,
  target text not null,
  day text not null default '',
  notes text not null default '',
  state text not null default 'open' check (state in ('open', 'committed', 'aborted')),
  expire_time timestamptz not null,
  image text references image
);

-- Facilities ------------------------------------------------------------------------------------

create table wanted (
  facility text not null references facility,
  image text not null references image,
  actor text not null,
  create_time timestamptz not null default now(),
  primary key (facility, image)
);

create table replica (
  facility text not null references facility,
  image text not null references image,
  state smallint not null,
  total_bytes bigint not null,
  peer_bytes bigint not null,
  portal_bytes bigint not null,
  error text not null,
  update_time timestamptz not null default now(),
  primary key (facility, image)
);
create index replica_by_image on replica (image);

-- Calls that took effect, so that a repeated one answers the same -------------------------------

create table request (
  caller text not null,
  id uuid not null,
  method text not null,
  body_hash bytea not null,
  answer bytea not null,
  create_time timestamptz not null default now(),
  primary key (caller, id)
);
