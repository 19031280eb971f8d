#!/bin/sh
# install_check.sh BUILD [--count FILE] [NAME ...] - runs `make install` and `make uninstall` of a
# build, into a folder with a space in its name, as a packager and a guest of the library would.
# Run in the top directory, after `make all`.
set -u

. tests/tools/suite.sh
build=$1
shift
suite_options "$@"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
root="$dir/a root"
compiler=${CC:-gcc}
triplet=$($compiler -print-multiarch)

# run_make TARGET [PREFIX]: not as a part of the make that may run this script
run_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make --no-print-directory "$1" B="$build" \
		DESTDIR="$root" ${2:+PREFIX="$2"} >"$dir/make.log" 2>&1 && return 0
	cat "$dir/make.log"
	return 1
}

suite_before() {
	rm -rf "$root"
}

# --- tests ---

# runs PROGRAM: it is there, for everybody
runs() {
	[ "$(stat -c %a "$1")" = 755 ] || fail "$1 has another mode than 0755" || return 1
	[ "$("$1" version)" = "hubgate $(cat VERSION)" ] || fail "$1 does not run"
}

# has PATTERN ...: each names files below root, with mode 0644, in folders with 0755
has() {
	for file in "$@"; do
		[ -s "$file" ] || fail "$file is missing" || return 1
		[ "$(stat -c %a "$file")" = 644 ] || fail "$file has another mode than 0644" || return 1
	done
	[ -z "$(find "$root" -mindepth 1 -type d ! -perm 755)" ] || fail "folders are not 0755"
}

check_files() {
	run_make install "$1" || return 1
	at="$root${1:-/usr}"
	has "$at/lib/$triplet/mosquitto_hubgate.so" "$at/lib/$triplet/libhubbridge.a" \
		"$at/lib/$triplet/pkgconfig/hubbridge.pc" "$at/include/hubgate/bridge/sdk/sdk.h" \
		"$at/include/hubgate/bridge/uplink/uplink.h" "$at/include/hubgate/bridge/http/dynreg_device.h" \
		"$at/share/man/man1/hubgate.1" "$at/share/bash-completion/completions/hubgate" \
		"$at/share/doc/hubgate/README.md" "$at/share/doc/hubgate/conf/README.md" \
		"$at/share/doc/hubgate/conf/hubgate.json" && runs "$at/bin/hubgate"
}

check_uninstall() {
	at="$root${1:-/usr}"
	run_make install "$1" || return 1
	echo "somebody else's" >"$at/lib/$triplet/other.so"
	run_make uninstall "$1" || return 1
	run_make uninstall "$1" || fail "a second time fails" || return 1
	left=$(find "$root" ! -type d; find "$root" -name '*hubgate*')
	rm -f "$at/lib/$triplet/other.so"
	[ "$left" = "$at/lib/$triplet/other.so" ] || fail "left behind: $left"
}

# pkg-config takes no space in a sysroot: it gets a link.
build_guest() {
	ln -sfn "$root" "$dir/root"
	flags=$(PKG_CONFIG_PATH="$dir/root${1:-/usr}/lib/$triplet/pkgconfig" \
		PKG_CONFIG_SYSROOT_DIR="$dir/root" pkg-config --cflags --libs hubbridge) || return 1
	cp tests/tools/guest.c "$dir/guest.c"
	(cd "$dir" && eval "$compiler -std=c11 -Wall -Werror -o guest guest.c $flags")
}

check_guest() {
	run_make install "$1" && build_guest "$1" || return 1
	"$dir/guest" >"$dir/guest.log" && return 0
	cat "$dir/guest.log"
	return 1
}

files_stand_where_they_belong_with_mode_0644() {
	check_files ""
}

uninstall_leaves_nothing_of_ours_and_everything_of_others() {
	check_uninstall ""
}

samples_name_the_plugin_where_it_was_installed() {
	run_make install "/opt/hub gate" || return 1
	at="/opt/hub gate"
	for sample in "$root$at"/share/doc/hubgate/conf/mosquitto*.conf; do
		grep -qx "plugin $at/lib/$triplet/mosquitto_hubgate.so" "$sample" ||
			fail "$sample names another one: $(grep '^plugin' "$sample")" || return 1
	done
}

program_builds_with_the_installed_headers_and_library_and_runs() {
	check_guest ""
}

prefix_may_hold_spaces_too() {
	check_files "/opt/hub gate" && check_guest "/opt/hub gate" && check_uninstall "/opt/hub gate"
}

# The plugin is loaded when it says what it lacks; the broker then ends by itself.
broker_loads_the_installed_plugin() {
	run_make install || return 1
	[ "$(id -u)" != 0 ] || echo 'user root' >"$dir/mosquitto.conf"
	printf 'listener 0 %s\nplugin %s\n' "$dir/sock" \
		"$root/usr/lib/$triplet/mosquitto_hubgate.so" >>"$dir/mosquitto.conf"
	broker=/usr/sbin/mosquitto
	[ -x "$broker" ] || broker=mosquitto
	timeout 20 "$broker" -c "$dir/mosquitto.conf" >"$dir/broker.log" 2>&1
	grep -q 'hubgate: not started: mosquitto.conf names no configuration' "$dir/broker.log" &&
		return 0
	cat "$dir/broker.log"
	return 1
}

package_file_and_plugin_say_the_version() {
	run_make install || return 1
	version=$(cat VERSION)
	grep -qx "Version: $version" "$root/usr/lib/$triplet/pkgconfig/hubbridge.pc" ||
		fail "hubbridge.pc has another version" || return 1
	grep -qaF "$version" "$root/usr/lib/$triplet/mosquitto_hubgate.so" ||
		fail "the plugin does not know $version"
}

# docs/architecture.md names what is planned too.
help_names_what_the_documents_name() {
	run_make help || return 1
	texts=$(ls ./*.md docs/*.md | grep -v architecture)
	# shellcheck disable=SC2086
	for target in $(grep -oh '`make [a-z0-9-]*' $texts | cut -d ' ' -f 2 | sort -u); do
		grep -q "^make $target " "$dir/make.log" || fail "make help is silent on $target" || return 1
	done
}

suite_run install "$0"
