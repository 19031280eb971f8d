#!/bin/sh
# install.sh PACKAGE[|PACKAGE ...] ... - installs the Debian packages that are missing, says which.
# Of a|b one is enough; when neither is there, the first that apt knows gets installed.
# As root directly, else with sudo. Debian starts the mosquitto service that one of
# them brings unless told not to; the tests never use it, they run brokers of
# their own on ports of their own.
set -eu
is_installed() {
	[ "$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null || true)" = "install ok installed" ]
}

one_is_installed() {
	for name in $(echo "$1" | tr '|' ' '); do
		! is_installed "$name" || return 0
	done
	return 1
}

missing=
for package in "$@"; do
	one_is_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
if [ -n "$sudo" ] && ! command -v sudo >/dev/null; then
	echo "missing packages:$missing" >&2
	echo "run as root: apt-get install$missing" >&2
	exit 1
fi
run() {
	$sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 "$@"
}

# The last stands when apt knows none: its message names that.
first_known() {
	for name in $(echo "$1" | tr '|' ' '); do
		[ -z "$(apt-cache policy "$name" 2>/dev/null | grep 'Candidate: [^(]')" ] || break
	done
	echo "$name"
}

run apt-get -qq update
chosen=
for package in $missing; do
	chosen="$chosen $(first_known "$package")"
done
echo "installing:$chosen"
# shellcheck disable=SC2086
run apt-get -qq install -y --no-install-recommends $chosen >/dev/null
