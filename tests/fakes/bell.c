#include "tests/fakes/bell.h"

#include <stdio.h>
#include <string.h>

static void rung(struct bell *b, const unsigned char *packet, size_t len)
{
	struct waker *w = atomic_load(&b->confirms);

	snprintf(b->last_topic, sizeof b->last_topic, "%.*s", (int)(len - 4), packet + 4);
	atomic_fetch_add(&b->rings, 1);
	if (!w)
		return;
	waker_confirm(w);
	if (b->drain)
		b->drain(b->ctx);
}

static bool answer(struct peer_conn *c, struct bell *b, const unsigned char *packet, size_t len)
{
	unsigned char connack[4] = { 0x20, 2, 0, (unsigned char)atomic_load(&b->code) };

	switch (packet[0] >> 4) {
	case 1:
		atomic_fetch_add(&b->logins, 1);
		return atomic_load(&b->silent) || (peer_write(c, connack, 4) && connack[3] == 0);
	case 3:
		rung(b, packet, len);
		break;
	case 8:
		atomic_fetch_add(&b->subscribes, 1);
		break;
	case 12:
		atomic_fetch_add(&b->pings, 1);
		return atomic_load(&b->silent) || peer_write(c, "\xd0\x00", 2);
	case 14:
		atomic_fetch_add(&b->goodbyes, 1);
		return false;
	default:
		break;
	}
	return !atomic_exchange(&b->drops, false);
}

/* All packets of the doorbell are shorter than 128 bytes: one byte of length. */
void bell_serve(struct peer_conn *c, void *bell)
{
	struct bell *b = bell;
	unsigned char data[512];
	size_t have = 0, n;

	while ((n = peer_read(c, data + have, sizeof data - have)) > 0) {
		have += n;
		if (data[0] >> 4 == 0 || data[0] == 0x16)
			return; /* a TLS hello at a plain listener */
		while (have >= 2 && have >= 2u + data[1]) {
			size_t len = 2u + data[1];

			if (!answer(c, b, data, len))
				return;
			have -= len;
			memmove(data, data + len, have);
		}
	}
}
