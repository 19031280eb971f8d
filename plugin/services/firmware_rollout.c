#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/list.h"
#include "core/base/room.h"
#include "plugin/services/firmware_impl.h"

enum {
	ROLLOUTS_MAX = 256,
	KEY_SIZE = sizeof(((struct rollout *)NULL)->key),
};

static bool is_stopped(const struct hubgate *h, const struct rollout *r)
{
	uint32_t max = h->config->firmware.max_failures;

	return max > 0 && r->failures >= max;
}

static struct rollout *find(const struct firmware *f, const char *key)
{
	struct rollout *r = f->rollouts;

	while (r && strcmp(r->key, key) != 0)
		r = r->next;
	return r;
}

/* The oldest of too many is forgotten. */
static void trim(struct hubgate *h)
{
	struct rollout **at = &h->firmware->rollouts;

	for (int n = 0; n < ROLLOUTS_MAX && *at; n++)
		at = &(*at)->next;
	while (*at) {
		struct rollout *r = *at;

		*at = r->next;
		if (h->state)
			state_put(h->state, STATE_ROLLOUT, r->key, NULL, 0);
		free(r);
	}
}

static struct rollout *add(struct hubgate *h, const char *key)
{
	struct rollout *r = strlen(key) < sizeof(r->key) ? calloc(1, sizeof(*r)) : NULL;

	if (!r)
		return NULL;
	memcpy(r->key, key, strlen(key) + 1);
	LIST_PUSH(&h->firmware->rollouts, r);
	return r;
}

static void count(struct hubgate *h)
{
	uint64_t stopped = 0;

	for (const struct rollout *r = h->firmware->rollouts; r; r = r->next)
		stopped += is_stopped(h, r);
	metric_set(&h->metrics, M_FIRMWARE_STOPPED, stopped);
}

static void key_of(const char *product_id, const char *version, char out[KEY_SIZE])
{
	snprintf(out, KEY_SIZE, "%.10s %.32s", product_id, version);
}

static void tell_stopped(struct hubgate *h, struct rollout *r)
{
	if (r->told || !is_stopped(h, r))
		return;
	r->told = true;
	log_line(&h->log, LOG_ERROR,
	         "firmware %s: %u devices failed with this version: no other is told of it, until the "
	         "command firmwareResume for it on $CONTROL/hubgate/v1",
	         r->key, r->failures);
}

void firmware_rollout_failed(struct hubgate *h, const char *product_id, const char *version)
{
	char key[KEY_SIZE], text[16];
	struct rollout *r;
	int len;

	key_of(product_id, version, key);
	r = find(h->firmware, key);
	if (!r)
		r = add(h, key);
	if (!r)
		return;
	r->failures++;
	len = snprintf(text, sizeof(text), "%u", r->failures);
	if (h->state)
		state_put(h->state, STATE_ROLLOUT, r->key, text, (size_t)len);
	trim(h);
	tell_stopped(h, find(h->firmware, key));
	count(h);
}

bool firmware_rollout_stopped(struct hubgate *h, const char *product_id, const char *version)
{
	char key[KEY_SIZE];
	struct rollout *r;

	key_of(product_id, version, key);
	r = find(h->firmware, key);
	if (!r || !is_stopped(h, r))
		return false;
	tell_stopped(h, r); /* of an earlier run */
	count(h);
	return true;
}

bool firmware_rollout_load(struct hubgate *h, const struct state_entry *e)
{
	struct rollout *r = find(h->firmware, e->key);
	char text[16];

	if (!r)
		r = add(h, e->key);
	if (!r || e->len >= sizeof(text))
		return true;
	memcpy(text, e->value, e->len);
	text[e->len] = '\0';
	r->failures = (unsigned)strtoul(text, NULL, 10);
	return true;
}

/* Under whatever product. */
bool firmware_resume(struct hubgate *h, const char *version)
{
	bool found = false;

	IN_ROOM(ROOM_BROKER);
	for (struct rollout **at = &h->firmware->rollouts; *at;) {
		struct rollout *r = *at;

		if (strcmp(r->key + strcspn(r->key, " ") + 1, version) != 0) {
			at = &r->next;
			continue;
		}
		found |= is_stopped(h, r);
		if (h->state)
			state_put(h->state, STATE_ROLLOUT, r->key, NULL, 0);
		*at = r->next;
		free(r);
	}
	if (found)
		log_line(&h->log, LOG_NOTE, "firmware %s is told to devices again", version);
	firmware_task_look(h, 0);
	count(h);
	return found;
}

void firmware_rollout_close(struct firmware *f)
{
	struct rollout *r;

	while (LIST_TAKE(&f->rollouts, r))
		free(r);
}
