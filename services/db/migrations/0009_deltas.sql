-- The images whose deltas nobody looked for yet, each written with its image. The number of the last one that was looked at, as before,
-- passes by an image that commits late.
create table delta_wanted (
  image text primary key references image on delete cascade
);
insert into delta_wanted (image)
  select name from image where sequence > (select sequence from delta_progress);
drop table delta_progress;

-- The objects of a pair's deltas, to be read one after another.
create table delta_object (
  target bigint not null,
  base bigint not null,
  place int not null,
  key text not null unique,
  size_bytes bigint not null,
  primary key (target, base, place),
  foreign key (target, base) references delta on delete cascade
);
insert into delta_object (target, base, place, key, size_bytes)
  select target, base, 0, key, size_bytes from delta;
alter table delta drop column key, drop column size_bytes;
