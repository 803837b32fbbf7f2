-- What the pass that is under way came to so far, and the last one that ended: packs, bytes, damaged, repaired, left.
alter table scrub add column so_far jsonb not null default '{}';
alter table scrub add column last jsonb;
