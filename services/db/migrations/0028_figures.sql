-- Whoever looks at figures (docs/operations.md) asks how many builds failed within a day.
create index build_failed on build (end_time) where state = 'failed';
