#!/bin/sh
# build_check.sh BUILD [--count FILE] [NAME ...] - builds as guests do: with compilers and flags of
# their own. One object of each folder stands for all of it; with HUBGATE_SOAK=1 the whole plugin is
# built each time. And what lint does where its tools are missing. Run in the top directory; BUILD is
# not touched.
set -u

. tests/tools/suite.sh
build=$1
shift
suite_options "$@"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
own=$dir/build

objects() {
	for folder in core shadowstore bridge plugin cli; do
		find $folder -name '*.c' | sort | sed -n "1s|\(.*\)\.c$|$own/obj/\1.o|p"
	done
}

case ${HUBGATE_SOAK:-0} in
0) targets=$(objects) ;;
*) targets=all ;;
esac

# note_calls NAME TOOL: a program that keeps what it was asked, a line for each call, and does it
note_calls() {
	printf '#!/bin/sh\necho "$*" >>"$0.calls"\nexec %s "$@"\n' "$2" >"$dir/$1"
	chmod 0755 "$dir/$1"
}
note_calls cc gcc
note_calls ar ar
note_calls pkg pkg-config

suite_before() {
	guest=
	rm -rf "$own"
	: >"$dir/cc.calls"
}

# build [NAME=VALUE ...]: quiet when all goes well and nothing was said. Not a part of the make that
# may run this script, and without its flags.
build() {
	# shellcheck disable=SC2086
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u SAN -u DEBUG -u WERROR ${guest:-} \
		make --no-print-directory B="$own" "$@" $targets >"$dir/make.log" 2>&1 ||
		{ cat "$dir/make.log"; return 1; }
	! grep -n 'warning:' "$dir/make.log" || fail "warnings of the compiler"
}

# A guest's environment has none of the variables that the caller of this script may have given.
without_flags() {
	unset CC AR PKG_CONFIG CPPFLAGS CFLAGS LDFLAGS
}

# every_call FLAG ...: each object was made with all of these
every_call() {
	for flag in "$@"; do
		[ "$(grep -c -e " -c " "$dir/cc.calls")" = "$(grep -c -e "$flag .*-c " "$dir/cc.calls")" ] ||
			fail "not every call has $flag" || return 1
	done
	grep -q -e ' -c ' "$dir/cc.calls" || fail "the compiler was not called"
}

# never TEXT: in no call
never() {
	! grep -q -e "$1" "$dir/cc.calls" || fail "a call has $1"
}

# debian OPTION=VALUE: with what dpkg-buildflags says
debian() {
	command -v dpkg-buildflags >/dev/null || { echo "     no dpkg-buildflags here"; return 0; }
	flags=$(env "$1" dpkg-buildflags --export) || return 1
	(eval "$flags" && build CC="$dir/cc") && every_call '-ffile-prefix-map=[^ ]*'
}

# --- tests ---

flags_of_the_command_line_are_taken_and_ours_stay() {
	build CC="$dir/cc" CFLAGS=-O1 CPPFLAGS=-DGUEST=1 &&
		every_call -O1 -DGUEST=1 -std=c11 -fPIC -fvisibility=hidden -pthread -D_GNU_SOURCE &&
		never ' -O2'
}

flags_of_the_environment_are_taken_and_ours_stay() {
	guest="CC=$dir/cc CFLAGS=-O1 CPPFLAGS=-DGUEST=1"
	build && every_call -O1 -DGUEST=1 -std=c11 -fPIC -fvisibility=hidden -pthread -D_GNU_SOURCE &&
		never ' -O2'
}

linker_archiver_and_pkg_config_are_the_guests() {
	guest="AR=$dir/ar PKG_CONFIG=$dir/pkg LDFLAGS=-Wl,-O1"
	(targets="$own/libharness.a $own/hubsim/hubsim $own/hubsim/hubsim.so" && build CC="$dir/cc") ||
		return 1
	grep -q libharness.a "$dir/ar.calls" || fail "AR was not called" || return 1
	grep -q -e --libs "$dir/pkg.calls" || fail "PKG_CONFIG was not called" || return 1
	[ "$(grep -c -e '-Wl,-O1 .*-o [^ ]*hubsim' "$dir/cc.calls")" = 2 ] || fail "LDFLAGS are missing"
}

fortify_level_of_the_guest_is_left_alone() {
	build CC="$dir/cc" CPPFLAGS=-D_FORTIFY_SOURCE=3 WERROR=1 &&
		every_call -D_FORTIFY_SOURCE=3 && never -D_FORTIFY_SOURCE=2
}

fortify_level_is_ours_when_the_guest_gives_none() {
	build CC="$dir/cc" WERROR=1 && every_call -D_FORTIFY_SOURCE=2
}

without_optimization_nothing_is_fortified() {
	build CC="$dir/cc" CFLAGS='-O2 -g -O0' WERROR=1 && never _FORTIFY_SOURCE
}

flags_of_debian_build_without_warnings() {
	debian DEB_BUILD_OPTIONS=
}

flags_of_debian_with_all_hardening_build_without_warnings() {
	debian DEB_BUILD_MAINT_OPTIONS=hardening=+all
}

flags_of_debian_without_optimization_build_without_warnings() {
	debian DEB_BUILD_OPTIONS=noopt
}

clang_builds_without_warnings() {
	command -v clang >/dev/null || { echo "     no clang here"; return 0; }
	build CC=clang CFLAGS=-O1 WERROR=1
}

objects_are_made_again_when_flags_change_and_only_then() {
	other="-DGUEST='\"a b\"'"
	build CC="$dir/cc" && build CC="$dir/cc" || return 1
	first=$(grep -c -e ' -c ' "$dir/cc.calls")
	build CC="$dir/cc" CPPFLAGS="$other" && build CC="$dir/cc" CPPFLAGS="$other" || return 1
	both=$(grep -c -e ' -c ' "$dir/cc.calls")
	[ "$both" = $((2 * first)) ] || fail "calls: $first, with other flags $((both - first))"
}

missing_lint_tool_is_named_and_skipped_but_fails_in_ci() {
	said=$(LINT_ALL='' .ci/with_tool.sh 'no-such-tool|nor-this' --check) ||
		fail "a missing tool fails" || return 1
	[ "$said" = "skipped: no-such-tool, which is not installed (make deps-lint)" ] ||
		fail "it says: $said" || return 1
	! LINT_ALL=1 .ci/with_tool.sh no-such-tool 2>/dev/null || fail "LINT_ALL=1 is content" || return 1
	[ "$(.ci/with_tool.sh 'no-such-tool|echo' found)" = found ] || fail "the second is not taken"
}

without_flags
suite_run build "$0"
