-- An upload that brings back the bytes of an image that is archived or expired.
alter table upload add column restores text references image;
