#!/bin/bash
# application HOST PORT: plays the cloud application at the simulator's admin port.
# Shows what arrives at the hub; when a device came online it sends it a command, and when
# its shadow was fetched it sets a desired state there. Ends well when telemetry of both
# devices arrived after their commands and both shadows reported what was desired, badly
# after 60 s.
set -u
host=$1 port=$2
login=(-h "$host" -p "$port" -u hubsim-admin -P hubsim)
declare -A commanded=() arrived=() desired=() reported=()

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
	*'"ev":"shadow"'*'"type":"get"'*)
		[ -z "${desired[$device]:-}" ] || continue
		echo "hub: the shadow of $device was fetched; desired is now {\"colour\":\"red\"}"
		mosquitto_pub "${login[@]}" -q 1 -t hubsim/control \
			-m "{\"cmd\":\"desire\",\"device\":\"$device\",\"desired\":{\"colour\":\"red\"}}"
		desired[$device]=1
		;;
	*'"ev":"shadow"'*'"type":"update"'*'"result":0'*)
		[ -n "${desired[$device]:-}" ] || continue
		[ -n "${reported[$device]:-}" ] || echo "hub: $device reported what was desired"
		reported[$device]=1
		;;
	*'"ev":"publish"'*/event\"*)
		device=${topic%/event}
		[ -n "${arrived[$device]:-}" ] || echo "hub: telemetry of $device arrived"
		[ -z "${commanded[$device]:-}" ] || arrived[$device]=1
		;;
	esac
	if [ ${#arrived[@]} -ge 2 ] && [ ${#reported[@]} -ge 2 ]; then
		echo "hub: telemetry, commands and shadows of both devices went through the gateway"
		exit 0
	fi
done < <(exec timeout 120 mosquitto_sub "${login[@]}" -t hubsim/event)
echo "hub: nothing more arrives"
exit 1
