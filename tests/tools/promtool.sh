#!/bin/sh
# promtool.sh [BUILD] - puts promtool, the checker of Prometheus, into BUILD (build): out of Debian's
# package, which is unpacked and not installed, so that no daemon starts. With it there the e2e tests
# check /metrics, and `make prom-check` conf/alerts.yaml.
set -eu
build=${1:-build}
[ ! -x "$build/promtool" ] || exit 0
mkdir -p "$build"
to=$(cd "$build" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 0755 "$dir"
# Where apt has no lists, or old ones, it asks for them first.
(cd "$dir" && { apt-get -qq download prometheus 2>/dev/null ||
	{ apt-get -qq update && apt-get -qq download prometheus; }; })
dpkg-deb --fsys-tarfile "$dir"/prometheus_*.deb | tar -xO ./usr/bin/promtool >"$to/promtool.new"
chmod 0755 "$to/promtool.new"
mv "$to/promtool.new" "$to/promtool"
