#!/bin/bash
# steps_check.sh DIR - runs the steps of docs/docker.md by the letter, from "The steps below" on, in
# a clone of this checkout. `docker` is podman here, from Debian; the base image is image_base.sh's.
# Files go below DIR. Run as root, in the top directory.
set -euo pipefail

if [ "$(id -u)" != 0 ]; then
	echo "docker-steps needs root: it makes a Debian root and runs containers" >&2
	exit 1
fi
mkdir -p "$1"
dir=$(cd "$1" && pwd)
storage="--storage-driver overlay --root $dir/storage --runroot $dir/run"
tree=$dir/tree
log=$dir/steps.log

# ---- what stands in for the engine ----

prepare() {
	local bin=$dir/bin

	rm -rf "$tree" "$bin"
	git clone -q . "$tree"
	mkdir -p "$bin"
	cat >"$dir/containers.conf" <<-'CONF'
	[engine]
	cgroup_manager = "cgroupfs"
	runtime = "runc"
	CONF
	printf '#!/bin/sh\nexec "$@"\n' >"$bin/sudo"
	cat >"$bin/podman" <<-PODMAN
	#!/bin/sh
	export CONTAINERS_CONF=$dir/containers.conf
	# Where root may not raise its limits, the engine's own defaults are refused.
	if [ "\$1" = run ]; then
		shift
		case "\$*" in *nofile=*) ;; *) set -- --ulimit nofile=1024:16384 "\$@" ;; esac
		set -- run --ulimit nproc=1024:1024 "\$@"
	fi
	exec $(command -v podman) --log-level error $storage "\$@"
	PODMAN
	# \`info\` fails, so that the image is built with buildah. podman-compose knows no profiles:
	# the profile "production" is the file without them.
	cat >"$bin/docker" <<-'DOCKER'
	#!/bin/bash
	case "$*" in
	info) exit 1 ;;
	'compose -f docker/compose.yaml --profile production '*)
		exec podman-compose -f docker/compose.gateway.yaml "${@:6}" ;;
	compose*) echo "not known here: docker $*" >&2; exit 1 ;;
	*) exec podman "$@" ;;
	esac
	DOCKER
	chmod 0755 "$bin"/*
}

# ---- the steps ----

# Each block of shell of the document, as a file of its own.
take_blocks() {
	rm -rf "$dir/blocks"
	mkdir -p "$dir/blocks"
	awk -v into="$dir/blocks/" '
		/^The steps below/ { on = 1 }
		on && /^```$/ { inside = !inside; if (inside) file = sprintf("%s%02d", into, ++n); next }
		on && inside { print >file }' docs/docker.md
}

until_ok() {
	local end=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || { echo "not within time: $*" >&2; return 1; }
		sleep 0.1
	done
}

failed() {
	echo "docker-steps: FAILED $*" >&2
	tail -20 "$log" >&2
	podman logs hubgate >&2 2>&1 || true
	exit 1
}

healthy() { podman exec hubgate /usr/lib/hubgate/healthcheck; }

# A device logs in with what `hubgate credentials` says, and is acknowledged.
device_publishes() {
	local id user password

	id=$(sed -n 's/^client id *//p' "$dir/credentials")
	user=$(sed -n 's/^user name *//p' "$dir/credentials")
	password=$(sed -n 's/^password *//p' "$dir/credentials")
	timeout 10 mosquitto_pub -h 127.0.0.1 "$@" -i "$id" -u "$user" -P "$password" -q 1 \
		-t SUBPRODUC1/dev1/event -m '{"n":1}'
}

# With the token, and not without.
page_shows() {
	local page=http://127.0.0.1:8188

	[ "$(curl -s -o /dev/null -w '%{http_code}' $page/healthz)" = 200 ] &&
		[ "$(curl -s -o /dev/null -w '%{http_code}' $page/metrics)" = 401 ] &&
		curl -s -u "x:$(cat "$tree/docker/secrets/admin_token")" $page/metrics | grep -q '^hubgate_'
}

# step_ends_well BLOCK: its output in $dir/output
step_ends_well() {
	(cd "$tree" && bash -euo pipefail "$1") >"$dir/output" 2>&1 && return
	# The document says that this one finds the samples' secrets.
	grep -q ' check ' "$1" && grep -q ' 1 faults' "$dir/output" && grep -q 'of the samples' "$dir/output"
}

# run_steps FILE ...: of those blocks
run_steps() {
	local block

	for block; do
		echo "== $(head -1 "$block")" | tee -a "$log"
		step_ends_well "$block" || { cat "$dir/output" >>"$log"; failed "$(cat "$block")"; }
		cat "$dir/output" >>"$log"
		case $(cat "$block") in
		*' up -d') until_ok 20 healthy || failed "it is not healthy" ;;
		*' credentials '*) cp "$dir/output" "$dir/credentials" ;;
		esac
	done
}

clean() {
	podman rm -f -t 1 hubgate >/dev/null 2>&1 || true
	podman volume rm -f hubgate_state >/dev/null 2>&1 || true
}

# Where the network is: the base image, the tree, and the first step, which builds.
build() {
	export BUILDAH_STORAGE=$storage BUILDAH_OPTIONS="--network host --pull-never"
	export BASE=localhost/hubgate-base
	: >"$log"
	docker/image_base.sh "$dir" "$BASE"
	prepare
	take_blocks
	PATH=$dir/bin:$PATH
	run_steps "$dir/blocks/01"
}

# Where the default ports are free, and nobody is reached: the other steps.
run() {
	PATH=$dir/bin:$PATH
	ip link set lo up
	clean
	trap clean EXIT
	run_steps "$dir"/blocks/0[2-9]
	until_ok 20 healthy || failed "it is not healthy after the backup"
	device_publishes -p 1883 || failed "a device by clear text"
	device_publishes -p 8883 --cafile "$tree/docker/conf.d/server.pem" --insecure ||
		failed "a device by TLS"
	page_shows || failed "the status page"
	tar -tzf "$tree/hubgate-state.tar.gz" | grep -q '^./hubgate/journal/' || failed "the backup is empty"
	[ -z "$(git -C "$tree" status --short docker)" ] || failed "git would take up what the steps made"
	echo "docker-steps: all steps passed, a device is acknowledged on 1883 and 8883, and the page shows"
}

if [ "${2:-}" = inside ]; then
	run
else
	build
	exec timeout 600 unshare --net --mount --propagation private "$0" "$dir" inside
fi
