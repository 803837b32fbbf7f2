-- Holds are listed newest first by one thing or another, and their ids are in the order of time. Most of them have ended: those
-- that may still count have smaller indexes of their own, and whether one has lapsed is read there.
drop index hold_by_image;
drop index hold_by_link;
drop index hold_by_owner;
create index hold_by_image on hold (image, id);
create index hold_by_owner on hold (owner, id);
create index hold_by_link on hold (link, id) where link <> '';
create index hold_by_kind on hold (kind, id);
create index hold_by_lock on hold (lock, id) where lock is not null;
create index hold_open_by_image on hold (image, id, (coalesce(expire_time, 'infinity'))) include (expire_time)
  where release_time is null;
create index hold_open_by_owner on hold (owner, id, (coalesce(expire_time, 'infinity'))) include (expire_time)
  where release_time is null;
create index hold_open_by_link on hold (link, id, (coalesce(expire_time, 'infinity'))) include (expire_time)
  where release_time is null and link <> '';
create index hold_open_by_kind on hold (kind, id, (coalesce(expire_time, 'infinity'))) include (expire_time)
  where release_time is null;

-- Aliases are looked up by where they point, or pointed.
create index alias_by_image on alias (image);
create index alias_move_by_image on alias_move (image);
create index wanted_by_image on wanted (image);
