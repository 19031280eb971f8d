/* shadow_doc.h - the shadow document of one device, and what a message does to it.
 * Room:  BROKER (any one thread). Pure: time comes in, bytes go out.
 * Facts: docs/protocol/shadow.md 1-8.
 *
 * The device sees one `desired`: the hub's, and over it that of local applications, which a
 * gateway cannot write at the hub. Of two applications that set one attribute the last writer is
 * shown. The device clears both in the same way; only the hub's part of a clear travels up, the
 * local part never leaves the LAN.
 *
 * A change stands on trial until shadow_doc_keep() or shadow_doc_undo(): the caller encodes and
 * stores the document in between, so that no reply tells what a crash could take back.
 */
#ifndef HUBGATE_SHADOW_DOC_H
#define HUBGATE_SHADOW_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"

enum {
	SHADOW_BYTES_MAX = 16384, /* of a message, and of a document's state */
	SHADOW_DEPTH_MAX = 5,
	/* Ceiling that a reply's buf should have. Metadata adds 27 bytes to an attribute, of which the
	 * shortest has 6, so a section grows to less than 6 times its length; desired is shown twice.
	 * With 64 KB, the most that any text allows the hub's document, that is 800 KB. A reply goes
	 * to the LAN, where the hub's bound of a message does not count. */
	SHADOW_REPLY_MAX = 1 << 20,
	SHADOW_STORED_MAX = 512 << 10,
	SHADOW_SDK_BYTES = 2048, /* what the C SDK takes in its default build */
};

enum shadow_code { /* docs/protocol/shadow.md 7 */
	SHADOW_OK = 0,
	SHADOW_MALFORMED = 5001,
	SHADOW_INVALID_NODE = 5002,
	SHADOW_TOO_DEEP = 5003,
	SHADOW_TOO_LARGE = 5004,
	SHADOW_CONFLICT = 5005,
	SHADOW_INTERNAL = 5006,
};

enum shadow_done {
	SHADOW_SILENT,   /* no JSON object, or no memory for an answer: say nothing */
	SHADOW_ANSWERED, /* the document is as it was */
	SHADOW_CHANGED,  /* on trial: store it, then keep or undo */
};

struct shadow_doc; /* opaque */

/* Empty, version 0, never synchronised. NULL: no memory. */
struct shadow_doc *shadow_doc_new(void);
void shadow_doc_free(struct shadow_doc *d); /* NULL is fine */
/* A document that was lost: versions of the old one may have been seen, and are not known. */
void shadow_doc_rebuilt(struct shadow_doc *d, int64_t now_ms);

/* A message of the device on $shadow/operation/. now_ms: wall clock. The answer, when there is
 * one, is appended to reply. */
enum shadow_done shadow_doc_request(struct shadow_doc *d, const void *payload, size_t len,
                                    int64_t now_ms, struct buf *reply);
/* The same from a local application, which reads everything and sets or clears the local desired
 * only: {"type":"update","state":{"desired":{...}}}. */
enum shadow_done shadow_doc_app_request(struct shadow_doc *d, const void *payload, size_t len,
                                        int64_t now_ms, struct buf *reply);
/* The answer to a request whose change could not be stored. false: none. */
bool shadow_doc_failed(struct shadow_doc *d, const void *payload, size_t len, int64_t now_ms,
                       struct buf *reply);

void shadow_doc_keep(struct shadow_doc *d);
void shadow_doc_undo(struct shadow_doc *d);

/* The `delta` message for the device, appended. false: desired and reported agree, or no
 * memory. */
bool shadow_doc_delta(const struct shadow_doc *d, struct buf *out);
size_t shadow_doc_attributes(const struct shadow_doc *d); /* that the device reported */
uint64_t shadow_doc_version(const struct shadow_doc *d);
/* The hub's document has been seen once. */
bool shadow_doc_synced(const struct shadow_doc *d);

/* What is stored: JSON, one object, versioned. ST_OK; ST_TOOBIG; ST_NOMEM. */
enum status shadow_doc_encode(const struct shadow_doc *d, struct buf *out);
/* Caller owns *out. ST_OK; ST_MALFORMED (anything unexpected); ST_NOMEM. */
enum status shadow_doc_decode(const void *bytes, size_t len, struct shadow_doc **out);

#endif
