#!/bin/bash
# check.sh ROOTS BUILD SUITE PACKAGE OLD [NAME ...] - what the package does to a Debian that is booted: a
# first installation, an upgrade from OLD, updates, removal, purge. The Debian has systemd and sudo; the
# hub is a simulator with its name (stage.sh). Run as root, in the top directory.
set -uo pipefail
roots=$1 build=$2 suite=$3 package=$4 old=$5
shift 5
me=deb-check
. debian/stage.sh
. tests/tools/suite.sh
suite_options "$@"

init="hubgate init --gateway GWPRODUCT1/gw1 --gateway-secret Z2F0ZXdheS1zZWNyZXQ= \
	--device SUBPRODUC1/dev1 --device-secret ZGV2aWNlLXNlY3JldA== --yes"
store=/var/lib/mosquitto/hubgate
json=/etc/mosquitto/hubgate.json
conf=/etc/mosquitto/conf.d/hubgate.conf

# --- steps ---

# says COMMAND ...: booted; what it said is told when it fails
says() {
	booted "$@" </dev/null >"$stage/said" 2>&1 || fail "failed: $* $(cat "$stage/said")"
}

shell() {
	says sh -c "$1"
}

# begin FILE: nothing of an earlier test is there, and this package is installed
begin() {
	booted sh -c 'systemctl disable --now hubgate-http.socket hubgate-update.path
		dpkg --purge mosquitto-hubgate mosquitto
		rm -rf /etc/mosquitto /var/lib/mosquitto /var/lib/hubgate-update /srv/* /run/hubgate-update
		systemctl reset-failed' </dev/null >/dev/null 2>&1
	install_package "$1"
}

install_package() {
	says apt-get install -y --allow-downgrades "/root/$(basename "$1")"
}

# Tests restart it sooner after each other than systemd puts up with.
restart_broker() {
	says systemctl reset-failed mosquitto && says systemctl restart mosquitto
}

begin_configured() {
	begin "$1" && says $init && restart_broker && broker_runs
}

broker_runs() {
	await booted systemctl is-active mosquitto ||
		fail "the broker does not run: $(booted tail -n 5 /var/log/mosquitto/mosquitto.log)"
}

broker_pid() {
	booted systemctl show -P MainPID mosquitto
}

# send TEXT: from the device, acknowledged by the broker
send() {
	shell "hubgate credentials SUBPRODUC1/dev1 | grep ^mosquitto_pub | sed 's/ -m .*/ -m \"$1\"/' | sh"
}

# arrives TEXT: at the hub
arrives() {
	hub_saw 1 "\"ev\":\"publish\".*$1" || fail "$1 did not reach the hub"
}

version_is() {
	[ "$(booted dpkg-query -W -f '${Version}' mosquitto-hubgate)" = "$(dpkg-deb -f "$1" Version)" ] ||
		fail "another version than that of $1 is installed"
}

# signed FILE KEY: the file of an update, as /root/update in the booted system
signed() {
	openssl cms -sign -binary -nodetach -outform DER -signer "$stage/$2.pem" -inkey "$stage/$2.key" \
		-in "$1" -out "$root/root/update" 2>/dev/null && install -m 0644 "$root/root/update" "$root/srv/update"
}

keys() {
	for name in ours theirs; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
			-subj "/CN=$name" -keyout "$stage/$name.key" -out "$stage/$name.pem" 2>/dev/null
	done
	cp "$stage/ours.pem" "$root/etc/mosquitto/hubgate-update.pem"
}

# hook: as the broker would run it
hook() {
	says runuser -u mosquitto -- timeout 120 /usr/lib/mosquitto-hubgate/update-hook /srv/update 9
}

refuses() {
	hook >/dev/null && fail "installed: $1" && return 1
	grep -q -- "$1" "$stage/said" || fail "says something else than '$1': $(cat "$stage/said")"
}

# --- tests ---

first_installation_changes_nothing_that_runs() {
	begin "$package" || return 1
	booted systemctl is-active mosquitto >/dev/null || fail "the broker does not run" || return 1
	for unit in hubgate-http.socket hubgate-update.path; do
		[ "$(booted systemctl is-enabled $unit)" = disabled ] || fail "$unit is enabled" || return 1
		booted systemctl is-active $unit >/dev/null && fail "$unit runs" && return 1
	done
	[ -z "$(find "$root/etc/mosquitto/conf.d" -name '*.conf')" ] || fail "conf.d is not empty" || return 1
	[ "$(booted stat -c '%U %G %a' $store)" = "mosquitto mosquitto 700" ] ||
		fail "$store: $(booted stat -c '%U %G %a' $store)"
}

units_are_what_systemd_takes() {
	begin "$package" || return 1
	booted systemd-analyze verify hubgate-http.socket hubgate-update.path hubgate-update.service \
		mosquitto.service >"$stage/said" 2>&1
	! grep -i hubgate "$stage/said" || fail "systemd says so"
}

samples_start_as_they_are() {
	begin "$package" &&
		shell "cp /usr/share/doc/mosquitto-hubgate/examples/mosquitto.conf $conf &&
			install -g mosquitto -m 0640 /usr/share/doc/mosquitto-hubgate/examples/hubgate.json $json" &&
		restart_broker && broker_runs
}

# Certificates in a home, a store and a socket elsewhere, another plugin that writes; and the hub.
hardened_broker_does_all_it_did_before() {
	begin_configured "$package" || return 1
	install -D -m 0640 "$stage/hub.key" "$root/home/somebody/certs/key.pem"
	install -D -m 0644 "$stage/hub.crt" "$root/home/somebody/certs/cert.pem"
	shell "sed -i 's,$store,/srv/hubgate,' $json && install -d -o mosquitto -m 0700 /srv/hubgate &&
		printf '%s\n' 'listener 8884' 'certfile /home/somebody/certs/cert.pem' \
			'keyfile /home/somebody/certs/key.pem' 'listener 0 /tmp/mosquitto.sock' \
			plugin\ \$(ls /usr/lib/*/mosquitto_dynamic_security.so) \
			'plugin_opt_config_file /var/lib/mosquitto/dynamic.json' >/etc/mosquitto/conf.d/z.conf &&
		chgrp mosquitto /home/somebody/certs/key.pem &&
		mosquitto_ctrl dynsec init /var/lib/mosquitto/dynamic.json admin secret >/dev/null &&
		chown mosquitto /var/lib/mosquitto/dynamic.json" &&
		restart_broker && broker_runs || return 1
	hub_on
	send hardened && arrives hardened &&
		shell "mosquitto_ctrl --unix /tmp/mosquitto.sock -u admin -P secret dynsec createRole made" &&
		shell "grep -q made /var/lib/mosquitto/dynamic.json && ls /srv/hubgate/lock && test -S /tmp/mosquitto.sock"
	code=$?
	hub_off
	[ "$code" = 0 ] || return 1
	shell "grep -E '^(NoNewPrivs:.1|Seccomp:.2)' /proc/$(broker_pid)/status | wc -l | grep -x 2" ||
		fail "it is not hardened"
}

# The one system call beside systemd's own list is asked for in vain when the list forgets it.
clock_is_seen_under_the_hardening() {
	begin_configured "$package" || return 1
	booted hubgate check --offline | grep ' clock ' >"$stage/clock"
	await booted sh -c 'journalctl -u mosquitto -o cat | grep -q " clock "'
	booted journalctl -u mosquitto -o cat | grep ' clock ' | tail -n 1 | cmp -s - "$stage/clock" ||
		fail "there: $(booted journalctl -u mosquitto -o cat | grep ' clock ' | tail -n 1); here: $(cat "$stage/clock")"
}

broker_starts_whatever_the_check_says() {
	begin_configured "$package" || return 1
	shell "sed -i 's/ZGV2aWNlLXNlY3JldA==/ZGV2aWNlLW9uZS1wc2stLQ==/' $json" &&
		restart_broker && broker_runs || return 1
	await booted sh -c 'journalctl -u mosquitto -o cat | grep -q "has the secret of the samples"' ||
		fail "the check says nothing"
}

port_80_comes_and_goes_with_the_broker() {
	begin_configured "$package" &&
		shell "sed -i '1s/{/{ \"lan\": { \"http\": \"systemd\" },/' $json" &&
		says systemctl enable hubgate-http.socket &&
		restart_broker && broker_runs || return 1
	http=$(beside curl -s -m 10 -o /dev/null -w '%{http_code}' http://127.0.0.1/nothing)
	[ "$http" = 404 ] || fail "port 80 answers $http" || return 1
	says systemctl stop mosquitto || return 1
	beside curl -s -m 5 -o /dev/null http://127.0.0.1/nothing && fail "port 80 is open still" && return 1
	booted systemctl is-active mosquitto >/dev/null && fail "a connection started the broker" && return 1
	says systemctl start mosquitto && broker_runs || return 1
	http=$(beside curl -s -m 10 -o /dev/null -w '%{http_code}' http://127.0.0.1/nothing)
	[ "$http" = 404 ] || fail "port 80 answers $http after a start"
}

upgrade_restarts_a_broker_that_runs_and_loses_nothing() {
	begin_configured "$old" && hub_on && send before && arrives before || return 1
	hub_off
	send waits1 && send waits2 || return 1
	pid=$(broker_pid)
	install_package "$package" && version_is "$package" && broker_runs || return 1
	[ "$(broker_pid)" != "$pid" ] || fail "the broker was not restarted" || return 1
	hub_on
	arrives waits1 && arrives waits2
	code=$?
	hub_off
	return $code
}

upgrade_starts_no_broker_that_stands_still() {
	begin_configured "$old" && says systemctl stop mosquitto && install_package "$package" || return 1
	! booted systemctl is-active mosquitto >/dev/null || fail "it was started"
}

update_is_installed_when_it_is_signed_and_newer() {
	begin_configured "$old" && says systemctl enable --now hubgate-update.path && keys || return 1
	pid=$(broker_pid)
	signed "$package" ours && hook && version_is "$package" || return 1
	[ "$(broker_pid)" != "$pid" ] || fail "the broker was not restarted"
}

update_of_anybody_else_is_refused() {
	begin "$old" && says systemctl enable --now hubgate-update.path || return 1
	cp "$package" "$root/srv/update"
	chmod 0644 "$root/srv/update"
	refuses 'nobody.s signature counts' && keys && refuses 'not signed with the key' || return 1
	signed "$package" theirs && refuses 'not signed with the key' || return 1
	cat "$stage/hub.crt" >"$stage/other"
	signed "$stage/other" ours && refuses 'it is no package mosquitto-hubgate' || return 1
	version_is "$old" && install_package "$package" || return 1
	signed "$old" ours && refuses 'is not newer than' || return 1
	signed "$package" ours && refuses 'is not newer than' && version_is "$package"
}

# What the broker's user leaves there is never read as root, but for its own files.
update_that_is_a_link_is_not_followed() {
	begin "$old" && keys && says systemctl start hubgate-update.path || return 1
	shell "runuser -u mosquitto -- sh -c 'ln -s /etc/shadow /var/lib/hubgate-update/file
		echo 1.1 9 >/var/lib/hubgate-update/request'" || return 1
	await booted grep -q '^1.1 1 there is no file' /run/hubgate-update/result ||
		fail "said: $(booted cat /run/hubgate-update/result)" || return 1
	shell "runuser -u mosquitto -- ln -s /etc/shadow /var/lib/hubgate-update/request" || return 1
	await booted test ! -L /var/lib/hubgate-update/request || fail "the link stays"
}

removal_leaves_a_broker_that_starts() {
	begin_configured "$package" && says apt-get remove -y mosquitto-hubgate && broker_runs &&
		restart_broker && broker_runs || return 1
	booted test -f $json || fail "$json is gone" || return 1
	booted grep -q hubgate "/proc/$(broker_pid)/maps" && fail "the plugin is loaded still" && return 1
	install_package "$package" && restart_broker && broker_runs || return 1
	booted grep -q mosquitto_hubgate "/proc/$(broker_pid)/maps" || fail "the plugin is not loaded again"
}

purge_keeps_the_store_when_nobody_is_asked() {
	begin_configured "$package" && says apt-get purge -y mosquitto-hubgate && broker_runs || return 1
	shell "test -d $store && test -f $json && test ! -e $conf && test ! -e $conf.removed"
}

purge_removes_all_when_somebody_says_so() {
	begin_configured "$package" || return 1
	cat >"$root/root/editor" <<-'END'
		#!/bin/sh
		sed -i 's/="no"/="yes"/' "$1"
	END
	shell "chmod +x /root/editor
		DEBIAN_FRONTEND=editor EDITOR=/root/editor VISUAL=/root/editor dpkg --purge mosquitto-hubgate" ||
		return 1
	shell "test ! -e $store && test ! -e $json && test ! -e $conf" && broker_runs
}

[ -f "$package" ] || die "there is no $package: run make deb first"
[ "$(id -u)" = 0 ] || die "needs root: it makes Debian roots and boots them"
stage_open "$suite" "$package" "$old"
suite_count=$stage/count
suite_run deb "$0"
code=$?
read -r passed failed <"$stage/count"
echo "$passed passed, $failed failed"
exit $code
