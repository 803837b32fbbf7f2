-- In which version each policy was that a plan goes by: the plan is refused once one of them is another. Empty where none is.
alter table retention_run add column policies jsonb not null default '{}';
create index retention_run_planned on retention_run (plan_time) where state in ('planned', 'waiting');
