-- What the stored bytes of a chunk are recognised by, taken when they were decoded and checked (chunk.proto); null for those that
-- came before.
alter table chunk add fingerprint bytea check (length(fingerprint) = 32);
alter table archive.chunk add fingerprint bytea check (length(fingerprint) = 32);
