/* shadow_impl.h - what the parts of the shadow service share:
 *   shadow.c        life, requests and their answers
 *   shadow_cloud.c  the line of those that have something to do with the hub
 * Room: BROKER.
 */
#ifndef HUBGATE_PLUGIN_SHADOW_IMPL_H
#define HUBGATE_PLUGIN_SHADOW_IMPL_H

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/shadow/shadow_sync.h"
#include "plugin/services/shadow.h"

enum {
	SHADOW_TOPIC_MAX = 160
};

struct requester {
	bool app;          /* not the device itself */
	shadow_told *told; /* it alone gets the answer; NULL: it is published */
	void *ctx;
};

struct waiting { /* a request before the first document */
	struct waiting *next;
	struct requester by;
	size_t len;
	char payload[];
};

struct shadow { /* one per device that uses it */
	struct device *device;
	struct shadow_doc *doc;
	struct shadow *next, *prev; /* in shadows.line */
	bool in_line;
	bool dirty; /* what the uplink was told, or will be with all the rest */
	bool asked; /* counted in shadows.asked */
	bool warm;  /* a request was answered in this life: none waits for the hub any more */
	struct waiting *waiting, **waiting_tail;
	size_t waiting_count;
	int64_t wait_until_ms; /* of those that wait */
};

struct shadows {
	LINE_OF(struct shadow) line; /* those that have something to do with the hub */
	size_t asked;                /* requests without an answer */
	size_t dirty;
	int64_t due_ms;  /* next look at the line; INT64_MAX: none */
	int64_t look_ms; /* next get that can wait, not before */
	bool rebuilt;    /* documents were lost: new ones do not start at version 0 */
	struct buf reply, stored;
};

/* The document as it is now. ST_OK; what state_put() says. */
enum status shadow_persist(struct hubgate *h, const struct shadow *s);
/* The delta for the device, if there is one. */
void shadow_send_delta(struct hubgate *h, const struct shadow *s);
void shadow_forget_waiting(struct shadow *s); /* requests that wait are dropped */
/* Requests that waited are answered from what is there. */
void shadow_answer_waiting(struct hubgate *h, struct shadow *s);

/* After any change of the document or of what the hub can be asked. */
void shadow_stir(struct hubgate *h, struct shadow *s);
/* Whether the hub lacks anything, for the metrics. true: that changed. */
bool shadow_note_dirty(struct hubgate *h, struct shadow *s);

#endif
