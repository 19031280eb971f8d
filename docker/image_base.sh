#!/bin/bash
# image_base.sh DIR NAME - makes the image NAME that stands in for debian:bookworm-slim
# where no registry can be reached: Debian's smallest root by debootstrap, from the
# mirror that this machine's apt uses. buildah's storage options in BUILDAH_STORAGE.
set -euo pipefail
dir=$1 name=$2
release=bookworm
root=$dir/base

sources() {
	apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' | grep " $release" | sort -u
}

[ -n "$(sources)" ] || apt-get -qq update
mirror=$(sources | awk -v want="$release" '$2 == want && $3 == "main" { print $1; exit }')
if [ -z "$mirror" ]; then
	echo "apt of this machine knows no mirror of Debian $release" >&2
	exit 1
fi
if [ ! -e "$root/.made" ]; then
	echo "base: debootstrap of $release"
	rm -rf "$root"
	# Over https the base cannot fetch anything without the authorities.
	include=
	[ "${mirror#https:}" = "$mirror" ] || include=--include=ca-certificates
	# shellcheck disable=SC2086
	debootstrap --variant=minbase $include "$release" "$root" "$mirror" \
		>"$dir/debootstrap.log" 2>&1 || { tail -5 "$dir/debootstrap.log" >&2; exit 1; }
	: >"$root/.made"
fi

# As the registry's image is: no documentation, no service started by its package.
cat >"$root/etc/dpkg/dpkg.cfg.d/slim" <<'SLIM'
path-exclude /usr/share/doc/*
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
SLIM
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 0755 "$root/usr/sbin/policy-rc.d"
rm -rf "$root"/usr/share/{doc,man,info,locale}/* "$root"/var/cache/apt/archives/*.deb \
	"$root"/var/cache/apt/*.bin "$root"/var/lib/apt/lists/* "$root"/var/log/*.log

# Packages come from where this machine has its own.
sources | sed 's/^/deb /' >"$root/etc/apt/sources.list"
apt-config dump | grep -E '^Acquire::(http|https|Check|Retries|ForceIPv|Queue|Max)' \
	>"$root/etc/apt/apt.conf.d/90machine" || true
[ ! -d "$root/etc/ssl/certs" ] || cp -f /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"

# shellcheck disable=SC2086
buildah_() { buildah $BUILDAH_STORAGE "$@"; }
container=$(buildah_ from scratch)
buildah_ add -q "$container" "$root" / >/dev/null
buildah_ config --cmd /bin/bash "$container"
buildah_ commit -q --format docker --rm "$container" "$name" >/dev/null
