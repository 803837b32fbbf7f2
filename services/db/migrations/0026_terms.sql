-- On which terms the images of a sync rule are fetched (docs/rules.md).
alter table sync_rule add windows text[] not null default '{}';
-- Bytes a second; 0 for as fast as they come.
alter table sync_rule add rate bigint not null default 0;
alter table sync_rule add peers text not null default 'first' check (peers in ('first', 'last', 'only'));

-- When an image is tried again, or when its hours begin.
alter table replica add next_time timestamptz;

-- What people say of images: keys and words.
alter table image add labels jsonb not null default '{}' check (jsonb_typeof(labels) = 'object');
alter table upload add labels jsonb not null default '{}';
-- Only images with these labels.
alter table sync_rule add labels text[] not null default '{}';
