#!/bin/bash
# application HOST PORT: plays the cloud application at the simulator's admin port.
# Shows what arrives at the hub; when a device came online it sends it a command. Ends
# well when telemetry of both devices arrived after their commands, badly after 60 s.
set -u
host=$1 port=$2
login=(-h "$host" -p "$port" -u hubsim-admin -P hubsim)
declare -A commanded=() arrived=()

# member NAME: of the event in $line; the simulator writes texts without escapes here
member() {
	sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" <<<"$line"
}

while IFS= read -r -t 60 line; do
	topic=$(member topic)
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
		device=${topic%/event}
		[ -n "${arrived[$device]:-}" ] || echo "hub: telemetry of $device arrived"
		[ -z "${commanded[$device]:-}" ] || arrived[$device]=1
		;;
	esac
	if [ ${#arrived[@]} -ge 2 ]; then
		echo "hub: telemetry and commands of both devices went through the gateway"
		exit 0
	fi
done < <(exec timeout 120 mosquitto_sub "${login[@]}" -t hubsim/event)
echo "hub: nothing more arrives"
exit 1
