#!/bin/sh
# prefixes.sh OBJECTS [ROOT] - exported functions begin with the name of their file, or of the file's
# family: what stands before its last underscore (journal_ in journal_scan.c); a plural may begin as
# one of its things (listener_ in listeners.c). Others stand in .ci/prefixes.txt, with the reason.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
objects=$1
cd "${2:-$here/..}"

find core shadowstore bridge plugin cli -name '*.c' | sort | sed -E "s#^(.*)\.c\$#$objects/\1.o#" |
	xargs "${NM:-nm}" -A | sed -E "s#^$objects/([^:]*)\.o:#\1 #" |
	awk -v table="$here/prefixes.txt" '
	BEGIN {
		while ((getline line < table) > 0) {
			if (line ~ /^#/) continue
			n = split(line, word, " ")
			for (i = 2; i <= n && word[i] != ";"; i++) exempt[word[1] " " word[i]] = 1
		}
	}
	function is_exempt(name, path,    e, part) {
		for (e in exempt) {
			split(e, part, " ")
			if (part[1] == path && (part[2] == name || (part[2] ~ /_$/ && index(name, part[2]) == 1)))
				return 1
		}
		return 0
	}
	function begins(name, prefix) { return name == prefix || index(name, prefix "_") == 1 }
	function fits(name, file,    n) {
		do {
			if (begins(name, file) || (file ~ /s$/ && begins(name, substr(file, 1, length(file) - 1))))
				return 1
			n = match(file, /_[^_]*$/)
			file = substr(file, 1, n - 1)
		} while (n > 0)
		return 0
	}
	NF == 4 && $3 ~ /^[TDBR]$/ {
		file = $1; sub(/.*\//, "", file)
		if (!fits($4, file) && !is_exempt($4, $1)) {
			print "  " $1 ": " $4
			bad = 1
		}
	}
	END {
		if (bad) print "exported names (above) that do not begin with their file'\''s; see CONTRIBUTING.md, Names"
		exit bad
	}'
