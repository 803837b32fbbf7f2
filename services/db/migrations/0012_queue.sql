-- What its recipe says of its time, so that a build ends whatever its builder says; for those that are there, the most that any can.
alter table build add column time_limit_ms bigint not null default 86400000;

-- Since when the log of a build is gone; how long it was and its digest stay.
alter table build add column log_gone_time timestamptz;
alter table build add constraint build_log_gone check (log_gone_time is null or (log_key is null and log_digest is not null));
drop index build_unarchived;
create index build_unarchived on build (name) where end_time is not null and log_key is null and log_gone_time is null;
create index build_archived on build (end_time) where log_key is not null;

-- Whether a version of a recipe was built is asked with each version that is put.
create index build_by_version on build (recipe, recipe_version);
