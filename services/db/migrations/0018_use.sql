-- When a facility used an image last, also after it let its copy go.
create table image_use (
  facility text not null references facility,
  image text not null references image,
  time timestamptz not null,
  primary key (facility, image)
);
create index image_use_by_image on image_use (image, time desc);

-- Copies that facilities may let go: they count as gone, until a report that comes later says what became of them.
create table eviction (
  facility text not null references facility,
  image text not null references image,
  time timestamptz not null default now(),
  primary key (facility, image)
);
create index eviction_by_image on eviction (image);
