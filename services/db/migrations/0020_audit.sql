-- The log of what changed and what was denied (docs/audit.md). ------------------------------------

-- Events as their transactions wrote them, not yet in the chain. A draft is never changed, and goes only once its event is there.
create table event_draft (
  -- Ids are given before commit: one that is seen late gets a later place in the chain, and misses none.
  id bigint generated always as identity primary key,
  time timestamptz(3) not null default clock_timestamp(),
  actor text not null,
  role text not null,
  peer text not null,
  method text not null,
  request_id text not null,
  -- Of the form kind:name, in order.
  resources text[] not null,
  outcome text not null check (outcome in ('done', 'denied')),
  reason text not null,
  request text not null,
  before_etag text not null,
  before_state text not null,
  after_etag text not null,
  after_state text not null,
  suppressed int not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- The chain.
create table event (
  sequence bigint primary key check (sequence > 0),
  -- A draft becomes one event.
  draft bigint not null unique,
  time timestamptz(3) not null,
  actor text not null,
  role text not null,
  peer text not null,
  method text not null,
  request_id text not null,
  resources text[] not null,
  outcome text not null check (outcome in ('done', 'denied')),
  reason text not null,
  request text not null,
  before_etag text not null,
  before_state text not null,
  after_etag text not null,
  after_state text not null,
  suppressed int not null,
  -- No event has two that come after it.
  prev_hash bytea not null unique check (length(prev_hash) = 32),
  hash bytea not null check (length(hash) = 32)
);
create index event_by_actor on event (actor, sequence);
create index event_by_resource on event using gin (resources);
create index event_denied on event (sequence) where outcome = 'denied';

-- Where the chain ends. Whoever adds to it locks this row.
create table event_head (
  one boolean primary key default true check (one),
  sequence bigint not null,
  hash bytea not null check (length(hash) = 32)
);
insert into event_head (sequence, hash) values (0, decode(repeat('00', 32), 'hex'));

create function keep_events() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log only grows' using errcode = 'integrity_constraint_violation';
end $$;

create trigger event_stands before update or delete or truncate on event
  for each statement execute function keep_events();
create trigger event_draft_stands before update or truncate on event_draft
  for each statement execute function keep_events();
create trigger event_head_stands before delete or truncate on event_head
  for each statement execute function keep_events();

create function keep_draft() returns trigger language plpgsql as $$
begin
  if exists (select from event where draft = old.id) then return old; end if;
  raise exception 'the audit log only grows' using errcode = 'integrity_constraint_violation';
end $$;
create trigger event_draft_chained before delete on event_draft
  for each row execute function keep_draft();

create function keep_head() returns trigger language plpgsql as $$
begin
  if new.sequence > old.sequence then return new; end if;
  raise exception 'the audit log only grows' using errcode = 'integrity_constraint_violation';
end $$;
create trigger event_head_grows before update on event_head
  for each row execute function keep_head();
