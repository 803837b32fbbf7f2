-- The keys that tickets are signed with: the newest that agents have had time to hear of signs, it and the one before it
-- count. The private half never leaves the portals.
create table ticket_key (
  id text primary key,
  private_key bytea not null,
  public_key bytea not null check (length(public_key) = 32),
  create_time timestamptz not null
);
