#!/bin/sh
# The functions that docs/where.md names are defined in the files that it names: where.sh [TOP]
# A row: | behaviour | `file` | `function` |
set -eu
export LC_ALL=C
cd "${1:-$(dirname "$0")/..}"

# defines FILE FUNCTION: it begins in the first column and has a body
defines() {
	awk -v name="$2" '
		/^[A-Za-z]/ && $0 ~ ("(^|[ *])" name "\\(") { head = 1 }
		head && /;[ \t]*(\/[*\/].*)?$/ { head = 0 }
		head && /^\{/ { found = 1 }
		END { exit !found }' "$1"
}

# elsewhere FUNCTION: where else it is defined, for who moved it
elsewhere() {
	for file in $(grep -rlw --include='*.c' "$1" core shadowstore bridge plugin cli 2>/dev/null | sort); do
		if defines "$file" "$1"; then
			printf '; it is in %s: change the row' "$file"
			return
		fi
	done
	printf '; nor does any other: name what does this now'
}

bad=0 rows=0
while IFS="$(printf '\t')" read -r line file function; do
	rows=$((rows + 1))
	if [ ! -f "$file" ]; then
		echo "docs/where.md:$line: there is no $file$(elsewhere "$function")"
		bad=1
	elif ! defines "$file" "$function"; then
		echo "docs/where.md:$line: $file does not define $function()$(elsewhere "$function")"
		bad=1
	fi
done <<END
$(awk -F '`' '/^\|.*\| `[^`]*` \| `[^`]*` \|$/ { print NR "\t" $(NF - 3) "\t" $(NF - 1) }' docs/where.md)
END
if [ "$rows" -lt 30 ]; then
	echo "docs/where.md: $rows rows; it promises 30 behaviours"
	bad=1
fi
exit $bad
