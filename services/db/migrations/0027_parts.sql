-- What belongs to a disk that is imported: its kernel and its initramfs, as JSON has them
-- ({kind, name, version, sha256, sizeBytes}).
alter table import add column parts jsonb not null default '[]';
