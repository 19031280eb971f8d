# shellcheck shell=bash disable=SC2154
# roots.sh - sourced by scripts of bash: roots of Debian releases, made by debootstrap from the mirror that this machine's
# apt uses, and kept in $roots (delete one to have it made anew). Needs root's rights. $me names the
# script in what is said.
#   root_make NAME FROM PACKAGE ...   makes $roots/NAME, a copy of FROM with packages, if it is not there
#                                     yet; base-SUITE, the smallest one, is made when it is needed
#   in_root ROOT COMMAND ...          runs it there, as root
#   root_boot ROOT                    boots it, with systemd and a network of its own; it needs systemd-sysv
#   booted COMMAND ...                runs it there
#   beside COMMAND ...                runs it here, but with that network, until the system goes down
#   root_off                          ends all that runs there

die() {
	echo "$me: $*" >&2
	exit 1
}

# apart COMMAND ...: with mounts and processes of its own, which end with it
apart() {
	unshare --mount --pid --fork --kill-child --propagation private "$@"
}

mirror() {
	apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' 'Created-By: Packages' \
		'Origin: Debian' | awk '$2 == "main" { print $1; exit }'
}

in_root() {
	apart sh -ec '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		exec chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"' sh "$@"
}

# root_log NAME COMMAND ...: what it says is shown when it fails
root_log() {
	local log=$roots/$1.log

	shift
	"$@" >>"$log" 2>&1 || { tail -5 "$log" >&2; return 1; }
}

# root_base SUITE: debootstrap may not know one that is younger than itself; they are all made as sid.
root_base() {
	local suite=$1 root=$roots/base-$1 script=/usr/share/debootstrap/scripts/$1 from

	[ ! -d "$root" ] || return 0
	[ -n "$(mirror)" ] || apt-get -qq update
	from=$(mirror)
	[ -n "$from" ] || die "apt of this machine knows no mirror of Debian"
	[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
	echo "$me: debootstrap of $suite"
	rm -rf --one-file-system "$root.new"
	root_log "base-$suite" apart debootstrap --variant=minbase "$suite" "$root.new" "$from" "$script" ||
		die "no root of $suite"
	# No service is started by its package. The mirror may be a snapshot of some day.
	printf '#!/bin/sh\nexit 101\n' >"$root.new/usr/sbin/policy-rc.d"
	chmod 0755 "$root.new/usr/sbin/policy-rc.d"
	echo 'Acquire::Check-Valid-Until "false";' >"$root.new/etc/apt/apt.conf.d/90roots"
	root_log "base-$suite" in_root "$root.new" sh -ec 'apt-get -qq update; apt-get clean' ||
		die "no packages for the root of $suite"
	mv "$root.new" "$root"
}

root_make() {
	local name=$1 from=$2 root=$roots/$1

	shift 2
	[ ! -d "$root" ] || return 0
	mkdir -p "$roots"
	[ -d "$roots/$from" ] || root_base "${from#base-}"
	echo "$me: packages of the root $name"
	rm -rf --one-file-system "$root.new"
	cp -a "$roots/$from" "$root.new"
	[ $# = 0 ] || root_log "$name" in_root "$root.new" sh -ec '
		apt-get -qq update
		apt-get -qq install -y --no-install-recommends "$@"
		apt-get clean' sh "$@" || die "packages are missing in the root $name"
	mv "$root.new" "$root"
}

root_boot() {
	local tries=0

	unshare --mount --pid --cgroup --ipc --uts --net --fork --kill-child --propagation private \
		tests/tools/boot_root.sh "$1" &
	boot_job=$!
	until boot_pid=$(pgrep -P "$boot_job") && booted test -S /run/systemd/private 2>/dev/null; do
		tries=$((tries + 1))
		{ [ "$tries" -lt 300 ] && kill -0 "$boot_job"; } || die "systemd does not boot here: $1/var/log/console"
		sleep 0.1
	done
	booted systemctl is-system-running --wait >/dev/null || true # degraded: no console, no kernel log
	nsenter -t "$boot_pid" -n ip link set lo up
}

booted() {
	nsenter -t "$boot_pid" -m -p -n -u -i -C /usr/bin/env -i HOME=/root LANG=C.UTF-8 \
		DEBIAN_FRONTEND="${FRONTEND:-noninteractive}" \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

beside() {
	nsenter -t "$boot_pid" -n -p "$@"
}

root_off() {
	[ -z "${boot_job:-}" ] || kill -KILL "$boot_job" 2>/dev/null || true
	wait "${boot_job:-}" 2>/dev/null || true
	boot_job=''
}
