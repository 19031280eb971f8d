/* shadow_hub.h - the hub's shadow service as plainly as it can be written, for tests only: it
 * shares nothing with core/shadow_*. Integers and objects are all the values it needs.
 */
#ifndef HUBGATE_TESTS_SHADOW_HUB_H
#define HUBGATE_TESTS_SHADOW_HUB_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct shadow_hub {
	cJSON *reported, *desired;
	int version, first_version; /* first_version: what the first write makes, 0 or 1 */
	bool written;
	unsigned updates; /* accepted from the gateway */
};

void shadow_hub_init(struct shadow_hub *h);
void shadow_hub_free(struct shadow_hub *h);
/* A request of the gateway; the answer, caller frees. */
char *shadow_hub_request(struct shadow_hub *h, const char *text);
/* The application sets members, null removes. The delta, caller frees; NULL: nothing differs. */
char *shadow_hub_desire(struct shadow_hub *h, const cJSON *desired);

/* dst takes src in: null deletes, objects merge, else src replaces. */
void model_merge(cJSON *dst, const cJSON *src);
bool model_equal(const cJSON *a, const cJSON *b);

#endif
