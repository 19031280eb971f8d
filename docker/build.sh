#!/bin/sh
# build.sh TARGET TAG - builds an image of docker/Dockerfile with docker, or, where no
# docker answers, with buildah. Run in the top directory. In the environment: BASE,
# another base image.
set -eu
target=$1 tag=$2
revision=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)

set -- -f docker/Dockerfile --target "$target" -t "$tag" \
	--build-arg "VERSION=$(cat VERSION)" --build-arg "REVISION=$revision"
[ -z "${BASE:-}" ] || set -- "$@" --build-arg "BASE=$BASE"

if docker info >/dev/null 2>&1; then
	export DOCKER_BUILDKIT=1 # for older engines: COPY --chmod
	exec docker build "$@" .
fi
tests/tools/install.sh buildah
# The health check is part of docker's image format only. Isolation by chroot needs no
# container runtime beside buildah.
# shellcheck disable=SC2086
exec buildah ${BUILDAH_STORAGE:-} build --format docker --layers --isolation chroot ${BUILDAH_OPTIONS:-} "$@" .
