#!/bin/bash
# boot_root.sh ROOT - becomes the systemd of a Debian root. roots.sh runs it in namespaces of its own,
# where all that is mounted here ends with it.
set -eu
root=$1
exec </dev/null
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do
	: >"dev/$name"
	mount --bind "/dev/$name" "dev/$name"
done
mkdir dev/pts dev/shm
mount -t devpts devpts dev/pts
: >var/log/console
: >dev/console
mount --bind var/log/console dev/console
mount -t cgroup2 cgroup2 sys/fs/cgroup
mkdir -p mnt
pivot_root . mnt
cd /
umount -l /mnt
export container=hubgate
exec /lib/systemd/systemd --system --log-target=console --show-status=0
