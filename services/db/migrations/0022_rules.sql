-- Sync rules (docs/rules.md): what a facility is to have without anybody asking for each image.
create table sync_rule (
  facility text not null references facility,
  name text not null check (name ~ '^[a-z][a-z0-9-]{0,62}$'),
  patterns text[] not null,
  newest int not null,
  aliases text[] not null,
  held boolean not null,
  origin text not null,
  cron text not null,
  zone text not null,
  jitter_seconds int not null,
  leaving text not null check (leaving in ('release', 'keep-days', 'keep')),
  keep_days int not null,
  priority int not null,
  notes text not null,
  author text not null,
  update_time timestamptz(3) not null default now(),
  version int not null default 1,
  -- The generation of names of which the selection was made last; null for a rule that is to be looked at whatever it is.
  generation bigint,
  select_time timestamptz,
  next_time timestamptz,
  primary key (facility, name)
);
create index sync_rule_due on sync_rule (next_time) where next_time is not null;

-- Each reason for which a facility should hold an image: because it was pushed, where the rule is empty, or because a rule selects it.
alter table wanted rename to want;
alter table want add rule text not null default '';
alter table want add priority int not null default 0;
-- By when it is to be there.
alter table want add by_time timestamptz;
-- A rule selects it no more, and wants it until then.
alter table want add until timestamptz;
alter table want drop constraint wanted_pkey;
alter table want add primary key (facility, image, rule);
alter index wanted_by_image rename to want_by_image;
create index want_until on want (until) where until is not null;

-- What facilities should hold, each image once; what was pushed says by whom.
create view wanted as
  select facility, image,
    coalesce(min(create_time) filter (where rule = ''), min(create_time)) as create_time,
    bool_or(rule = '') as pushed, max(priority) as priority, min(by_time) as by_time,
    (array_agg(actor order by rule))[1] as actor,
    coalesce(array_agg(rule order by rule) filter (where rule <> ''), '{}') as rules
  from want group by facility, image;

-- How fast the agent fetched last, in bytes a second, and from when it may fetch where it may not now: what is expected when.
alter table facility add fetch_rate bigint not null default 0;
alter table facility add opens_time timestamptz;
