#!/bin/sh
# docs_test.sh [--count FILE] [NAME ...] - what the documents say is true, and the checks that hold
# them to it notice a breach. Run in the top directory.
set -u

. tests/tools/suite.sh
suite_options "$@"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
top=$(pwd)
tree="$dir/tree"

suite_before() {
	rm -rf "$tree"
	mkdir "$tree"
}

# --- citations ---

# cites TEXT: a tree whose only code cites it, judged; what was said is in $dir/said
cites() {
	mkdir -p "$tree/core" "$tree/docs"
	printf '# A\n\n## 1. One\n\n### 1.2 Two\n**Clock.** Words.\n\n| # | Question |\n|---|---|\n| 3 | why |\n' \
		>"$tree/docs/a.md"
	printf '/* x.c - %s */\n' "$1" >"$tree/core/x.c"
	"$top/.ci/citations.sh" "$tree" >"$dir/said" 2>&1
}

notices() {
	cites "$1" && fail "nothing is said of: $1" && return 1
	grep -qF "core/x.c:$3: $2" "$dir/said" || fail "of '$1' is said: $(cat "$dir/said")"
}

citations_of_what_exists_are_fine() {
	for text in 'docs/a.md' 'docs/a.md 1' 'docs/a.md 1, 1.2' 'docs/a.md 1 and 1.2' \
		'docs/a.md 1 "Clock"' 'docs/a.md, doubt 3' 'core/x.c' 'core/x' \
		'see docs/a.md
 * 1.2'; do
		cites "$text" || fail "of '$text' is said: $(cat "$dir/said")" || return 1
	done
}

cited_file_that_does_not_exist_fails() {
	notices 'docs/b.md 1' 'docs/b.md does not exist' 1 &&
		notices 'a.md' 'a.md does not exist' 1 &&
		notices 'core/y.h' 'core/y.h does not exist' 1
}

cited_section_that_does_not_exist_fails() {
	notices 'docs/a.md 2' 'docs/a.md has no section 2' 1 &&
		notices 'docs/a.md 1, 1.3' 'docs/a.md has no section 1.3' 1 &&
		notices 'docs/a.md, doubt 4' 'docs/a.md has no doubt 4' 1 &&
		notices 'docs/a.md 1 "Watch"' 'docs/a.md does not say "Watch"' 1 &&
		notices 'docs/a.md
 * 7' 'docs/a.md has no section 7' 2
}

link_to_what_does_not_exist_fails() {
	cites 'nothing' || fail "$(cat "$dir/said")" || return 1
	printf '[b](b.md) [a](../docs/a.md) [w](https://example.org/b.md)\n' >>"$tree/docs/a.md"
	"$top/.ci/citations.sh" "$tree" >"$dir/said" 2>&1 && fail "nothing is said" && return 1
	grep -qF 'docs/a.md:11: link to docs/b.md, which does not exist' "$dir/said" ||
		fail "$(cat "$dir/said")"
}

# --- version ---

one_version_stands_in_every_place() {
	version=$(cat VERSION)
	grep -qx "ARG VERSION=$version" docker/Dockerfile ||
		fail "docker/Dockerfile has another version than VERSION" || return 1
	[ "$(sed -n 's/^## \([0-9][^ ]*\).*/\1/p' CHANGELOG.md | head -1)" = "$version" ] ||
		fail "CHANGELOG.md does not begin with version $version" || return 1
	[ "$(sed -n '1s/^hubgate (\(.*\)) .*/\1/p' debian/changelog)" = "$version" ] ||
		fail "debian/changelog does not begin with version $version"
}

# --- Debian's packages ---

# names_all FIELD PACKAGE ...: debian/control has all of them there
names_all() {
	field=$1
	shift
	for package in "$@"; do
		sed -n "/^$field/,/^\$/p" debian/control | grep -q "[ :]$package\( <.*\)\{0,1\},\{0,1\}\$" ||
			fail "debian/control does not name $package, which make/deps.mk does, at $field" || return 1
	done
}

packages_need_what_make_needs() {
	libraries='' needed=''
	for package in $(sed -n 's/^BUILD_PACKAGES := //p' make/deps.mk); do
		case $package in
		gcc | libc6-dev) ;;
		pkg-config) needed="$needed pkgconf" ;;
		*mosquitto-dev) needed="$needed $package" ;;
		*) needed="$needed $package" libraries="$libraries $package" ;;
		esac
	done
	# shellcheck disable=SC2086
	names_all Build-Depends: $needed && names_all 'Package: libhubbridge-dev' $libraries
}

# --- README ---

readme_is_read_in_one_go() {
	for text in README*.md; do
		[ "$(wc -l <"$text")" -le 200 ] || fail "$text has more than 200 lines" || return 1
	done
}

# --- user name and password ---

# block NUMBER: what stands in that ```sh block of docs/devices.md
block() {
	awk -v wanted="$1" '/^```/ { inside = /^```sh$/ && ++n == wanted; next } inside' docs/devices.md
}

# signs ID SECRET USERNAME PASSWORD, of a vector: the second block makes the same
signs() {
	product=$(printf %s "$3" | cut -c 1-10)
	device=$(printf %s "$3" | cut -d ';' -f 1 | cut -c 11-)
	appid=$(printf %s "$3" | cut -d ';' -f 2)
	connid=$(printf %s "$3" | cut -d ';' -f 3)
	expiry=$(printf %s "$3" | cut -d ';' -f 4)
	hash=${4##*;hmac} secret=$2
	username='' password=''
	eval "$(block 2)"
	[ "$username" = "$3" ] || fail "$1: user name $username" || return 1
	[ "$password" = "$4" ] || fail "$1: password $password"
}

snippet_for_a_password_makes_every_vector() {
	sed -n 's/^| \(C[0-9]*\) | `\([^`]*\)`.* | `\([^`]*\)` | `\([^`]*\)` |$/\1 \2 \3 \4/p' \
		docs/protocol/connection.md >"$dir/vectors"
	[ "$(wc -l <"$dir/vectors")" -ge 4 ] || fail "the vectors are not found" || return 1
	while read -r id secret username password; do
		signs "$id" "$secret" "$username" "$password" || return 1
	done <"$dir/vectors"
}

example_of_a_password_is_what_the_snippet_makes() {
	username='' password=''
	eval "$(block 1)
$(block 2)"
	[ -n "$password" ] && grep -qF "| \`$username\` |" docs/devices.md &&
		grep -qF "| \`$password\` |" docs/devices.md || fail "it makes $username, $password"
}

# --- the command ---

# completes WORD ...: what bash offers for the last of them
completes() {
	bash -c '. conf/completion/hubgate; COMP_WORDS=(hubgate "$@"); COMP_CWORD=$#
		_hubgate; printf "%s\n" "${COMPREPLY[@]}"' bash "$@" | tr '\n' ' '
}

bash_completes_commands_and_their_options() {
	[ "$(completes dead)" = "dead-letters " ] || fail "dead: $(completes dead)" || return 1
	[ "$(completes devices --un)" = "--unbound --unix " ] ||
		fail "devices --un: $(completes devices --un)" || return 1
	[ "$(completes shadow g)" = "get " ] || fail "shadow g: $(completes shadow g)"
}

# What roff would take for its own, a line that begins with a dot or a quote, is only ours.
man_page_has_every_command() {
	for command in $(sed -n "s/.*words='\\(init [^']*\\) version --help'.*/\\1/p" conf/completion/hubgate); do
		grep -qF ".SS \"hubgate $(printf %s "$command" | sed 's/-/\\-/g')\"" docs/man/hubgate.1 ||
			fail "docs/man/hubgate.1 lacks $command" || return 1
	done
	[ "$(grep -c '^\.SS' docs/man/hubgate.1)" -ge 20 ] || fail "few commands" || return 1
	odd=$(grep -nE "^[.']" docs/man/hubgate.1 | grep -vE ':\.(\\"|TH|SH|SS|B|BR|I|TP|nf|fi)' || true)
	[ -z "$odd" ] || fail "$odd"
}

# --- where ---

# where FILE FUNCTION: docs/where.md with thirty rows that name it, and core/x.c with x_run()
where() {
	mkdir -p "$tree/core" "$tree/docs" "$tree/plugin"
	cat >"$tree/core/x.c" <<-'END'
		static int x_declared(int a);

		/* x_said() */
		enum status x_run(struct x *x,
		                  int a)
		{
			return x_called(x, a);
		}
	END
	awk -v row="| does it | \`$1\` | \`$2\` |" \
		'BEGIN { for (i = 0; i < 30; i++) print row }' >"$tree/docs/where.md"
	"$top/.ci/where.sh" "$tree" >"$dir/said" 2>&1
}

misses() {
	where "$1" "$2" && fail "$2 in $1 is found" && return 1
	grep -qF "docs/where.md:1: $3" "$dir/said" || fail "said: $(head -1 "$dir/said")"
}

every_behaviour_lives_where_the_table_says() {
	"$top/.ci/where.sh" || return 1
	where core/x.c x_run || fail "said: $(head -1 "$dir/said")"
}

row_whose_function_is_not_there_fails() {
	misses core/x.c x_declared 'core/x.c does not define x_declared(); nor does any other' &&
		misses core/x.c x_called 'core/x.c does not define x_called()' &&
		misses core/x.c x_said 'core/x.c does not define x_said()' &&
		misses core/y.c x_run 'there is no core/y.c; it is in core/x.c: change the row'
}

table_of_fewer_than_thirty_rows_fails() {
	where core/x.c x_run
	sed -i 1d "$tree/docs/where.md"
	"$top/.ci/where.sh" "$tree" >"$dir/said" && fail "nothing is said" && return 1
	grep -qF '29 rows' "$dir/said" || fail "said: $(cat "$dir/said")"
}

# --- locks ---

every_mutex_stands_in_rooms() {
	for file in $(grep -rlE 'pthread_(mutex|rwlock|spinlock|cond)_t' core shadowstore bridge plugin); do
		sed -n '/^## Locks/,/^## [^L]/p' docs/rooms.md | grep -qF "\`$file\`" ||
			fail "docs/rooms.md \"Locks\" does not name $file" || return 1
	done
}

# --- README in Chinese ---

# code FILE: its fenced blocks without comments; pictures (```text) are drawn in each language
code() {
	awk '/^```/ { if (!inside) text = /^```text/; inside = !inside; print; next } inside && !text' \
		"$1" | sed 's/[ \t]*#.*//'
}

# names FILE: keys, commands and paths in the running text, and where its links lead
names() {
	awk '/^```/ { inside = !inside; next } !inside' "$1" |
		grep -oE '`[^`]*`|\]\([^)]*\)' | grep -v '(README' | sort
}

# same KIND FILE: both READMEs hold the same of it
same() {
	"$1" README.md >"$dir/english"
	"$1" "$2" >"$dir/chinese"
	diff -u "$dir/english" "$dir/chinese" >"$dir/said"
}

readme_in_chinese_has_the_same_commands() {
	same code README.zh-CN.md || fail "README.md and README.zh-CN.md differ: $(cat "$dir/said")"
}

readme_in_chinese_has_the_same_keys_and_links() {
	same names README.zh-CN.md || fail "README.md and README.zh-CN.md differ: $(cat "$dir/said")"
}

# `make quickstart` runs what stands between the marks.
quick_start_has_five_commands_at_most_in_both_readmes() {
	for text in README.md README.zh-CN.md; do
		commands=$(sed -n '/^<!-- quickstart:begin -->$/,/^<!-- quickstart:end -->$/p' "$text" | grep -vc '^<!--\|^```')
		{ [ "$commands" -gt 0 ] && [ "$commands" -le 5 ]; } || fail "$text has $commands" || return 1
	done
}

readme_that_lags_behind_is_noticed() {
	sed 's/make install/make instal/' README.zh-CN.md >"$tree/command.md"
	sed 's/`lan.acl`/`lan.acls`/' README.zh-CN.md >"$tree/key.md"
	sed 's/docs.metrics.md)/docs\/metric.md)/' README.zh-CN.md >"$tree/link.md"
	same code "$tree/command.md" && fail "another command is the same" && return 1
	same names "$tree/key.md" && fail "another key is the same" && return 1
	same names "$tree/link.md" && fail "another link is the same" && return 1
	return 0
}

suite_run docs "$0"
