#!/usr/bin/env bash
# A bare Debian 12 with nothing but sudo, a stranger in it with a clean clone of this tree, and the README in his hands: what
# he does and how long it takes is printed, and stands in build/readme.log. Needs root, debootstrap, git and python3.
# bare_root.sh [COMMAND...]: only this command, in the clone. GANTRY_DEBIAN: where packages come from.
set -euo pipefail

tree=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
build=$tree/build/readme
root=$build/root
log=$tree/build/readme.log
home=/home/stranger
from=${GANTRY_DEBIAN:-http://deb.debian.org/debian}

((EUID == 0)) || { echo "bare_root.sh: a root folder can only be made by root" >&2; exit 1; }
# Mounts of this script end with it.
[[ ${GANTRY_OWN_MOUNTS:-} ]] || GANTRY_OWN_MOUNTS=1 exec unshare --mount --fork "$0" "$@"

say() { printf '%s\n' "readme: $*" | tee -a "$log" >&2; }

rm -rf --one-file-system "$build"
mkdir -p "$build"
: >"$log"
say "$(git -C "$tree" describe --always --dirty) on $(nproc) cores, $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 2^20 }' /proc/meminfo)"
[[ -z $(git -C "$tree" status --porcelain) ]] || say "what is not committed is not in the clone"

started=$SECONDS
say "making a bare Debian 12 from $from"
debootstrap --variant=minbase --include=sudo bookworm "$root" "$from" >"$build/debootstrap.log" 2>&1 || {
  tail -n 20 "$build/debootstrap.log" >&2
  exit 1
}
say "made in $((SECONDS - started)) s"

# What this machine knows about its network.
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
mkdir -p "$root/usr/local/share/ca-certificates"
cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"

chroot "$root" useradd --create-home --shell /bin/bash stranger
printf '%s\n' 'stranger ALL=(ALL) NOPASSWD: ALL' 'Defaults env_keep += "http_proxy https_proxy no_proxy"' >"$root/etc/sudoers.d/stranger"
git clone -q --no-hardlinks "$tree" "$root$home/gantry"
python3 -B "$tree/tests/docs/examples.py" --extract "$root$home/blocks" README.md
cp "$tree/tools/readme/follow.sh" "$root$home/"
chroot "$root" chown -R stranger:stranger $home

kept=()
for name in http_proxy https_proxy no_proxy GANTRY_JOBS; do
  [[ -z ${!name:-} ]] || kept+=("$name=${!name}")
done
status=0
env -i "${kept[@]}" PATH=/usr/local/bin:/usr/bin:/bin HOME=$home USER=stranger LANG=C.UTF-8 TERM=dumb \
  "$(command -v chroot)" --userspec=stranger:stranger "$root" $home/follow.sh "$@" 2>&1 | tee -a "$log" || status=$?
say "all of it: $((SECONDS - started)) s, status $status; $log"
umount -l "$root/proc" "$root/dev"
((status != 0)) || rm -rf --one-file-system "$build"
exit "$status"
