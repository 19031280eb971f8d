#!/bin/bash
# Healthy: a login is answered within 2 s. Every login passes through the plugin, on
# the thread that serves the devices, so an answer of any kind proves both. The hub is
# not asked: with the WAN down the gateway does its work.
# HUBGATE_HEALTH_PORT: a plain listener on loopback, default 1883.
set -u
export LC_ALL=C
port=${HUBGATE_HEALTH_PORT:-1883}

{ exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || {
	echo "nobody listens on 127.0.0.1:$port"
	exit 1
}
# CONNECT of MQTT 3.1.1: clean session, keep alive 10 s, client id hubgate-health
printf '\x10\x1a\x00\x04MQTT\x04\x02\x00\x0a\x00\x0ehubgate-health' >&3
answer=$(timeout 2 head -c 2 <&3 | od -An -tx1)
if [ "$answer" != " 20 02" ]; then
	echo "no CONNACK from 127.0.0.1:$port within 2 s"
	exit 1
fi
# The broker has hung up already where it refused the login.
trap '' PIPE
printf '\xe0\x00' >&3 2>/dev/null
exit 0
