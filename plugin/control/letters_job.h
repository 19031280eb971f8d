/* letters_job.h - one command about dead letters, as DISK carries it out.
 * Room:  DISK, except where a function says otherwise: the job is its alone until it is handed
 * back.
 */
#ifndef HUBGATE_LETTERS_JOB_H
#define HUBGATE_LETTERS_JOB_H

#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/hub/credential.h"

enum letters_what {
	LETTERS_LIST,
	LETTERS_TAKE, /* those that are to be sent again, LETTERS_TAKE_MAX at once */
	LETTERS_DROP,
};

enum {
	LETTERS_TAKE_MAX = 64,
};

struct letter { /* owned */
	uint64_t id;
	char client_id[CLIENT_ID_MAX + 1];
	char *topic;
	void *payload;
	size_t len;
	uint8_t qos;
};

struct letters_job {
	enum letters_what what;
	const char *dir; /* borrowed */
	/* Of LETTERS_TAKE and LETTERS_DROP: which; all: every one. Owned. */
	uint64_t *ids;
	size_t id_count;
	bool all;
	/* Of LETTERS_LIST: those behind the letter with this id, 0: from the beginning. */
	uint64_t after;
	unsigned count;
	/* What came of it. */
	enum status st;
	struct buf out; /* JSON */
	struct letter letters[LETTERS_TAKE_MAX];
	size_t letter_count, dropped;
};

void letters_job_run(struct letters_job *j);
void letters_job_empty(struct letters_job *j); /* any room: what came of it is freed */

#endif
