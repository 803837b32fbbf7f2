#!/usr/bin/env bash
# Boots a disk image in qemu until it says that it is up on the serial line.
set -euo pipefail

usage() {
  cat <<'EOF'
boot.sh IMAGE.raw KERNEL INITRD [--until TEXT] [--timeout SECONDS] [--kvm]

Boots the image, which stays as it is, and exits 0 once TEXT (MERGE-IMAGE-BOOT-OK) shows on the serial line; 1, with the last
lines of the console, if qemu ends or the time (300 s) is over before that. The processor is emulated (20 to 60 s), for
nested KVM is not to be relied on; --kvm does without.
EOF
}

fail() {
  echo "boot.sh: $*" >&2
  exit 1
}

timeout=300 accel=tcg text=MERGE-IMAGE-BOOT-OK files=()
while (($#)); do
  case $1 in
    --timeout) timeout=${2?} && shift ;;
    --until) text=${2?} && shift ;;
    --kvm) accel=kvm ;;
    --help | -h) usage && exit ;;
    -*) usage >&2 && fail "unknown option $1" ;;
    *) files+=("$1") ;;
  esac
  shift
done
((${#files[@]} == 3)) || { usage >&2 && exit 2; }
for file in "${files[@]}"; do [[ -r $file ]] || fail "cannot read $file"; done
command -v qemu-system-x86_64 >/dev/null || fail 'qemu-system-x86_64 is missing: apt-get install qemu-system-x86'

# -snapshot keeps what the guest writes in a temporary file.
console=$(mktemp "${TMPDIR:-/tmp}/console.XXXXXX")
timeout --kill-after 5 "$timeout" qemu-system-x86_64 -accel "$accel" -m 1024 -smp 2 -display none -no-reboot \
  -nic none -serial stdio -snapshot -drive "file=${files[0]},format=raw,if=virtio" \
  -kernel "${files[1]}" -initrd "${files[2]}" -append 'root=/dev/vda rw console=ttyS0' </dev/null >"$console" 2>&1 &
qemu=$!
trap 'kill "$qemu" 2>/dev/null || true; wait "$qemu" || true; rm -f "$console"' EXIT

booted() { grep -qF -- "$text" "$console"; }
until booted; do
  if ! kill -0 "$qemu" 2>/dev/null; then
    booted && break
    tail -n 40 "$console" >&2
    fail "${files[0]}: no $text on the console, $SECONDS s"
  fi
  sleep 0.2
done
echo "$text after $SECONDS s"
