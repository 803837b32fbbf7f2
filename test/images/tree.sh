#!/usr/bin/env bash
# Makes a real ext4 disk image of a folder tree, with e2fsprogs alone and without root.
set -euo pipefail

usage() {
  cat <<'EOF'
tree.sh OUT.raw SOURCE|--pick [--edit] [--size 8G] [--limit MB]

Makes OUT.raw, a sparse ext4 image, of the files that are readable under the folder SOURCE, or under a folder of a few
hundred MB that is on this machine (--pick).

  --edit      its next build: of every 100 files 3 are changed, 1 is new, 1 is gone, and the folders lie in a new order
  --size S    size of the file system, as mke2fs reads it (8G)
  --limit MB  take files up to this sum (600)
EOF
}

fail() {
  echo "tree.sh: $*" >&2
  exit 1
}

out='' source='' edit='' size=8G limit=600
while (($#)); do
  case $1 in
    --edit) edit=yes ;;
    --pick) source=pick ;;
    --size) size=${2?} && shift ;;
    --limit) limit=${2?} && shift ;;
    --help | -h) usage && exit ;;
    -*) usage >&2 && fail "unknown option $1" ;;
    *) if [[ -z $out ]]; then out=$1; else source=$1; fi ;;
  esac
  shift
done
[[ -n $out && -n $source ]] || { usage >&2 && exit 2; }

export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
command -v mke2fs >/dev/null || fail 'mke2fs is missing: apt-get install e2fsprogs'

# The first folder with enough to show; node_modules is there wherever this runs.
pick() {
  local folder
  for folder in "$(cd "$(dirname "$0")/../.." && pwd)/node_modules" /usr/share /usr/lib; do
    (($(du -sm "$folder" 2>/dev/null | cut -f1 || true) < 150)) || { echo "$folder" && return; }
  done
  fail 'no folder of 150 MB found: name one'
}
[[ $source == pick ]] && source=$(pick)
[[ -d $source ]] || fail "$source is not a folder"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/tree.XXXXXX")
trap 'rm -rf "$scratch" "$out.part"' EXIT
tree=$scratch/tree
mkdir "$tree"

# What cannot be read, or goes away meanwhile, is left out.
{ find "$source/" \( -type f -readable -o -type l \) ! -name $'*\n*' -printf '%s %P\n' 2>/dev/null || true; } |
  sort -k2 | awk -v limit="$limit" '(sum += $1) <= limit * 1e6 { sub(/^[0-9]+ /, ""); print }' >"$scratch/files"
[[ -s $scratch/files ]] || fail "nothing readable under $source"
{ tar -C "$source" --no-recursion --verbatim-files-from -cf - -T "$scratch/files" 2>/dev/null || true; } |
  tar -C "$tree" --no-same-owner -xf -
chmod -R u+rwX "$tree"

edit_files() {
  local number=0 file
  while IFS= read -r file; do
    case $((number++ % 100)) in
      20 | 50 | 80)
        { head -c 5000 "$file" && echo edited && tail -c +5001 "$file"; } >"$scratch/edited"
        cp "$scratch/edited" "$file"
        ;;
      30) rm "$file" ;;
      40) head -c 200000 "$file" | gzip -n >"$file.new" ;;
    esac
  done < <(find . -type f | sort)
}

# mke2fs writes files in the order of their names, so the first of two links to a file says where it lies.
link_in_new_order() {
  local number=10000 entry
  mkdir .order
  while IFS= read -r entry; do
    cp -al "$entry" ".order/$((++number))"
  done < <(find . -mindepth 1 -maxdepth 1 ! -name .order | sort | shuf --random-source=<(yes))
  find .order -type l -delete # of these mke2fs would make a second one
  find .order -depth -type d -printf 'clri "/%p"\n' >"$scratch/unlink"
}

# Takes the first links out again; e2fsck then counts the links right, and reports with 1 that it changed something.
unlink_order() {
  debugfs -w -f "$scratch/unlink" "$1" >/dev/null 2>&1
  e2fsck -fy "$1" >"$scratch/e2fsck" || [[ $? == 1 ]] || { cat "$scratch/e2fsck" >&2 && fail 'e2fsck failed'; }
}

[[ -z $edit ]] || (cd "$tree" && edit_files && link_in_new_order)
mkdir -p "$(dirname "$out")"
rm -f "$out.part"
truncate -s "$size" "$out.part"
mke2fs -q -t ext4 -F -d "$tree" -U 6d657267-6520-696d-6167-652074657374 -L tree \
  -E root_owner=0:0,hash_seed=6d657267-6520-696d-6167-652073656564,lazy_itable_init=1 "$out.part"
[[ -z $edit ]] || unlink_order "$out.part"
mv "$out.part" "$out"
