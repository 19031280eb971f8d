#!/bin/sh
# walls.sh [ROOT] - folders are walls: which may include which stands in .ci/walls.txt. A private header
# (*_impl.h, and what that table calls private) is included from its own folder only. A test includes
# the private header of what it is named after (test_transport.c). core/ is pure: no threads,
# sockets, clocks. Only plugin/ knows the broker. The simulator and tests/mqtt share no code with the
# product.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/..}"
bad=0

complain() {                    # what is wrong, where
	[ -n "$2" ] || return 0
	printf '%s:\n%s\n' "$1" "$2"
	bad=1
}

includes() {                    # file:line:folder/header of every include of the product
	find core shadowstore bridge plugin cli -name '*.[ch]' -exec \
		grep -nE '^[[:space:]]*#[[:space:]]*include "' /dev/null {} + |
		sed -E 's/^([^:]+:[0-9]+):[^"]*"([^"]+)".*/\1 \2/'
}

strangers=$(includes | awk -v table="$here/walls.txt" '
	BEGIN {
		while ((getline line < table) > 0) {
			n = split(line, word, /[ \t]+/)
			if (n == 0 || word[1] ~ /^#/ || word[1] == "") continue
			if (word[1] == "private") {
				private[word[2]] = 1
				continue
			}
			known[word[1]] = 1
			for (i = 2; i <= n; i++) may[word[1] " " word[i]] = 1
		}
	}
	function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
	{
		file = $1; sub(/:[0-9]+$/, "", file)
		from = folder(file); to = folder($2)
		if (!(from in known))
			print "  " $1 ": folder " from " has no line in .ci/walls.txt"
		else if (from != to && !((from " " to) in may))
			print "  " $1 ": " from " may not include " to " (" $2 ")"
		else if (from != to && ($2 ~ /_impl\.h$/ || $2 in private))
			print "  " $1 ": " $2 " is private to its folder"
	}')
complain 'walls' "$strangers"

prying=$(find tests -name '*.[ch]' -exec \
	grep -nE '^[[:space:]]*#[[:space:]]*include "[^"]*_impl\.h"' /dev/null {} + |
	sed -E 's/^([^:]+:[0-9]+):[^"]*"([^"]+)".*/\1 \2/' | awk '
	{
		subject = $2; sub(/.*\//, "", subject); sub(/_impl\.h$/, "", subject)
		if ($1 !~ ("^tests/unit/test_" subject "(_[a-z0-9_]*)?\\.c:"))
			print "  " $1 ": " $2 " is private to its folder and to the tests of " subject
	}')
complain 'tests' "$prying"

impure=$(find core -name '*.[ch]' -exec grep -nE \
	'#include <(pthread|poll|unistd|fcntl|time|sys/(socket|stat|epoll|time))\.h>' /dev/null {} + |
	grep -vE '^core/base/(mailbox|wake|thread|clocks)\.[ch]:' || true)
complain 'core is pure, these are not' "$impure"

product=$(find core shadowstore bridge -name '*.[ch]' -exec \
	grep -lE 'mosquitto_(plugin|broker)\.h|mosquitto_broker_' {} + || true)
complain 'only plugin/ knows the broker' "$product"

simulator=$(find tests/hubsim tests/mqtt -name '*.[ch]' -exec \
	grep -nE '#include "(core|bridge|shadowstore|plugin)/' /dev/null {} + 2>/dev/null || true)
complain 'the simulator and tests/mqtt share no code with the product' "$simulator"
exit $bad
