-- Deltas of one image's new chunks against another's, prepared in the background; the object holds them. Nothing depends on
-- them: a row goes with either manifest.
create table delta (
  target bigint not null references manifest on delete cascade,
  base bigint not null references manifest on delete cascade,
  key text not null unique,
  size_bytes bigint not null,
  create_time timestamptz not null default now(),
  primary key (target, base)
);

-- One row: up to which image deltas were prepared. Those of before are not worth the work.
create table delta_progress (
  single boolean primary key default true check (single),
  sequence bigint not null
);
insert into delta_progress (sequence) select coalesce(max(sequence), 0) from image;
