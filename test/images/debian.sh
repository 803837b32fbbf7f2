#!/usr/bin/env bash
# Builds a Debian disk image: an ext4 file system without a partition table, its kernel and its initramfs.
# shellcheck disable=SC2016 # $1 and $(…) in single quotes are for the hooks and for apt
set -euo pipefail

usage() {
  cat <<'EOF'
debian.sh OUT.raw [--security] [--grow] [--packages a,b,c] [--size 8G] [--debs DIR]

Builds Debian of this machine's release, from this machine's mirror, into OUT.raw (sparse ext4), OUT.vmlinuz and
OUT.initrd (OUT without .raw). At boot it prints MERGE-IMAGE-BOOT-OK on the first serial line and powers off.

  --security     take the security and updates suites too, as a rebuild some months later would
  --grow         add the packages of grown.packages, for more than 1 GB of data
  --packages P   add packages, separated by commas
  --size S       size of the file system, as mke2fs reads it (8G)
  --debs DIR     where downloaded packages are kept for the next build (beside OUT.raw)

Root, or a user with a range in /etc/subuid.
EOF
}

fail() {
  echo "debian.sh: $*" >&2
  exit 1
}

here=$(cd "$(dirname "$0")" && pwd)
out='' suites='' packages='' size=8G debs=''
while (($#)); do
  case $1 in
    --security) suites=all ;;
    --grow) packages+=",$(paste -sd, "$here/grown.packages")" ;;
    --packages) packages+=",${2?}" && shift ;;
    --size) size=${2?} && shift ;;
    --debs) debs=${2?} && shift ;;
    --help | -h) usage && exit ;;
    -*) usage >&2 && fail "unknown option $1" ;;
    *) out=$1 ;;
  esac
  shift
done
[[ -n $out ]] || { usage >&2 && exit 2; }

need() { command -v "$1" >/dev/null || fail "$1 is missing: apt-get install $2"; }
PATH=$PATH:/usr/sbin:/sbin
need mmdebstrap mmdebstrap
need mke2fs e2fsprogs
[[ $(id -u) == 0 ]] || need newuidmap uidmap

# The mirror's lines of this machine's release, whichever format its sources are written in.
sources() {
  local release
  # shellcheck source=/dev/null
  release=$(. /etc/os-release && echo "$VERSION_CODENAME")
  apt-get indextargets --format '$(ORIGIN)|$(RELEASE)|$(REPO_URI)|$(COMPONENT)' 'Created-By: Packages' |
    awk -F'|' -v release="$release" -v all="$suites" '
      $1 == "Debian" && ($2 == release || (all && index($2, release "-") == 1)) { print "deb", $3, $2, $4 }' |
    sort -u
}

base=${out%.raw}
debs=${debs:-$(dirname "$out")/debs${packages:+-more}}
mkdir -p "$debs"
debs=$(cd "$debs" && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/debian.XXXXXX")
root=$scratch/root
# Without root the tree belongs to a range of sub-users: only they may read and remove it.
if [[ $(id -u) == 0 ]]; then
  mode=root
  asOwner() { "$@"; }
else
  mode=unshare
  chmod 777 "$scratch"
  asOwner() { mmdebstrap --unshare-helper "$@"; }
fi
trap 'asOwner rm -rf "$root"; rm -rf "$scratch" "$out.part"' EXIT

sources >"$scratch/sources.list"
[[ -s $scratch/sources.list ]] || fail 'apt knows no suite of this Debian release: run apt-get update'
[[ -z $suites ]] || grep -q -e '-security ' "$scratch/sources.list" ||
  fail 'apt knows no security suite: check its sources, run apt-get update'

export SOURCE_DATE_EPOCH=1700000000
mmdebstrap --quiet --mode=$mode --variant=minbase --skip=download/empty,essential/unlink \
  --include="systemd-sysv,udev,initramfs-tools,linux-image-cloud-$(dpkg --print-architecture)$packages" \
  --dpkgopt=force-unsafe-io --aptopt='Acquire::Check-Valid-Until "false"' \
  --setup-hook='mkdir -p "$1/var/cache/apt/archives"' \
  --setup-hook="sync-in '$debs' /var/cache/apt/archives" \
  --customize-hook="sync-out /var/cache/apt/archives '$debs'" \
  --customize-hook="upload '$here/boot-marker.service' /etc/systemd/system/boot-marker.service" \
  --customize-hook='chroot "$1" systemctl --quiet enable boot-marker' \
  --customize-hook='echo merge-image >"$1/etc/hostname"' \
  --customize-hook="copy-out /boot '$scratch'" \
  '' "$root" - <"$scratch/sources.list"

rm -f "$out.part"
truncate -s "$size" "$out.part"
chmod 666 "$out.part"
asOwner mke2fs -q -t ext4 -F -d "$root" -U 6d657267-6520-696d-6167-652074657374 -L root \
  -E hash_seed=6d657267-6520-696d-6167-652073656564,lazy_itable_init=1 "$out.part"
chmod 644 "$out.part"
cp "$scratch"/boot/vmlinuz-* "$base.vmlinuz"
cp "$scratch"/boot/initrd.img-* "$base.initrd"
mv "$out.part" "$out"
