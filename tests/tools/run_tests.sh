#!/bin/sh
# run_tests.sh BUILD unit|e2e|sdk|crash|install|build|docs|lint|all [NAME]
# run_tests.sh BUILD soak RUNS
# - runs the test programs of a build, with the sanitizers' runtimes preloaded into the brokers where
# the build has any; soak: unit, build and so many runs of crash.
# Closing line: N passed, N failed.
set -u
build=$1 what=$2
shift 2
HUBGATE_BUILD=$build
export HUBGATE_BUILD

# A sanitized plugin inside a broker that is not: its runtime has to come first.
case $build in
*san-*address*) runtimes="libasan.so libubsan.so" ;;
*san-*thread*) runtimes="libtsan.so" ;;
*) runtimes= ;;
esac
HUBGATE_PRELOAD=
for runtime in $runtimes; do
	HUBGATE_PRELOAD="$HUBGATE_PRELOAD${HUBGATE_PRELOAD:+ }$(gcc -print-file-name="$runtime")"
done
[ -z "$HUBGATE_PRELOAD" ] || export HUBGATE_PRELOAD
here=$(cd "$(dirname "$0")" && pwd)
ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:exitcode=99"
LSAN_OPTIONS="suppressions=$here/lsan.supp:print_suppressions=0"
# Without its wait of a second at the end of a process, which would count as the time of a stop.
TSAN_OPTIONS="suppressions=$here/tsan.supp:exitcode=99:atexit_sleep_ms=0"
UBSAN_OPTIONS="print_stacktrace=1"
export ASAN_OPTIONS LSAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS

counts=$(mktemp) && beside=$(mktemp -d) || exit 1
beside_pids=
# shellcheck disable=SC2086
trap '[ -z "$beside_pids" ] || kill $beside_pids; rm -rf "$counts" "$beside"' EXIT
trap 'exit 1' INT TERM
passed=0 failed=0 status=0

# The thread sanitizer wants the address space where it expects it, and libmosquitto
# unlocks mutexes of other threads: there the clients are the plain build's, the
# brokers and what they load are sanitized.
prefix='' clients=$build
case $build in
*san-thread*)
	command -v setarch >/dev/null && prefix="setarch $(uname -m) -R"
	clients=${build%/san-thread*}
	;;
esac

run_program() {
	program=$1
	shift
	: >"$counts"
	from=$build
	[ "$program" = unit ] || from=$clients
	# shellcheck disable=SC2086
	$prefix "$from/$program" --count "$counts" "$@" || status=1
	add_counts
}

add_counts() {
	read -r good bad <"$counts" || { good=0; bad=1; status=1; }
	passed=$((passed + good))
	failed=$((failed + bad))
}

# What needs brokers mostly waits: four programs for each processor share the tests, two where
# sanitizers want the processors, unless some tests are named. What the others say is shown when the
# first has ended.
run_e2e() {
	case $build in *san-*) parts=$(($(nproc) * 2)) ;; *) parts=$(($(nproc) * 4)) ;; esac
	[ "$parts" -lt 8 ] || parts=8
	if [ $# -gt 0 ]; then
		run_program e2e "$@"
		return
	fi
	for part in $(seq 2 "$parts"); do
		# shellcheck disable=SC2086
		$prefix "$clients/e2e" --count "$beside/count$part" --beside "$beside/taken" \
			>"$beside/log$part" 2>&1 &
		beside_pids="$beside_pids $!"
	done
	run_program e2e --beside "$beside/taken"
	for pid in $beside_pids; do
		wait "$pid" || status=1
	done
	beside_pids=
	for part in $(seq 2 "$parts"); do
		cat "$beside/log$part"
		cp "$beside/count$part" "$counts" 2>/dev/null || : >"$counts"
		add_counts
	done
}

# install_check.sh and build_check.sh: a sanitized library is nothing to install.
run_check() {
	case $build in *san-*) return ;; esac
	check=$1
	shift
	run_script "${check}_check.sh" "$build" "$@"
}

# run_script NAME [BUILD] [PART ...]
run_script() {
	script=$1
	shift
	of=
	case ${1:-} in "$build") of=$1; shift ;; esac
	: >"$counts"
	"$here/$script" ${of:+"$of"} --count "$counts" "$@" || status=1
	add_counts
}

case $what in
install | build) run_check "$what" "$@" ;;
docs | lint) run_script "${what}_test.sh" "$@" ;;
e2e) run_e2e "$@" ;;
unit | sdk | crash) run_program "$what" "$@" ;;
soak)
	run_program unit
	run_check build
	run_program crash --runs "$1"
	;;
all)
	run_program unit "$@"
	run_e2e "$@"
	[ ! -x "$build/sdk" ] || run_program sdk "$@"
	run_check build "$@"
	run_check install "$@"
	run_script docs_test.sh "$@"
	run_script lint_test.sh "$@"
	run_program crash --brief "$@"
	;;
esac
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ] && exit "$status"
exit 1
