#!/bin/sh
# install.sh PACKAGE ... - installs the Debian packages that are missing, says which.
# As root directly, else with sudo. Debian starts the mosquitto service that one of
# them brings unless told not to; the tests never use it, they run brokers of
# their own on ports of their own.
set -eu
missing=
for package in "$@"; do
	state=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
	[ "$state" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
if [ -n "$sudo" ] && ! command -v sudo >/dev/null; then
	echo "missing packages:$missing" >&2
	echo "run as root: apt-get install$missing" >&2
	exit 1
fi
echo "installing:$missing"
run() {
	$sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 "$@"
}
run apt-get -qq update
# shellcheck disable=SC2086
run apt-get -qq install -y --no-install-recommends $missing >/dev/null
