-- What its recipe says of its time, so that a build ends whatever its builder says; for those that are there, the most that any can.
alter table build add column time_limit_ms bigint not null default 86400000;
