#!/bin/bash
# image_check.sh DIR - proves the image without an engine and without a registry:
# builds it on a base of its own (image_base.sh), then runs it as an engine would
# (image_trial.sh). Files go below DIR. Run as root, in the top directory.
set -euo pipefail
SIZE_MAX_MB=40

if [ "$(id -u)" != 0 ]; then
	echo "image-check needs root: it makes a Debian root and runs it" >&2
	exit 1
fi
mkdir -p "$1"
dir=$(cd "$1" && pwd)
export BUILDAH_STORAGE="--storage-driver vfs --root $dir/storage --runroot $dir/run"
export BUILDAH_OPTIONS="--network host --pull-never"
export BASE=localhost/hubgate-base

# shellcheck disable=SC2086
buildah_() { buildah $BUILDAH_STORAGE "$@"; }

# root_of IMAGE: the directory with its files
root_of() {
	buildah_ mount "$(buildah_ from --pull-never "$1")"
}

# build TARGET IMAGE
build() {
	local start=$SECONDS

	PATH="$dir/no-docker:$PATH" docker/build.sh "$1" "$2" >"$dir/build-$1.log" 2>&1 ||
		{ tail -20 "$dir/build-$1.log" >&2; exit 1; }
	echo "build: target $1 took $((SECONDS - start)) s"
}

clean() {
	buildah_ rm --all >/dev/null 2>&1 || true
}
trap clean EXIT
clean

# An engine on this machine would build elsewhere than this script looks.
mkdir -p "$dir/no-docker"
printf '#!/bin/sh\nexit 1\n' >"$dir/no-docker/docker"
chmod 0755 "$dir/no-docker/docker"

docker/image_base.sh "$dir" "$BASE"
build gateway localhost/hubgate
build demo localhost/hubgate-demo

base=$(root_of "$BASE")
gateway=$(root_of localhost/hubgate)
demo=$(root_of localhost/hubgate-demo)
added=$((($(du -s --apparent-size "$gateway" | cut -f1) -
	$(du -s --apparent-size "$base" | cut -f1)) / 1024))
total=$(du -sm --apparent-size "$gateway" | cut -f1)
echo "size: $added MB over the base (at most $SIZE_MAX_MB), $total MB in all"
[ "$added" -le "$SIZE_MAX_MB" ] || { echo "too large" >&2; exit 1; }
for tool in gcc cc make ld; do
	if [ -n "$(find "$gateway/usr/bin" -name "$tool" -o -name "*-$tool")" ]; then
		echo "the image holds $tool" >&2
		exit 1
	fi
done

# What an engine would take from the image, for the trial.
inspect() {
	buildah_ inspect --type image --format "$1" localhost/hubgate
}
inspect '{{range .Docker.Config.Env}}{{println .}}{{end}}' | grep '=' >"$dir/env"
inspect '{{.Docker.Config.User}}' >"$dir/user"
inspect '{{index .Docker.Config.Entrypoint 0}}' >"$dir/entrypoint"
inspect '{{index .Docker.Config.Healthcheck.Test 1}}' >"$dir/health"
inspect '{{range $key, $value := .Docker.Config.Labels}}{{println $key $value}}{{end}}' >"$dir/labels"
grep -q '^org.opencontainers.image.revision ' "$dir/labels" ||
	{ echo "the image has no labels" >&2; exit 1; }

exec_dir=$(cd "$(dirname "$0")" && pwd)
timeout 300 unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private \
	"$exec_dir/image_trial.sh" "$dir" "$gateway" "$demo"
