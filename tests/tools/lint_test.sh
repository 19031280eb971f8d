#!/bin/sh
# lint_test.sh [--count FILE] [NAME ...] - the checks of `make lint` notice a planted breach. Run in
# the top directory.
set -u

. tests/tools/suite.sh
suite_options "$@"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
top=$(pwd)
tree="$dir/tree"

suite_before() {
	rm -rf "$tree"
	mkdir -p "$tree/core/base" "$tree/core/json" "$tree/core/shadow" "$tree/shadowstore/journal" \
		"$tree/bridge/uplink" "$tree/bridge/sdk" "$tree/plugin/lan" "$tree/tests/hubsim" "$tree/tests/mqtt" \
		"$tree/tests/unit"
}

# walls_say TEXT FILE LINE: FILE with that line is refused with TEXT
walls_say() {
	echo "$3" >"$tree/$2"
	"$top/.ci/walls.sh" "$tree" >"$dir/said" 2>&1 && fail "nothing is said of: $3" && return 1
	grep -qF "$1" "$dir/said" || fail "of '$3' is said: $(cat "$dir/said")" || return 1
	rm "$tree/$2"
}

# --- walls ---

includes_that_the_table_allows_are_fine() {
	echo '#include "core/base/buf.h"' >"$tree/core/json/a.c"
	echo '#include "bridge/uplink/uplink_impl.h"' >"$tree/bridge/uplink/a.c"
	"$top/.ci/walls.sh" "$tree" >"$dir/said" 2>&1 || fail "$(cat "$dir/said")"
}

include_through_a_wall_is_noticed() {
	walls_say 'core/base may not include core/json' core/base/a.c '#include "core/json/json.h"' &&
		walls_say 'shadowstore/journal may not include bridge/uplink' shadowstore/journal/a.h \
			'#include "bridge/uplink/uplink.h"' &&
		walls_say 'core/json/a.c:1' core/json/a.c '#include "plugin/base/context.h"' &&
		walls_say 'plugin/lan may not include plugin/devices' plugin/lan/a.c \
			'#include "plugin/devices/presence.h"' &&
		walls_say 'plugin/lan may not include plugin (' plugin/lan/a.c '#include "plugin/turn.h"'
}

private_header_from_elsewhere_is_noticed() {
	walls_say 'is private to its folder' plugin/lan/a.c '#include "plugin/base/x_impl.h"'
}

header_that_the_table_calls_private_is_noticed_from_elsewhere() {
	walls_say 'mail.h is private to its folder' bridge/sdk/a.c '#include "bridge/uplink/mail.h"'
}

private_header_of_what_a_test_tests_is_fine() {
	for name in x x_more; do
		echo '#include "bridge/uplink/x_impl.h"' >"$tree/tests/unit/test_$name.c"
	done
	echo '#include "bridge/uplink/mail.h"' >"$tree/tests/unit/test_y.c"
	"$top/.ci/walls.sh" "$tree" >"$dir/said" 2>&1 || fail "$(cat "$dir/said")"
}

test_that_includes_a_private_header_of_others_is_noticed() {
	for file in tests/unit/test_y.c tests/unit/test_xy.c tests/mqtt/x.c; do
		walls_say "$file:1: bridge/uplink/x_impl.h is private" "$file" \
			'#include "bridge/uplink/x_impl.h"' || return 1
	done
}

folder_without_a_line_in_the_table_is_noticed() {
	mkdir -p "$tree/core/misc"
	walls_say 'core/misc has no line' core/misc/a.c '#include "core/base/buf.h"'
}

clock_or_thread_in_core_is_noticed() {
	walls_say 'core is pure' core/shadow/a.c '#include <time.h>' &&
		walls_say 'core is pure' core/json/a.h '#include <pthread.h>'
}

broker_outside_of_plugin_is_noticed() {
	walls_say 'only plugin/ knows the broker' bridge/uplink/a.c '#include <mosquitto_broker.h>'
}

simulator_that_shares_code_is_noticed() {
	walls_say 'share no code' tests/hubsim/a.c '#include "core/base/buf.h"'
}

# --- circles ---

# object NAME CODE: its source in the tree, its object below objects/
object() {
	mkdir -p "$tree/$(dirname "$1")" "$tree/objects/$(dirname "$1")"
	echo "$2" >"$tree/$1.c"
	${CC:-cc} -c -o "$tree/objects/$1.o" "$tree/$1.c"
}

calls_in_one_direction_are_fine() {
	object core/base/a 'void b(void); void a(void) { b(); }'
	object core/base/b 'void c(void); void b(void) { c(); }'
	object core/base/c 'void c(void) { }'
	"$top/.ci/circles.sh" objects "$tree" >"$dir/said" 2>&1 || fail "$(cat "$dir/said")"
}

files_that_call_each_other_in_a_circle_are_noticed() {
	object core/base/a 'void b(void); void a(void) { b(); }'
	object core/base/b 'void c(void); void b(void) { c(); }'
	object plugin/c 'void a(void); void c(void) { a(); }'
	"$top/.ci/circles.sh" objects "$tree" >"$dir/said" 2>&1 && fail 'a circle of three' && return 1
	grep -qF 'plugin/c -> core/base/a: a' "$dir/said" || fail "$(cat "$dir/said")"
}

# --- prefixes ---

names_that_begin_with_their_file_are_fine() {
	object core/base/lamp 'void lamp_on(void) { } int lamp(void) { return 1; }'
	object core/base/lamp_impl 'void lamp_dim(void) { }'
	"$top/.ci/prefixes.sh" objects "$tree" >"$dir/said" 2>&1 || fail "$(cat "$dir/said")"
}

exported_name_that_begins_otherwise_is_noticed() {
	object core/base/lamp 'void lamp_on(void) { } void switch_off(void) { }'
	"$top/.ci/prefixes.sh" objects "$tree" >"$dir/said" 2>&1 && fail 'switch_off' && return 1
	grep -qF 'core/base/lamp: switch_off' "$dir/said" || fail "$(cat "$dir/said")"
}

# --- rooms ---

# room_function DECLARATION BODY: it stands in a header of UPLINK, and is defined beside it
room_function() {
	printf '/* lamp.h - a lamp.\n * Room:  UPLINK, except where a function says otherwise.\n */\n%s\n' \
		"$1" >"$tree/core/base/lamp.h"
	printf '%s\n{\n\t%s\n}\n' 'void lamp_on(void)' "$2" >"$tree/core/base/lamp.c"
	"$top/.ci/rooms.sh" "$tree" >"$dir/said" 2>&1
}

functions_that_check_the_room_of_their_header_are_fine() {
	room_function 'void lamp_on(void);' 'IN_ROOM(ROOM_UPLINK);' || fail "$(cat "$dir/said")" || return 1
	room_function '/* Room DISK. */
void lamp_on(void);' 'IN_ROOM(ROOM_DISK);' || fail "$(cat "$dir/said")" || return 1
	room_function 'void lamp_on(void); /* any room */' 'burn();' || fail "$(cat "$dir/said")"
}

function_that_does_not_check_its_room_is_noticed() {
	room_function 'void lamp_on(void);' 'burn();' && fail 'no IN_ROOM()' && return 1
	grep -qF 'core/base/lamp.h: lamp_on() has no IN_ROOM(ROOM_UPLINK)' "$dir/said" ||
		fail "$(cat "$dir/said")"
}

function_that_checks_another_room_is_noticed() {
	room_function '/* Room DISK: now and
 * then. */
void lamp_on(void);' 'IN_ROOM(ROOM_UPLINK);' && fail 'the wrong room' && return 1
	grep -qF 'lamp_on() has no IN_ROOM(ROOM_DISK)' "$dir/said" || fail "$(cat "$dir/said")"
}

# --- the tests that docs/field-cases.md names ---

# cases_say TEXT: that text names them
cases_say() {
	mkdir -p "$tree/docs"
	echo 'SUITE(lamp, TEST(lamp_that_is_on_shines), TEST(lamp_that_is_off_does_not))' >"$tree/tests/unit/test_lamp.c"
	printf '%s\n' "$1" >"$tree/docs/field-cases.md"
	"$top/.ci/cited_tests.sh" "$tree" >"$dir/said" 2>&1
}

cited_tests_that_are_there_are_fine() {
	cases_say '| seen | done | `lamp_that_is_on_shines`, `lamp_that_is_off_does_not` |' || fail "$(cat "$dir/said")"
}

cited_test_that_is_missing_is_noticed() {
	cases_say '| seen | done | `lamp_that_is_on_shines`, `lamp_that_burns_does_not` |' && fail 'no such test' && return 1
	grep -qF 'docs/field-cases.md:1: no test is called lamp_that_burns_does_not' "$dir/said" ||
		fail "$(cat "$dir/said")" || return 1
	cases_say 'nothing' && fail 'it names none'
	grep -qF 'names no tests' "$dir/said" || fail "$(cat "$dir/said")"
}

suite_run lint "$0"
