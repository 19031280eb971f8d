#!/bin/sh
# docs_check.sh BUILD [--write]: fails when conf/hubgate.schema.json, conf/hubgate-full.json, the
# tables of docs/configuration.md or docs/metrics.md, docs/sdk-map.md, docs/man/hubgate.1 or
# conf/completion/hubgate differ from what the generators print; --write updates them.
# Run in the top directory.
set -eu

generator=$1/gen_config_docs
write=${2:-}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0

# compare FILE NEW: takes NEW over, or says that it differs
compare() {
	cmp -s "$1" "$2" && return 0
	if [ "$write" = --write ]; then
		cat "$2" >"$1"
	else
		diff -u "$1" "$2" | head -40 >&2 || true
		echo "$1 is not what the tables in core/ and cli/ say; run: make docs" >&2
		status=1
	fi
}

# table FILE NAME OPTION: what stands between <!-- NAME:begin --> and <!-- NAME:end --> of FILE
table() {
	begin="<!-- $2:begin -->" end="<!-- $2:end -->"
	for mark in "$begin" "$end"; do
		if ! grep -qxF -e "$mark" "$1"; then
			echo "$1: the line $mark is missing" >&2
			exit 1
		fi
	done
	"$generator" "$3" >"$dir/table"
	awk -v begin="$begin" -v end="$end" -v table="$dir/table" '
		$0 == end { inside = 0 }
		!inside { print }
		$0 == begin {
			inside = 1
			while ((getline line < table) > 0)
				print line
		}' "$1" >"$dir/text"
	compare "$1" "$dir/text"
}

"$generator" --schema >"$dir/schema"
compare conf/hubgate.schema.json "$dir/schema"
"$generator" --example >"$dir/example"
compare conf/hubgate-full.json "$dir/example"
"$1/gen_sdk_map" >"$dir/sdk"
compare docs/sdk-map.md "$dir/sdk"
"$1/gen_cli_docs" --man >"$dir/man"
compare docs/man/hubgate.1 "$dir/man"
"$1/gen_cli_docs" --completion >"$dir/completion"
compare conf/completion/hubgate "$dir/completion"
table docs/configuration.md options --markdown
table docs/metrics.md metrics --metrics
exit $status
