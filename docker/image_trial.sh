#!/bin/bash
# image_trial.sh DIR GATEWAY DEMO - runs the images whose files are in GATEWAY and DEMO
# as an engine would: own process numbers, the image's user, no capabilities, a root
# file system that cannot be written, mounted configuration, secrets and state.
# DIR holds what the image says about itself. Called by image_check.sh in a network
# and a mount namespace of its own, so the default ports are free and nobody is reached.
set -uo pipefail
dir=$1 gateway=$2 demo=$3
user=$(cut -d: -f1 "$dir/user")
group=$(cut -d: -f2 "$dir/user")
mapfile -t env <"$dir/env"
trial=$dir/trial
broker=0
failed=0

say() { echo "trial: $*"; }
# check TEXT COMMAND ...: the promise, and what must succeed for it
check() {
	local text=$1

	shift
	if "$@"; then
		say "ok      $text"
	else
		say "FAILED  $text"
		failed=$((failed + 1))
	fi
}
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# until_ok SECONDS COMMAND ...
until_ok() {
	local end=$(($(now_ms) + $1 * 1000))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -lt "$end" ] || return 1
		sleep 0.01
	done
}

# ---- a container, by hand ----

# contain ROOT COMMAND ...: replaces this shell by the container; mounts from $binds
contain() {
	local root=$1

	shift
	exec unshare --mount --pid --fork --kill-child=KILL --propagation private \
		env BINDS="$binds" ROOT="$root" IDS="$user:$group" bash -ec '
		at=$(mktemp -d)
		mount --bind "$ROOT" "$at"
		mount -t tmpfs -o mode=1777 tmpfs "$at/tmp"
		mount -t proc proc "$at/proc"
		mount --rbind /dev "$at/dev"
		for bind in $BINDS; do
			IFS=: read -r from to mode <<<"$bind"
			if [ -d "$from" ]; then mkdir -p "$at$to"; else
				mkdir -p "$(dirname "$at$to")"; [ -e "$at$to" ] || : >"$at$to"; fi
			mount --bind "$from" "$at$to"
			mount -o "remount,bind,$mode" "$at$to"
		done
		mount -o remount,bind,ro "$at"
		exec chroot "$at" /usr/bin/setpriv --reuid "${IDS%:*}" --regid "${IDS#*:}" \
			--clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs \
			/usr/bin/env -i "$@"' bash "${env[@]}" "${extra_env[@]}" "$@"
}

# The first process inside, which gets the signals that an engine sends.
first_inside() { tr -d ' ' <"/proc/$1/task/$1/children"; }

start_gateway() {
	contain "$gateway" "$(cat "$dir/entrypoint")" >>"$trial/gateway.log" &
	broker=$!
}

healthy() { chroot "$gateway" /usr/bin/env "${env[@]}" "$(cat "$dir/health")"; }

# stop_gateway: the milliseconds it took, in $took; the exit status
stop_gateway() {
	local start

	start=$(now_ms)
	kill -TERM "$(first_inside "$broker")"
	wait "$broker"
	local status=$?
	took=$(($(now_ms) - start))
	return $status
}

# ---- the world around ----

volume=$trial/volume
prepare() {
	rm -rf "$trial"
	mkdir -p "$volume" "$trial/secrets/..2024"
	chown "$user:$group" "$volume"
	chmod 0700 "$volume"
	# As Kubernetes mounts secrets: links, readable to all.
	echo 'Z2F0ZXdheS1vbmUtcHNrIQ==' >"$trial/secrets/..2024/gateway"
	chmod 0444 "$trial/secrets/..2024/gateway"
	ln -s ..2024 "$trial/secrets/..data"
	ln -s ..data/gateway "$trial/secrets/gateway"
	cat >"$trial/hubgate.json" <<'JSON'
{
  "gateway": { "product_id": "GWPRODUCT1", "device_name": "gw1", "secret_file": "/run/secrets/gateway" },
  "hub":     { "host": "127.0.0.1", "port": 11883, "tls": false, "min_reconnect_s": 5, "max_reconnect_s": 5 },
  "store":   { "dir": "/var/lib/mosquitto/hubgate" },
  "devices": [ { "product_id": "SUBPRODUC1", "device_name": "dev1", "secret_env": "DEV1_SECRET" } ]
}
JSON
	chmod 0644 "$trial/hubgate.json"
	extra_env=(DEV1_SECRET=ZGV2aWNlLW9uZS1wc2stLQ==)
	binds="$volume:/var/lib/mosquitto:rw $trial/hubgate.json:/etc/mosquitto/hubgate.json:ro"
	binds="$binds $trial/secrets:/run/secrets:ro"
}

start_hub() {
	contain "$demo" /usr/lib/hubgate/hubsim --port 11883 --admin-port 11884 >>"$trial/hub.log" 2>&1 &
	hub=$!
}

# hub COMMAND-JSON: the simulator's answer
hub() {
	chroot "$demo" mosquitto_rr -h 127.0.0.1 -p 11884 -u hubsim-admin -P hubsim -W 5 \
		-t hubsim/control -e hubsim/result -m "$1"
}
hub_received() {
	hub '{"cmd":"stats","id":1}' | sed -n 's/.*"SUBPRODUC1\/dev1":{[^}]*"distinct":\([0-9]*\).*/\1/p'
}
hub_has() { [ "$(hub_received)" -ge "$1" ]; }

start_device() {
	contain "$demo" /usr/lib/hubgate/device 127.0.0.1:1883 SUBPRODUC1 dev1 ZGV2aWNlLW9uZS1wc2stLQ== 100 \
		>>"$trial/device.log" 2>&1 &
	device=$!
}
logged() { grep -q -- "$2" "$trial/$1.log"; }
acked() { grep -c '^acked' "$trial/device.log"; }
acked_above() { [ "$(acked)" -gt "$1" ]; }

# ---- what is promised ----

serves() {
	local start

	start=$(now_ms)
	start_gateway
	check "serves LAN clients" until_ok 5 healthy
	took=$(($(now_ms) - start))
	check "within 1 s of the start: $took ms" [ "$took" -le 1000 ]
}

works_end_to_end() {
	start_hub
	check "the gateway logs in at the hub" until_ok 20 logged gateway 'connected to the hub'
	start_device
	check "telemetry reaches the hub" until_ok 15 hub_has 1
	# The device subscribed before its first telemetry; the hub hears of it in its turn.
	check "a command reaches the device" until_ok 15 command_arrives
}
command_arrives() {
	chroot "$demo" mosquitto_pub -h 127.0.0.1 -p 11884 -u hubsim-admin -P hubsim -q 1 \
		-t SUBPRODUC1/dev1/control -m '{"lamp":"on"}'
	until_ok 1 logged device 'command {"lamp":"on"}'
}

survives_a_restart_without_the_hub() {
	local sent

	hub '{"cmd":"fault","mode":"refuse","id":2}' >/dev/null
	hub '{"cmd":"cut","id":3}' >/dev/null
	check "messages are acknowledged with the WAN down" until_ok 10 acked_above $(($(acked) + 10))
	check "healthy with the WAN down" healthy
	kill -TERM "$(first_inside "$device")"
	wait "$device"
	sent=$(sed -n 's/^sent //p' "$trial/device.log")
	check "all $sent messages were acknowledged" [ "$(acked)" = "$sent" ]
	check "SIGTERM ends it with status 0" stop_gateway
	check "within 2 s: $took ms" [ "$took" -le 2000 ]
	check "unhealthy when it does not run" not quiet healthy
	start_gateway
	check "starts again from the same volume" until_ok 5 healthy
	hub '{"cmd":"fault","mode":"none","id":4}' >/dev/null
	check "all $sent messages are at the hub" until_ok 40 hub_has "$sent"
	stop_gateway
}
not() { ! "$@"; }
quiet() { "$@" >/dev/null 2>&1; }

# refuses TEXT PATTERN: a start that ends by itself, badly, with one such line
refuses() {
	local status lines

	: >"$trial/refusal.log"
	(contain "$gateway" "$(cat "$dir/entrypoint")") >"$trial/refusal.log" 2>&1 &
	local pid=$!
	until_ok 5 not kill -0 "$pid"
	kill -KILL "$pid" 2>/dev/null
	wait "$pid"
	status=$?
	lines=$(grep -c -- "$2" "$trial/refusal.log")
	check "$1" [ "$status" -gt 0 -a "$status" -lt 100 -a "$lines" = 1 ]
	[ "$lines" = 1 ] || sed 's/^/        /' "$trial/refusal.log"
}

# The profile `demo` of compose.yaml, with its entry points.
demo_shows_both_ways() {
	local binds="$volume:/var/lib/mosquitto:rw $trial/hosts:/etc/hosts:ro" devices=()

	rm -rf "$volume/hubgate"
	echo "127.0.0.1 localhost simulator gateway" >"$trial/hosts"
	contain "$demo" /usr/lib/hubgate/entrypoint >>"$trial/gateway.log" &
	broker=$!
	until_ok 5 healthy
	contain "$demo" /usr/lib/hubgate/application simulator 11884 >"$trial/application.log" 2>&1 &
	local application=$!
	for name in dev1:ZGV2aWNlLW9uZS1wc2stLQ== dev2:ZGV2aWNlLXR3by1wc2stLQ==; do
		contain "$demo" /usr/lib/hubgate/device gateway:1883 SUBPRODUC1 "${name%:*}" "${name#*:}" \
			1000 >"$trial/${name%:*}.log" 2>&1 &
		devices+=($!)
	done
	check "the demo's application sees both devices both ways" wait "$application"
	check "the demo's devices got their commands" \
		grep -q 'command {"lamp":"on"}' "$trial/dev1.log" "$trial/dev2.log"
	for device in "${devices[@]}"; do
		kill -TERM "$(first_inside "$device")"
		wait "$device"
	done
	stop_gateway
	sed 's/^/        /' "$trial/application.log"
}

says_what_is_wrong() {
	local good=$binds

	binds="$volume:/var/lib/mosquitto:rw"
	rm -f "$gateway/etc/mosquitto/hubgate.json" # the mount point
	refuses "no configuration" "/etc/mosquitto/hubgate.json is missing; mount it"
	binds=$good
	chmod 0600 "$trial/hubgate.json"
	refuses "unreadable configuration" "hubgate.json cannot be read by uid $user, gid $group;.*chgrp"
	chmod 0644 "$trial/hubgate.json"
	sed -i 's/"host"/"hots"/' "$trial/hubgate.json"
	refuses "wrong key" 'hubgate.json:3: hub.hots: unknown key; did you mean "host"'
	sed -i 's/"hots"/"host"/' "$trial/hubgate.json"
	mkdir -m 0700 "$trial/conf.d"
	binds="$good $trial/conf.d:/etc/mosquitto/conf.d:ro"
	refuses "unreadable directory" "/etc/mosquitto/conf.d cannot be read by uid $user,.*chgrp"
	binds=$good
	chmod 0600 "$trial/secrets/..2024/gateway"
	refuses "unreadable secret" "/run/secrets/gateway cannot be read by user id $user:.*chgrp $group"
	chmod 0444 "$trial/secrets/..2024/gateway"
	extra_env=(OTHER=1)
	refuses "secret missing in the environment" "variable DEV1_SECRET is not set"
	extra_env=(DEV1_SECRET=ZGV2aWNlLW9uZS1wc2stLQ==)
	chown 0:0 "$volume"
	refuses "volume of another user" "/var/lib/mosquitto cannot be written by uid $user,.*chown"
	chown "$user:$group" "$volume"
	binds=${good/mosquitto:rw/mosquitto:ro}
	refuses "read-only volume" "/var/lib/mosquitto cannot be written by uid $user,.*writable"
	binds=$good
}

ip link set lo up
prepare
serves
works_end_to_end
survives_a_restart_without_the_hub
demo_shows_both_ways
says_what_is_wrong
kill -TERM "$(first_inside "$hub")"
wait "$hub"
if [ "$failed" -gt 0 ]; then
	tail -n 20 "$trial"/{gateway,device,refusal}.log >&2
	say "$failed failed"
	exit 1
fi
say "all passed"
