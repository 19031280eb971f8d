# promises.sh - for a script of tests, which reads it in with `.` and its own arguments:
#	SCRIPT BUILD [--count FILE] [part of "suite.test" ...]
# A function whose name has three underscores or more is a test, its name the promise. The script
# ends with `run_promises SUITE "$0"`; it may have a function before_each.
# Gives it: $build, $dir (for files, taken away at the end), fail TEXT.
# shellcheck shell=sh disable=SC2034

build=$1 count=
shift
if [ "${1:-}" = --count ]; then
	count=$2
	shift 2
fi
wanted=$*
passed=0 failed=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

fail() {
	echo "     $*"
	return 1
}

before_each() {
	:
}

is_wanted() {
	[ -n "$wanted" ] || return 0
	for part in $wanted; do
		case $1 in
		*"$part"*) return 0 ;;
		esac
	done
	return 1
}

run_promise() {
	is_wanted "$1.$2" || return 0
	before_each
	if "$2"; then
		echo "ok   $1.$2"
		passed=$((passed + 1))
	else
		echo "FAIL $1.$2"
		failed=$((failed + 1))
	fi
}

run_promises() {
	for test in $(sed -n 's/^\([a-z0-9]*\(_[a-z0-9]*\)\{3,\}\)() {$/\1/p' "$2"); do
		run_promise "$1" "$test"
	done
	[ -z "$count" ] || echo "$passed $failed" >"$count"
	[ "$failed" = 0 ]
}
