#!/bin/bash
# quickstart.sh ROOTS BUILD SUITE README PACKAGE - runs the commands of the README's quick start, letter
# by letter, in a Debian that has systemd and sudo and nothing of Mosquitto, beside a simulator with the
# hub's name and certificate; it is passed when `hubgate check` is green and the simulator saw the device
# come online and its message arrive. Run as root, in the top directory.
set -euo pipefail
roots=$1 build=$2 suite=$3 readme=$4 package=$5
me=quickstart most=5
. debian/stage.sh

# What stands between the two marks, without the fence.
commands() {
	sed -n '/^<!-- quickstart:begin -->$/,/^<!-- quickstart:end -->$/p' "$readme" |
		sed '/^<!--/d; /^```/d'
}

[ -f "$package" ] || die "there is no $package: run make deb first"
[ "$(id -u)" = 0 ] || die "needs root: it makes Debian roots and boots them"
count=$(commands | grep -c .)
{ [ "$count" -gt 0 ] && [ "$count" -le "$most" ]; } || die "$readme has $count commands, not 1 to $most"
stage_open "$suite" "$package"
hub_on
while IFS= read -r line; do
	echo "+ $line"
	booted sh -c "cd /root && $line" </dev/null >"$stage/said" 2>&1 ||
		{ cat "$stage/said"; booted cat /var/log/mosquitto/mosquitto.log || true; die "failed: $line"; }
	case $line in
	*"hubgate check"*) cat "$stage/said" ;;
	esac
done < <(commands)
hub_saw 1 '"ev":"online".*SUBPRODUC1/dev1' || die "the hub did not see the device online"
hub_saw 1 '"ev":"publish".*SUBPRODUC1/dev1/event' || die "its message did not reach the hub"
echo "quickstart: $count commands on $suite: check is green, the device is online at the hub"
