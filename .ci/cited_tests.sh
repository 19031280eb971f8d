#!/bin/sh
# The tests that docs/field-cases.md names are there: cited_tests.sh [TOP]
# A name of a test: `three_words_or_more`, registered with TEST(name).
set -eu
export LC_ALL=C
cd "${1:-$(dirname "$0")/..}"

bad=0 count=0
while IFS=: read -r line name; do
	count=$((count + 1))
	[ -n "$name" ] || continue
	grep -rqsE "TEST\($name\)" --include='*.c' tests && continue
	echo "docs/field-cases.md:$line: no test is called $name"
	bad=1
done <<END
$(grep -noE '`[a-z0-9]+(_[a-z0-9]+){2,}`' docs/field-cases.md | tr -d '`' |
	grep -vE ':(max_queued_messages|use_identity_as_username|use_username_as_clientid)$')
END
if [ "$count" -lt 2 ]; then # an empty text is one line
	echo "docs/field-cases.md names no tests: .ci/cited_tests.sh cannot read it any more"
	bad=1
fi
exit $bad
