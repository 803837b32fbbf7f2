-- What all portals on this database agree on; a portal writes what it was started with.
create table agreed (
  single boolean primary key default true check (single),
  -- How long what has expired can be brought back at least.
  undelete interval not null default '7 days'
);
insert into agreed default values;
