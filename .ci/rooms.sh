#!/bin/sh
# rooms.sh [ROOT] - a public function whose header names its room checks it: IN_ROOM() stands in it.
# A header names the room of all its functions in its first comment, "Room:  UPLINK." or "Room:
# UPLINK, except where a function says otherwise". A comment that begins with "Room DISK" or "Any
# room" is about the declarations below it, to the next empty line, or about the one that it stands
# behind. Exceptions stand in .ci/rooms.txt, with the reason.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/..}"

# Header, function, room: of every declaration with a room.
promises() {
	find core shadowstore bridge plugin -name '*.h' ! -name '*_impl.h' | sort | xargs awk '
	function room_of(text) {
		if (text ~ /^any room/ || text ~ /^Any room/) return "any"
		if (match(text, /^[Rr]oom (BROKER|UPLINK|DISK|NET|HTTP|ADMIN)[ .,:;]/))
			return substr(text, 6, RLENGTH - 6)
		if (match(text, /^[Rr]oom (BROKER|UPLINK|DISK|NET|HTTP|ADMIN)$/)) return substr(text, 6)
		return ""
	}
	function header_room(text) {
		if (!match(text, /Room: +/)) return ""
		text = substr(text, RSTART + RLENGTH)
		if (match(text, /^(BROKER|UPLINK|DISK|NET|HTTP|ADMIN)(\.|, except where a function )/)) {
			match(text, /^[A-Z]+/)
			return substr(text, 1, RLENGTH)
		}
		return ""
	}
	function end_comment() {
		sub(/ *\*\/.*/, "", comment)
		if (!seen_first) { general = header_room(comment); seen_first = 1 }
		else if (behind) { if (room_of(comment) != "") last_room = room_of(comment) }
		else if (room_of(comment) != "") block = room_of(comment)
		in_comment = 0
	}
	function declared(    name, room) {
		room = last_room != "" ? last_room : block != "" ? block : general
		name = declaration
		sub(/\(.*/, "", name)
		sub(/ +$/, "", name)
		sub(/.*[ *]/, "", name)
		if (declaration ~ /\(/ && declaration !~ /^(typedef|static|extern) / && room != "" && room != "any")
			print FILENAME, name, room
		declaration = ""
	}
	FNR == 1 { general = block = declaration = ""; seen_first = in_comment = depth = 0 }
	in_comment {
		text = $0
		sub(/^ *\*? ?/, "", text)
		comment = comment " " text
		if ($0 ~ /\*\//) { end_comment(); if (whole) { declared(); whole = 0 } }
		next
	}
	/^$/ { block = ""; next }
	/^#/ { next }
	{
		line = $0; last_room = ""; whole = 0
		if ((at = index(line, "/*")) > 0) {
			comment = substr(line, at + 2)
			sub(/^ */, "", comment)
			line = substr(line, 1, at - 1)
			behind = line ~ /[^ \t]/
			in_comment = 1
		}
		opened = gsub(/[{]/, "{", line); closed = gsub(/[}]/, "}", line)
		inside = depth > 0 || opened > 0
		depth += opened - closed
		if (!inside) declaration = declaration " " line
		sub(/^ +/, "", declaration)
		whole = !inside && line ~ /;/
		if (in_comment && $0 ~ /\*\//) end_comment()
		if (whole && !in_comment) { declared(); whole = 0 }
	}'
}

# Folder, function, the rooms in IN_ROOM(): of every definition.
definitions() {
	find core shadowstore bridge plugin -name '*.c' | sort | xargs awk '
	FNR == 1 { head = ""; inside = 0 }
	inside && /^[}]/ {
		folder = FILENAME; sub(/\/[^\/]*$/, "", folder)
		if (name != "") print folder, name, rooms == "" ? "-" : rooms
		inside = 0; head = ""
		next
	}
	inside {
		if (match($0, /IN_ROOM\(ROOM_[A-Z]+\)/)) rooms = rooms substr($0, RSTART + 13, RLENGTH - 14) ","
		next
	}
	/^[{]/ {
		name = head; rooms = ""; inside = 1
		if (head ~ /^static / || head !~ /\(/) name = ""
		sub(/\(.*/, "", name)
		sub(/.*[ *]/, "", name)
		next
	}
	/[;}]$/ || /^[#\/ ]?$/ || /^#/ { head = ""; next }
	/^[a-z]/ { head = $0; next }
	{ head = head " " $0 }'
}

{
	definitions | sed 's/^/D /'
	promises | sed 's/^/P /'
} | awk -v table="$here/rooms.txt" '
	BEGIN {
		while ((getline line < table) > 0) {
			if (line ~ /^#/) continue
			n = split(line, word, " ")
			for (i = 2; i <= n && word[i] != ";"; i++) exempt[word[1] " " word[i]] = 1
		}
	}
	function is_exempt(header, name,    suffix) {
		suffix = name
		sub(/.*_/, "_", suffix)
		return (header " " name) in exempt || ("* " suffix) in exempt
	}
	$1 == "D" { rooms[$2 " " $3] = $4 }
	$1 == "P" {
		folder = $2; sub(/\/[^\/]*$/, "", folder)
		key = folder " " $3
		if (!(key in rooms) || is_exempt($2, $3)) next
		if (rooms[key] != $4 ",") {
			print "  " $2 ": " $3 "() has no IN_ROOM(ROOM_" $4 ")"
			bad = 1
		}
	}
	END {
		if (bad) print "functions (above) whose header names a room that they do not check; see docs/rooms.md"
		exit bad
	}'
