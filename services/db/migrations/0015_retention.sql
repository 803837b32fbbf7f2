-- In which version each policy was that a plan goes by: the plan is refused once one of them is another. Empty where none is.
alter table retention_run add column policies jsonb not null default '{}';
create index retention_run_planned on retention_run (plan_time) where state in ('planned', 'waiting');

-- An image's row is never deleted, and a plan's is written and deleted in one transaction with its items: checking the references of as
-- many items as there are images took a tenth of the time of a plan.
alter table retention_item drop constraint retention_item_image_fkey;
alter table retention_item drop constraint retention_item_run_fkey;
