#include "plugin/control/broker_version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"

#define TOPIC  "$SYS/broker/version"
#define PREFIX "mosquitto version "

enum {
	VERSION_BYTES = 32,
};

struct broker_version {
	char text[VERSION_BYTES]; /* "": not told yet */
};

enum status broker_version_open(struct hubgate *h)
{
	h->broker_version = calloc(1, sizeof(*h->broker_version));
	return h->broker_version ? ST_OK : ST_NOMEM;
}

void broker_version_close(struct hubgate *h)
{
	free(h->broker_version);
	h->broker_version = NULL;
}

void broker_version_start(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	uplink_watch(h->uplink, TOPIC); /* without it less is told */
}

bool broker_version_watches(const char *filter)
{
	IN_ROOM(ROOM_BROKER);
	return strcmp(filter, TOPIC) == 0;
}

/* Any client that may publish there could say anything: only what looks like a version is taken. */
void broker_version_arrives(struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	const char *payload = ed->payload;
	size_t len = strlen(PREFIX);
	char text[VERSION_BYTES];

	IN_ROOM(ROOM_BROKER);
	if (strcmp(ed->topic, TOPIC) != 0 || !payload || ed->payloadlen <= len ||
	    ed->payloadlen - len >= sizeof(text) || memcmp(payload, PREFIX, len) != 0)
		return;
	memcpy(text, payload + len, ed->payloadlen - len);
	text[ed->payloadlen - len] = '\0';
	if (strspn(text, "0123456789.abcdefghijklmnopqrstuvwxyz~+-") == strlen(text))
		snprintf(h->broker_version->text, sizeof(h->broker_version->text), "%s", text);
}

const char *broker_version_text(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	if (h->broker_version->text[0])
		return h->broker_version->text;
	return h->has_connect_event ? "2.1 or newer" : "2.0";
}
