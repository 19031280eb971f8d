#!/bin/bash
# application HOST PORT: plays the cloud application at the simulator's admin port.
# Shows what arrives at the hub. To a device that listens it sends a command, and when
# telemetry came after it, wishes a state in the device's shadow. Ends well when both
# devices reported that state, badly when nothing arrives for 60 s.
set -u
host=$1 port=$2
login=(-h "$host" -p "$port" -u hubsim-admin -P hubsim)
declare -A commanded=() arrived=() equal=()

# member NAME: of the event in $line; the simulator writes texts without escapes here
member() {
	sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" <<<"$line"
}

# console JSON: the simulator's answer
console() {
	mosquitto_rr "${login[@]}" -W 5 -t hubsim/control -e hubsim/result -m "$1"
}

# reported_red DEVICE: so says the hub's shadow, and nothing is wished any more
reported_red() {
	console "{\"cmd\":\"shadow\",\"id\":1,\"device\":\"$1\"}" |
		grep -F '"desired":"{}"' | grep -q '"reported":"{[^}]*red'
}

while IFS= read -r -t 60 line; do
	device=$(member device)
	case $line in
	*'"ev":"online"'*)
		echo "hub: $device is online"
		;;
	*'"ev":"subscribe"'*/control\"*)
		device=$(member filter)
		device=${device%/control}
		echo "hub: $device listens to commands; sending {\"lamp\":\"on\"}"
		mosquitto_pub "${login[@]}" -q 1 -t "$device/control" -m '{"lamp":"on"}'
		commanded[$device]=1
		;;
	*'"ev":"publish"'*/event\"*)
		device=$(member topic)
		device=${device%/event}
		{ [ -z "${arrived[$device]:-}" ] && [ -n "${commanded[$device]:-}" ]; } || continue
		arrived[$device]=1
		echo "hub: telemetry of $device arrived; wishing {\"colour\":\"red\"} in its shadow"
		console "{\"cmd\":\"desire\",\"id\":2,\"device\":\"$device\",\"desired\":{\"colour\":\"red\"}}" >/dev/null
		;;
	*'"ev":"shadow"'*)
		{ [ -z "${equal[$device]:-}" ] && [ -n "${arrived[$device]:-}" ]; } || continue
		reported_red "$device" || continue
		equal[$device]=1
		echo "hub: $device reports {\"colour\":\"red\"}"
		;;
	esac
	if [ ${#equal[@]} -ge 2 ]; then
		echo "hub: telemetry, commands and shadows of both devices went through the gateway"
		exit 0
	fi
done < <(exec timeout 120 mosquitto_sub "${login[@]}" -t hubsim/event)
echo "hub: nothing more arrives"
exit 1
