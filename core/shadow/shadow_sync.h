/* shadow_sync.h - a document and the hub's copy of it become equal.
 * Room:  BROKER (any one thread). Pure.
 * Keeps: level-triggered. What stands in the document decides what is sent, so a lost message
 *        costs another request and never a state. reported: the device wins; desired: the
 *        application wins. Nothing is deleted at the hub that this document did not once have.
 * Facts: docs/protocol/shadow.md 9.
 * Times: mono_ms is a monotonic clock, wall_ms the wall clock.
 */
#ifndef HUBGATE_SHADOW_SYNC_H
#define HUBGATE_SHADOW_SYNC_H

#include "core/shadow/shadow_doc.h"

enum {
	SHADOW_UPDATE_MS = 1000, /* least time between two updates of one document */
	SHADOW_ANSWER_MS = 5000,
	SHADOW_CONFLICTS_MAX = 5,
	SHADOW_RETRY_MAX_MS = 60000,
};

enum shadow_want {
	SHADOW_WANT_NOTHING,
	SHADOW_WANT_GET, /* nothing else can be done before */
	SHADOW_WANT_UPDATE,
	SHADOW_WANT_LOOK, /* a get too, for what may have been missed: may wait for its turn */
};

/* Requests can be sent from now on, or not any more: what has no answer is forgotten. Ready
 * always asks for the hub's document, which says what was missed. */
void shadow_sync_ready(struct shadow_doc *d, bool ready);
bool shadow_sync_is_ready(const struct shadow_doc *d);
/* Something of this document is not at the hub yet, as far as is known. */
bool shadow_sync_dirty(const struct shadow_doc *d);

/* What to send now; NOTHING: *due_ms is when to ask again, INT64_MAX: after the next event. */
enum shadow_want shadow_sync_wants(struct shadow_doc *d, int64_t mono_ms, int64_t *due_ms);
/* The text of it, appended; from then on an answer is awaited. What the hub may now have is in
 * the document: store it before the text leaves. ST_OK; ST_EMPTY: it turned out that nothing
 * differs; ST_TOOBIG: one attribute alone is over the hub's limit; ST_NOMEM. After an error it is
 * not wanted again until something changes. */
enum status shadow_sync_request(struct shadow_doc *d, enum shadow_want want, int64_t mono_ms,
                                struct buf *out);
/* The text could not be stored or handed on: it is wanted again, later. */
void shadow_sync_failed(struct shadow_doc *d, int64_t mono_ms);
bool shadow_sync_asked(const struct shadow_doc *d); /* an answer is awaited */
/* It left the gateway: its time runs from here. */
void shadow_sync_sent(struct shadow_doc *d, int64_t mono_ms);

struct shadow_effect {
	bool changed;    /* store it */
	bool delta;      /* then send shadow_doc_delta() to the device */
	bool first;      /* the first word from the hub: requests that waited can be answered */
	int64_t refused; /* the hub's code when it refused an update, else 0 */
};

/* A message on $shadow/operation/result/. */
void shadow_sync_message(struct shadow_doc *d, const void *payload, size_t len, int64_t wall_ms,
                         int64_t mono_ms, struct shadow_effect *out);

#endif
