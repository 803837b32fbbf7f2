-- Who may come in, and what as (docs/security.md). -------------------------------------------------

-- Tokens to join with. Of a secret only the hash is kept.
create table join_token (
  id text primary key,
  secret_hash bytea not null unique,
  -- A facility, or `portal`.
  facility text not null,
  actor text not null,
  create_time timestamptz(3) not null,
  expire_time timestamptz(3) not null,
  use_time timestamptz(3)
);

create table robot (
  name text primary key,
  role text not null,
  -- Each token takes the place of the one before.
  token_id text not null,
  secret_hash bytea not null unique,
  actor text not null,
  create_time timestamptz(3) not null,
  token_time timestamptz(3) not null,
  expire_time timestamptz(3) not null
);

-- Roles of those whose token of the identity provider says this of them.
create table role_grant (
  claim text not null,
  value text not null,
  role text not null,
  actor text not null,
  create_time timestamptz(3) not null,
  primary key (claim, value, role)
);

-- What the portal issued, and what is revoked.
create table certificate (
  serial text primary key,
  name text not null,
  -- A facility, or `portal`; empty for the portal's own.
  facility text not null,
  create_time timestamptz(3) not null,
  expire_time timestamptz(3) not null,
  -- The one that was shown to get it.
  renews text,
  revoke_time timestamptz(3),
  reason text not null default ''
);
create index certificate_renews on certificate (renews) where renews is not null;
create index certificate_by_facility on certificate (facility);
create index certificate_revoked on certificate (expire_time) where revoke_time is not null;
create index certificate_newest on certificate (create_time, serial);

-- The authority in whose name certificates were issued last: by its pin, so that portals on one database have the same.
alter table agreed add authority_pin bytea;
