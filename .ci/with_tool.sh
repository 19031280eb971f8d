#!/bin/sh
# with_tool.sh TOOL[|TOOL ...] ARGUMENT ... - runs the first of these tools that is installed. Where
# none is, says so in one line, and fails only with LINT_ALL=1.
set -eu
tools=$1
shift
for tool in $(echo "$tools" | tr '|' ' '); do
	! command -v "$tool" >/dev/null || exec "$tool" "$@"
done
if [ "${LINT_ALL:-}" = 1 ]; then
	echo "${tools%%|*} is not installed (make deps-lint)" >&2
	exit 1
fi
echo "skipped: ${tools%%|*}, which is not installed (make deps-lint)"
