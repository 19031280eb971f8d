#!/bin/sh
# circles.sh OBJECTS [ROOT] - files that call each other in a circle, by the symbols of the objects below
# OBJECTS (as build/obj). Circles with a reason stand in .ci/circles.txt; any other is a fault.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
objects=$1
cd "${2:-$here/..}"

# Type, symbol, file: of what is defined (D) and what is used (U).
symbols() {
	find core shadowstore bridge plugin cli -name '*.c' | sort | sed -E "s#^(.*)\.c\$#$objects/\1.o#" |
		xargs "${NM:-nm}" -A | sed -E "s#^$objects/([^:]*)\.o:#\1 #" |
		awk 'NF == 3 && $2 == "U" { print "U", $3, $1 }
		     NF == 4 && $3 ~ /^[TDBRVW]$/ { print "D", $4, $1 }'
}

symbols | awk -v table="$here/circles.txt" '
	BEGIN {
		while ((getline line < table) > 0) {
			if (line ~ /^#/ || line !~ /;/) continue
			sub(/;.*/, "", line)
			n = split(line, file, " ")
			for (i = 1; i <= n; i++) group[file[i]] = file[1]
		}
	}
	function node(file) { return file in group ? group[file] : file }
	$1 == "D" { owner[$2] = $3 }
	$1 == "U" { used[++uses] = $2; user[uses] = $3 }
	END {
		for (i = 1; i <= uses; i++) {
			if (!(used[i] in owner)) continue
			from = node(user[i]); to = node(owner[used[i]])
			if (from == to) continue
			edge[from, to] = edge[from, to] " " used[i]
			nodes[from]; nodes[to]
		}
		# What nobody calls, or what calls nobody, is in no circle; without it the next is not.
		do {
			gone = 0
			split("", out); split("", in_)
			for (e in edge) { split(e, ft, SUBSEP); out[ft[1]] = 1; in_[ft[2]] = 1 }
			for (e in edge) {
				split(e, ft, SUBSEP)
				if (!(ft[1] in in_) || !(ft[2] in out)) { delete edge[e]; gone++ }
			}
		} while (gone > 0)
		for (e in edge) {
			split(e, ft, SUBSEP)
			print "  " ft[1] " -> " ft[2] ":" edge[e] | "sort"
			bad = 1
		}
		close("sort")
		if (bad) print "files in a circle (above); break it, or give the reason in .ci/circles.txt"
		exit bad
	}'
