-- What is known of the forms in which images are offered (docs/offered.md); without it they are read and digested anew.
create table offered (
  image text primary key references image,
  forms jsonb not null,
  -- The length and the SHA-256 of each piece of the images' zstd forms.
  pieces bytea not null
);
