#!/bin/bash
# compat.sh ROOTS BUILD "SUITE ..." [NAME ...] - runs the e2e tests of a build, those with NAME in
# their name, on the broker of each Debian release: plugin, simulator and test programs as they were
# built here, broker and libraries of that release. Its root is made once, by debootstrap from the
# mirror that this machine's apt uses, and kept in ROOTS/SUITE; delete that to have it made anew.
# Run as root, in the top directory. What is mounted ends with the run: it happens in a mount
# namespace of its own.
set -euo pipefail
roots=$1 build=$2 suites=$3
shift 3
PACKAGES="mosquitto mosquitto-clients libcunit1 libcjson1 libcurl4 libmicrohttpd12 libsqlite3-0 libxxhash0 openssl procps"

die() {
	echo "compat: $*" >&2
	exit 1
}

# apart COMMAND ...: with mounts and processes of its own
apart() {
	unshare --mount --pid --fork --kill-child --propagation private "$@"
}

mirror() {
	apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' 'Created-By: Packages' \
		'Origin: Debian' | awk '$2 == "main" { print $1; exit }'
}

# make_root SUITE: debootstrap may not know one that is younger than itself; they are all made as sid.
make_root() {
	local root=$roots/$1 script=/usr/share/debootstrap/scripts/$1 from

	[ -n "$(mirror)" ] || apt-get -qq update
	from=$(mirror)
	[ -n "$from" ] || die "apt of this machine knows no mirror of Debian"
	[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
	echo "compat: debootstrap of $1"
	rm -rf --one-file-system "$root.new"
	apart debootstrap --variant=minbase "$1" "$root.new" "$from" "$script" >"$root.log" 2>&1 ||
		{ tail -5 "$root.log" >&2; die "no root of $1"; }
	# No service is started by its package. The mirror may be a snapshot of some day.
	printf '#!/bin/sh\nexit 101\n' >"$root.new/usr/sbin/policy-rc.d"
	chmod 0755 "$root.new/usr/sbin/policy-rc.d"
	apart sh -ec 'mount -t proc proc "$1/proc"; exec chroot "$1" sh -ec "
		export DEBIAN_FRONTEND=noninteractive
		apt-get -qq -o Acquire::Check-Valid-Until=false update
		apt-get -qq install -y --no-install-recommends $2
		apt-get clean"' sh "$root.new" "$PACKAGES" >>"$root.log" 2>&1 ||
		{ tail -5 "$root.log" >&2; die "no broker in the root of $1"; }
	mv "$root.new" "$root"
}

# run SUITE [NAME ...]: the tree is where it is here.
run() {
	local root=$roots/$1

	shift
	mkdir -p "$root$PWD"
	apart sh -ec '
		root=$1 build=$2
		shift 2
		mount --bind "$PWD" "$root$PWD"
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		exec chroot "$root" sh -ec "
			cd \"\$1\"
			shift
			/usr/sbin/mosquitto -h | sed -n \"1s/^/compat: /p\"
			exec tests/tools/run_tests.sh \"\$@\"" sh "$PWD" "$build" e2e "$@"' \
		sh "$root" "$build" "$@"
}

[ "$(id -u)" = 0 ] || die "needs root: it makes Debian roots and runs them"
case $build in *san-*) die "the sanitizers' runtimes are not in these roots" ;; esac
mkdir -p "$roots"
failed=''
for suite in $suites; do
	[ -d "$roots/$suite" ] || make_root "$suite"
	echo "== $suite"
	run "$suite" "$@" || failed="$failed $suite"
done
[ -z "$failed" ] || die "failed on:$failed"
