/* asker.h - devices that ask for their shadows: many in one thread, one poll loop.
 *
 * Device n is that of gen.h. A request is answered by one message on the device's result topic;
 * answers come in the order of the requests.
 */
#ifndef HUBGATE_BENCH_ASKER_H
#define HUBGATE_BENCH_ASKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ASKER_WINDOW = 64,         /* most requests of one device without an answer */
	ASKER_LATENCIES = 1 << 17, /* answer times kept */
};

struct asker_work {
	bool update;     /* else get */
	double rate;     /* of all devices together per second; 0: as fast as it goes */
	uint32_t window; /* unanswered per device */
	uint32_t total;  /* requests in all */
	int timeout_ms;
};

struct asker_result {
	uint32_t answered;
	int64_t start_ns, end_ns;
	int64_t *answer_ns; /* borrowed until the next run */
	size_t answers;
};

struct asker; /* opaque */

/* Connects and subscribes, waits for every SUBACK. NULL: said on stderr. */
struct asker *asker_open(int port, uint32_t devices);
void asker_close(struct asker *a); /* NULL is fine */
/* false: a connection was lost or timeout_ms over; *out says how far it got. */
bool asker_run(struct asker *a, const struct asker_work *w, struct asker_result *out);

#endif
