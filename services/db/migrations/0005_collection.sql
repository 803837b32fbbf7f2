-- A chunk that nothing needs is condemned (`live` is false), can be brought back for a while, and goes then. What names a chunk names
-- it as live: the reference forbids that it is condemned or deleted, whatever a collector believes.
alter table chunk add column live boolean not null default true;
alter table chunk add column create_time timestamptz not null default now();
alter table chunk add column condemn_time timestamptz;
alter table chunk add constraint chunk_condemned_at check (live = (condemn_time is null));
alter table chunk add constraint chunk_live unique (id, live);
create index chunk_condemned on chunk (condemn_time) where not live;
create index chunk_by_pack on chunk (pack);

alter table manifest_chunk add column live boolean not null default true check (live);
alter table manifest_chunk drop constraint manifest_chunk_chunk_fkey;
alter table manifest_chunk add constraint manifest_chunk_live
  foreign key (chunk, live) references chunk (id, live);

-- What an upload asked for or stored, whether the chunk is there yet or not. It counts while a row is there; a collector
-- removes those of uploads that have ended. Uploads are never deleted, so none has to be looked up when a lease is taken.
create table lease (
  digest bytea not null check (length(digest) = 32),
  upload uuid not null,
  primary key (digest, upload)
);

alter table upload drop constraint upload_state_check;
alter table upload add constraint upload_state_check
  check (state in ('open', 'committed', 'aborted', 'lapsed'));
create index upload_open on upload (expire_time) where state = 'open';

-- Packs that are no more. Their bytes are deleted after the row is here, and the key is never recorded again.
create table doomed_pack (
  key text primary key,
  size_bytes bigint not null,
  doom_time timestamptz not null default now(),
  delete_time timestamptz
);
create index doomed_pack_waiting on doomed_pack (key) where delete_time is null;
