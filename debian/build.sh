#!/bin/bash
# build.sh ROOTS SUITE ARCH OUT [REVISION] - builds the packages of this tree, or of a revision of it,
# for a Debian release, in a root of that release with the cross compiler that ARCH needs, and judges
# them with lintian. The packages are put into OUT, which is emptied first. Run as root, in the top
# directory.
set -euo pipefail
roots=$1 suite=$2 arch=$3 out=$4 revision=${5:-}
me=deb
. tests/tools/roots.sh

declare -A release=([bookworm]=deb12 [trixie]=deb13)
[ -n "${release[$suite]:-}" ] || die "SUITE is one of: ${!release[*]}"
[ "$(id -u)" = 0 ] || die "needs root: it makes Debian roots and builds in them"

# Until it is released a version is older than itself, and grows with each commit.
version_of() {
	local text=$1 version

	version=$(cat "$text/VERSION")
	if head -20 "$text/CHANGELOG.md" | grep -qx "## $version (not released yet)"; then
		if [ -n "$revision" ] || git rev-parse -q --verify HEAD >/dev/null 2>&1; then
			version=$version~$(git rev-list --count "${revision:-HEAD}")
			version=$version.g$(git rev-parse --short=7 "${revision:-HEAD}")
			[ -n "$revision" ] || [ -z "$(git status --porcelain)" ] || version=$version.changed
		fi
	fi
	echo "$version+${release[$suite]}"
}

# sources DIR: what is built there
sources() {
	mkdir -p "$1"
	if [ -n "$revision" ]; then
		git archive "$revision" | tar -x -C "$1"
	elif git rev-parse -q --verify HEAD >/dev/null 2>&1; then
		git ls-files -z --cached --others --exclude-standard |
			xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\\0" "$f"; done' sh |
			tar -c --null -T - | tar -x -C "$1"
	else
		tar -c --exclude=./build . | tar -x -C "$1"
	fi
}

# new_entry DIR VERSION: the packages' own line in debian/changelog, dated as what they are made of
new_entry() {
	local text=$1 date

	date=$(git log -1 --format=%cD "${revision:-HEAD}" 2>/dev/null) || date=$(date -R)
	{
		printf 'hubgate (%s) %s; urgency=medium\n\n  * Built for %s.\n\n' "$2" "$suite" "$suite"
		sed -n '/^ -- /{s/>  .*/>  /p;q}' "$text/debian/changelog" | tr -d '\n'
		printf '%s\n\n' "$date"
		cat "$text/debian/changelog"
	} >"$text/changelog.new"
	mv "$text/changelog.new" "$text/debian/changelog"
}

native=$(dpkg --print-architecture)
root=$roots/build-$suite-$arch
profiles=nocheck
[ "$arch" = "$native" ] || profiles=nocheck,cross
root_make "build-$suite" "base-$suite" build-essential debhelper fakeroot lintian po-debconf
root_make "build-$suite-$arch" "build-$suite"

place=$root/build
rm -rf "$place" "$out"
sources "$place/hubgate"
version=$(version_of "$place/hubgate")
new_entry "$place/hubgate" "$version"
mkdir -p "$out"
echo "deb: hubgate $version for $arch"
in_root "$root" sh -ec '
	arch=$1 profiles=$2 jobs=$3 native=$4
	cd /build/hubgate
	if [ "$arch" != "$native" ] && ! dpkg-query -W "crossbuild-essential-$arch" >/dev/null 2>&1; then
		dpkg --add-architecture "$arch"
		apt-get -qq update
		apt-get -qq install -y --no-install-recommends "crossbuild-essential-$arch" >/build/apt.log
	fi
	apt-get -qq build-dep -y --no-install-recommends -a "$arch" -P "$profiles" . >>/build/apt.log
	apt-get clean
	export DEB_BUILD_OPTIONS="nocheck parallel=$jobs terse" DEB_BUILD_PROFILES="$(echo $profiles | tr , " ")"
	dpkg-buildpackage -us -uc -b -a "$arch" -P"$profiles"' \
	sh "$arch" "$profiles" "${JOBS:-$(nproc)}" "$native" >"$out/build.log" 2>&1 ||
	{ tail -20 "$out/build.log" >&2; die "not built; all lines are in $out/build.log"; }
cp "$place"/*.deb "$place"/*.changes "$place"/*.buildinfo "$out"
in_root "$root" sh -c 'cd /build && exec lintian --allow-root --fail-on error --tag-display-limit 0 ./*.changes' \
	>"$out/lintian.log" 2>&1 || { cat "$out/lintian.log" >&2; die "lintian has errors"; }
cat "$out/lintian.log"
rm -rf "$place"
ls -1 "$out"/*.deb
