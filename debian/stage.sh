# shellcheck shell=bash disable=SC2154
# stage.sh - sourced by quickstart.sh and check.sh: a Debian release that is booted beside a simulator
# which has the hub's name, address and certificate there. Nothing reaches any other network. $me, $roots
# and $build (of this tree, for the simulator) are the script's.
#   stage_open SUITE DEB ...   boots a copy of a root that has systemd and sudo and no broker; these
#                              packages are in /root, what the first depends on in its apt's cache
#   hub_on, hub_off            the simulator: gateway GWPRODUCT1/gw1, its subdevice SUBPRODUC1/dev1
#   hub_saw N PATTERN          waits until N lines of its events match; 1 after 20 s
. tests/tools/roots.sh

hub_host=GWPRODUCT1.iotcloud.tencentdevices.com
hub_address=192.0.2.1 # of the range for documents

stage_close() {
	root_off
	[ -z "${stage:-}" ] || rm -rf --one-file-system "$stage"
}

# The certificates of a CA that this Debian trusts.
stage_certificates() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=hubsim \
		-keyout "$stage/ca.key" -out "$stage/ca.crt" 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$hub_host" \
		-keyout "$stage/hub.key" -out "$stage/hub.csr" 2>/dev/null
	echo "subjectAltName=DNS:$hub_host" >"$stage/names"
	openssl x509 -req -in "$stage/hub.csr" -CA "$stage/ca.crt" -CAkey "$stage/ca.key" -CAcreateserial \
		-days 30 -extfile "$stage/names" -out "$stage/hub.crt" 2>/dev/null
	install -D -m 0644 "$stage/ca.crt" "$root/usr/local/share/ca-certificates/hubsim.crt"
}

stage_open() {
	local suite=$1

	shift
	root_make "host-$suite" "base-$suite" systemd-sysv sudo procps
	stage=$(mktemp -d "$roots/stage.XXXXXX")
	root=$stage/root
	trap stage_close EXIT
	trap 'exit 1' INT TERM
	cp -a "$roots/host-$suite" "$root"
	rm "$root/usr/sbin/policy-rc.d"
	cp "$@" "$root/root"
	in_root "$root" sh -ec '
		apt-get -qq update
		apt-get -qq install -y --download-only "/root/$1" mosquitto-clients
		' sh "$(basename "$1")" >"$stage/apt.log" 2>&1 ||
		{ tail -5 "$stage/apt.log" >&2; die "what the packages depend on cannot be had"; }
	echo debian >"$root/etc/hostname"
	printf '127.0.0.1 localhost\n127.0.1.1 debian\n%s %s\n' "$hub_address" "$hub_host" >"$root/etc/hosts"
	stage_certificates
	cat >"$stage/hubsim.json" <<-'JSON'
		{"accounts":[
		  {"product_id":"GWPRODUCT1","device_name":"gw1","secret":"Z2F0ZXdheS1zZWNyZXQ=","gateway":true},
		  {"product_id":"SUBPRODUC1","device_name":"dev1","secret":"ZGV2aWNlLXNlY3JldA=="}],
		 "bound":[{"gateway":"GWPRODUCT1/gw1","product_id":"SUBPRODUC1","device_name":"dev1"}]}
	JSON
	root_boot "$root"
	beside ip address add "$hub_address/32" dev lo
}

await() {
	local tries=0

	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || return 1
		sleep 0.2
	done
}

# start NAME COMMAND ...: beside, its process id there in $stage/NAME.pid and what it says in NAME.out
start() {
	local name=$1

	shift
	: >"$stage/$name.out"
	beside sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$stage/$name.pid" "$@" \
		>>"$stage/$name.out" 2>>"$stage/$name.log" &
}

stop() {
	beside kill -TERM "$(cat "$stage/$1.pid")"
	await not_there "$(cat "$stage/$1.pid")"
}

hub_on() {
	start hubsim "$build/hubsim/hubsim" --config "$stage/hubsim.json" --dir "$stage/hub" --persist \
		--any-address --port 18831 --tls-port 8883 --admin-port 18830 \
		--tls-cert "$stage/hub.crt" --tls-key "$stage/hub.key"
	await grep -q admin_port "$stage/hubsim.out" || die "no simulator: $(cat "$stage/hubsim.log")"
	start events stdbuf -oL mosquitto_sub -d -h 127.0.0.1 -p 18830 -u hubsim-admin -P hubsim -t hubsim/event
	await grep -q SUBACK "$stage/events.out" || die "the simulator tells no events"
}

hub_off() {
	stop events
	stop hubsim
}

not_there() {
	! beside kill -0 "$1" 2>/dev/null
}

saw() {
	[ "$(grep -cE -- "$2" "$stage/events.out")" -ge "$1" ]
}

hub_saw() {
	await saw "$@"
}
