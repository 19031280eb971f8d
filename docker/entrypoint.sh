#!/bin/sh
# The container's first process. Says in one line what is wrong with a mount, else
# becomes the broker, which then gets the container's signals. With arguments: that
# command instead, for instance mosquitto_passwd.
set -eu

config=/etc/mosquitto/hubgate.json
extras=/etc/mosquitto/conf.d
state=/var/lib/mosquitto
uid=$(id -u)
gid=$(id -g)

refuse() {
	echo "hubgate: not started: $*"
	exit 78
}

# readable PATH: a file that this user may read
readable() {
	[ -e "$1" ] || refuse "$1 is missing; mount it, for instance -v ./hubgate.json:$1:ro"
	[ -f "$1" ] || refuse "$1 is no file (docker makes a directory when the host's file" \
		"does not exist); remove it on the host and put the file there"
	[ -r "$1" ] || refuse "$1 cannot be read by uid $uid, gid $gid; on the host:" \
		"chgrp $gid FILE && chmod 0640 FILE"
}

[ $# -eq 0 ] || exec "$@"

readable "$config"
{ [ -r "$extras" ] && [ -x "$extras" ]; } || refuse "$extras cannot be read by uid $uid, gid $gid;" \
	"on the host: chgrp -R $gid DIRECTORY && chmod -R g+rX DIRECTORY"
for extra in "$extras"/*.conf; do
	[ "$extra" = "$extras/*.conf" ] || readable "$extra"
done
[ -d "$state" ] || refuse "$state is missing; mount a volume there"
{ [ -w "$state" ] && [ -x "$state" ]; } || refuse "$state cannot be written by uid $uid, gid $gid;" \
	"mount it writable and give it to that user: chown $uid:$gid DIRECTORY"

exec /usr/sbin/mosquitto -c /etc/mosquitto/mosquitto.conf 2>&1
