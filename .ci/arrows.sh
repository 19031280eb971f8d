#!/bin/sh
# Layer arrows: plugin -> bridge -> shadowstore -> core, only to the right.
# Also: core/ is pure (no threads, sockets, clocks) but for room, mailbox and wake.
set -eu
cd "$(dirname "$0")/.."
bad=0

forbid() {                      # folder, pattern of includes it must not have
	found=$(grep -rnE --include='*.[ch]' "#include \"($2)/" "$1" || true)
	if [ -n "$found" ]; then
		printf 'arrow to the left, %s may not include %s:\n%s\n' "$1" "$2" "$found"
		bad=1
	fi
}

forbid core 'shadowstore|bridge|plugin|tests|bench'
forbid shadowstore 'bridge|plugin|tests|bench'
forbid bridge 'plugin|tests|bench'
forbid plugin 'tests|bench'

impure=$(grep -rnE --include='*.[ch]' \
	'#include <(pthread|poll|unistd|fcntl|time|sys/(socket|stat|epoll|time))\.h>' core |
	grep -vE '/(mailbox|wake)\.c:' || true)
if [ -n "$impure" ]; then
	printf 'core is pure, these are not:\n%s\n' "$impure"
	bad=1
fi

product=$(grep -rlE 'mosquitto_(plugin|broker)\.h|mosquitto_broker_' core shadowstore bridge || true)
if [ -n "$product" ]; then
	printf 'only plugin/ knows the broker:\n%s\n' "$product"
	bad=1
fi

simulator=$(grep -rnE --include='*.[ch]' '#include "(core|bridge|shadowstore|plugin)/' \
	tests/hubsim tests/mqtt || true)
if [ -n "$simulator" ]; then
	printf 'the simulator and tests/mqtt share no code with the product:\n%s\n' "$simulator"
	bad=1
fi
exit $bad
