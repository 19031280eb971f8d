# suite.sh - sourced by the test programs that are scripts. A test is a function whose name has at
# least four words; it prints why it fails, indented, and returns 1.
#   suite_options ARGUMENT ...   takes --count FILE; what is left are parts of names, none: all
#   suite_run SUITE SCRIPT       runs the tests of SCRIPT; 1: some failed

suite_options() {
	suite_count='' suite_wanted=''
	if [ "${1:-}" = --count ]; then
		suite_count=$2
		shift 2
	fi
	suite_wanted=$*
}

fail() {
	echo "     $*"
	return 1
}

suite_wants() {
	[ -n "$suite_wanted" ] || return 0
	for part in $suite_wanted; do
		case $1 in
		*"$part"*) return 0 ;;
		esac
	done
	return 1
}

# Before each test; a script may have its own.
suite_before() {
	:
}

suite_run() {
	suite_passed=0 suite_failed=0
	for test in $(sed -n 's/^\([a-z0-9_]*_[a-z0-9_]*_[a-z0-9_]*_[a-z0-9_]*\)() {$/\1/p' "$2"); do
		suite_wants "$1.$test" || continue
		suite_before
		if "$test"; then
			echo "ok   $1.$test"
			suite_passed=$((suite_passed + 1))
		else
			echo "FAIL $1.$test"
			suite_failed=$((suite_failed + 1))
		fi
	done
	[ -z "$suite_count" ] || echo "$suite_passed $suite_failed" >"$suite_count"
	[ "$suite_failed" = 0 ]
}
