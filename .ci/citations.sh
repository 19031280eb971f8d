#!/bin/sh
# Cited files and sections exist: citations.sh [TOP]
#   docs/protocol/shadow.md 3        a heading of that file begins with the number; lists as 1, 2 and
#   docs/broker-notes.md 1.2, 8(e)   4-6 too
#   docs/architecture.md 4 "Clock"   those words stand in the file
#   docs/protocol/README.md, doubt 9 a row of its table begins with the number
#   core/journal/record.h, plugin/devices/stored     the file, or one of that name with .c or .h
#   [text](../core/record.h)         the file, seen from the folder of the text
# A name without a folder is looked for beside the citing file and in the top directory.
set -eu
export LC_ALL=C
cd "${1:-$(dirname "$0")/..}"
list=$(mktemp)
trap 'rm -f "$list"' EXIT
find . \( -name .git -o -path ./build \) -prune -o -type f -print | sed 's,^\./,,' | sort >"$list"

# Made by whoever follows the text that names them.
made='docker/hubgate.json docker/conf.d/tls.conf docker/secrets'

# docs_test.sh and lint_test.sh cite what does not exist, to see that this says so.
grep -E '\.(c|h|tbl|md|sh|mk|yaml|json|conf)$|(^|/)(Makefile|Dockerfile|run)$' "$list" |
	grep -vE '^tests/tools/(docs|lint)_test\.sh$' |
	tr '\n' '\0' | xargs -0 awk -v list="$list" -v made="$made" '
function folder(path) { return sub(/[^\/]*$/, "", path) ? path : "" }

# a/b/../c -> a/c
function plain(path) {
	while (sub(/[^\/.]+\/\.\.\//, "", path)) { }
	sub(/^\.\//, "", path)
	return path
}

function breach(what) {
	printf "%s:%d: %s\n", file, line_number, what
	bad = 1
}

# The file that a name of a text means, "": there is none
function meant(name) {
	if (name in exists)
		return name
	name = plain(folder(file) name)
	return name in exists ? name : ""
}

# Without the marks of bold and code
function bare(line) {
	gsub(/[`*]/, "", line)
	return line
}

function learn(path,   line, words) {
	if (path in learned)
		return
	learned[path] = 1
	while ((getline line < path) > 0) {
		text[path] = text[path] " " bare(line)
		if (line ~ /^#+ /) {
			split(line, words, " ")
			sub(/\.$/, "", words[2])
			section[path, words[2]] = 1
		}
		if (line ~ /^\| [0-9]+ \|/) {
			split(line, words, " ")
			doubt[path, words[2]] = 1
		}
	}
	close(path)
}

# What follows a cited text: sections, a doubt, words in quotes
function judge(name, rest,   path, number, words) {
	path = meant(name)
	if (path == "") {
		breach(name " does not exist")
		return
	}
	learn(path)
	if (match(rest, /^, doubt [0-9]+/)) {
		number = substr(rest, 9, RLENGTH - 8)
		if (!((path, number) in doubt))
			breach(name " has no doubt " number)
		return
	}
	sub(/^`/, "", rest)
	while (match(rest, /^( |-|, | and )[0-9]+(\.[0-9]+)*/)) {
		number = substr(rest, 1, RLENGTH)
		rest = substr(rest, RLENGTH + 1)
		sub(/^[^0-9]+/, "", number)
		if (!((path, number) in section))
			breach(name " has no section " number)
		sub(/^ ?\([a-z]+\)/, "", rest)
	}
	if (match(rest, /^,? "[^"\\$]+"/)) {
		words = substr(rest, 1, RLENGTH)
		sub(/^[^"]*"/, "", words)
		sub(/"$/, "", words)
		if (index(text[path], words) == 0)
			breach(name " does not say \"" words "\"")
	}
}

# Names of texts, with what is said of them
function texts(line,   run, rest) {
	while (match(line, /[A-Za-z0-9_.\/${}~*%-]*[A-Za-z0-9_]\.md/)) {
		run = substr(line, RSTART, RLENGTH)
		rest = substr(line, RSTART + RLENGTH)
		if (RSTART > 1 && substr(line, RSTART - 1, 1) == ":")
			run = "/" run # an address
		line = rest
		if (run !~ /[${}~*%]/ && run !~ /^\// && rest !~ /^[A-Za-z0-9_]/)
			judge(run, rest)
	}
}

# Files of ours, by their path from the top; those of folders of code also without their ending
function files(line,   run, before) {
	while (match(line, /[A-Za-z0-9_.\/$~*%<>{}-]*(core|shadowstore|bridge|plugin|tests|bench|conf|docker|make|docs|\.ci)\/[A-Za-z0-9_.\/*-]+/)) {
		run = substr(line, RSTART, RLENGTH)
		before = RSTART > 1 ? substr(line, RSTART - 1, 1) : " "
		line = substr(line, RSTART + RLENGTH)
		sub(/[.]+$/, "", run)
		if (run ~ /\.md$/ || run ~ /[$~*%<>{}]/ || before == ":" || before == "\\")
			continue
		if (run ~ /^(core|shadowstore|bridge|plugin|tests|bench|conf|docker|make|docs|\.ci)\/.*\.(c|h|tbl|sh|mk|json|conf|txt|py)$/ ||
		    run ~ /^(core|shadowstore|bridge|plugin)(\/[a-z0-9_]+)+$/)
			if (!(run in exists) && !((run ".c") in exists) && !((run ".h") in exists) &&
			    !(run in is_made))
				breach(run " does not exist")
	}
}

function links(line,   target) {
	while (match(line, /\]\([^)]*\)/)) {
		target = substr(line, RSTART + 2, RLENGTH - 3)
		line = substr(line, RSTART + RLENGTH)
		sub(/#.*/, "", target)
		if (target == "" || target ~ /^[a-z]+:/)
			continue
		sub(/\/$/, "", target)
		target = plain(folder(file) target)
		if (!(target in exists))
			breach("link to " target ", which does not exist")
	}
}

function check(line) {
	if (line ~ /\.md/)
		texts(line)
	if (line ~ /\//)
		files(line)
}

BEGIN {
	while ((getline path < list) > 0) {
		exists[path] = 1
		while (sub(/\/[^\/]*$/, "", path))
			exists[path] = 1
	}
	split(made, names, " ")
	for (i in names)
		is_made[names[i]] = 1
}

function flush() {
	if (carried != "")
		check(carried)
	carried = ""
}

FNR == 1 {
	flush()
	file = FILENAME
}
# A citation may go on in the next line of its comment.
{
	line = $0
	if (carried != "") {
		sub(/^[ \t]*(\*|\/\/|#)?[ \t]*/, "", line)
		line = carried " " line
	}
	carried = ""
	line_number = FNR
	if (file ~ /\.md$/) {
		links(line)
		gsub(/\[[^]]*\]\([^)]*\)/, "a link", line)
	}
	if (match(line, /[A-Za-z0-9_.\/-]+\.md(,? ("[^"]*|doubt|[0-9., ()a-z-]*))?$/)) {
		carried = substr(line, RSTART)
		line = substr(line, 1, RSTART - 1)
	}
	check(line)
}
END {
	flush()
	exit bad
}
'
