/* shadow_impl.h - what the parts of a shadow document share:
 *   shadow_doc.c    life, changes on trial
 *   shadow_update.c requests of device and applications
 *   shadow_reply.c  the messages a device gets, byte by byte
 *   shadow_store.c  the stored form
 *   shadow_sync.c   what to ask the hub, and when
 *   shadow_answer.c what the hub says
 *   shadow_tree.c   JSON sections: merge, compare, print
 *   shadow_find.c   members by name
 */
#ifndef HUBGATE_SHADOW_IMPL_H
#define HUBGATE_SHADOW_IMPL_H

#include "core/shadow/shadow_doc.h"
#include "core/shadow/shadow_sync.h"
#include "core/shadow/shadow_tree.h"

/* Trees are objects, never NULL but for base. */
#define SHADOW_TREES(X)                                                             \
	X(reported)                                                                     \
	X(desired) /* the hub's, without what the device cleared */                     \
	X(local)   /* desired of local applications */                                  \
	X(clears)  /* null wherever the device cleared the hub's desired */             \
	X(acked)   /* the values that were cleared there */                             \
	X(sent)    /* reported attributes that the hub may have: sent, no answer yet */ \
	X(base)    /* the hub's reported, as last known; NULL: never */

enum shadow_tree_id {
#define X(name) SHADOW_TREE_##name,
	SHADOW_TREES(X)
#undef X
	SHADOW_TREE_COUNT
};

struct shadow_state { /* what is stored */
	cJSON *tree[SHADOW_TREE_COUNT];
	uint64_t version, hub_version;
	int64_t timestamp_ms; /* 0: never written */
	bool hub_written;     /* hub_version is that of a document with a write: it may be 0 */
	bool uncertain;       /* an update left and its answer did not come */
};

struct shadow_doc {
	struct shadow_state now, before; /* before: what the change on trial replaced */
	bool trial, saved[SHADOW_TREE_COUNT];
	bool dirty; /* reported may differ from base, or there are clears */

	/* synchronisation; starts anew with the process */
	bool ready, look, stuck; /* look: the hub may have changed unseen */
	enum shadow_want asked;  /* request without an answer */
	uint32_t token;
	int64_t answer_due_ms;   /* of asked, INT64_MAX: it has not left yet */
	int64_t update_after_ms; /* coalescing */
	int64_t retry_ms;        /* nothing before */
	unsigned failures, conflicts;
	bool unguarded; /* the hub's version stays 0, so a clear cannot name one */
	cJSON *asked_reported, *asked_desired; /* what it says; NULL: nothing */
};

#define SHADOW(d, name) ((d)->now.tree[SHADOW_TREE_##name])

struct shadow_request { /* borrowed views of one parsed message; parsed is owned */
	cJSON *parsed;
	const char *token; /* NULL: none */
	const char *type;
	const cJSON *state;
	bool metadata, overwrite;
	int64_t version;
	enum shadow_code fault;
};

/* desired as the device sees it. Caller owns; NULL: no memory. */
cJSON *shadow_merged_desired(const struct shadow_doc *d);
/* The whole document, as get and 5005 show it. */
enum status shadow_put_document(struct buf *out, const struct shadow_doc *d,
                                const struct shadow_request *r, enum shadow_code code,
                                int64_t now_ms);
/* reported and desired: what changed; NULL: not touched. */
enum status shadow_put_updated(struct buf *out, const struct shadow_doc *d,
                               const struct shadow_request *r, const cJSON *reported,
                               const cJSON *desired);
enum status shadow_put_refusal(struct buf *out, const struct shadow_doc *d,
                               const struct shadow_request *r, int64_t now_ms);

/* The changes that follow are on trial. */
void shadow_begin(struct shadow_doc *d);
/* Takes tree. */
void shadow_set(struct shadow_doc *d, enum shadow_tree_id id, cJSON *tree);
/* The tree, as one that may be changed: on trial a copy. NULL: no memory. */
cJSON *shadow_writable(struct shadow_doc *d, enum shadow_tree_id id);
void shadow_state_free(struct shadow_state *s);
enum {
	SHADOW_TOKEN_BYTES = 32
};

/* The clientToken of the last request. */
void shadow_token(const struct shadow_doc *d, char out[SHADOW_TOKEN_BYTES]);
/* No answer is awaited any more. */
void shadow_forget_asked(struct shadow_doc *d);
/* The next attempt after 2, 4, 8 .. 60 s. */
void shadow_back_off(struct shadow_doc *d, int64_t mono_ms);
/* Whether the hub lacks anything. */
void shadow_recheck(struct shadow_doc *d);
/* The next version, and the time of it. */
void shadow_touch(struct shadow_doc *d, int64_t now_ms);

#endif
