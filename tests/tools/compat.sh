#!/bin/bash
# compat.sh ROOTS BUILD "SUITE ..." [NAME ...] - runs the e2e tests of a build, those with NAME in
# their name, on the broker of each Debian release: plugin, simulator and test programs as they were
# built here, broker and libraries of that release, in a root of it (roots.sh), ROOTS/SUITE.
# Run as root, in the top directory. What is mounted ends with the run: it happens in a mount
# namespace of its own.
set -euo pipefail
roots=$1 build=$2 suites=$3
shift 3
PACKAGES="mosquitto mosquitto-clients libcunit1 libcjson1 libcurl4 libmicrohttpd12 libsqlite3-0 libxxhash0 openssl procps"

me=compat
. tests/tools/roots.sh

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
failed=''
for suite in $suites; do
	# shellcheck disable=SC2086
	root_make "$suite" "base-$suite" $PACKAGES
	echo "== $suite"
	run "$suite" "$@" || failed="$failed $suite"
done
[ -z "$failed" ] || die "failed on:$failed"
