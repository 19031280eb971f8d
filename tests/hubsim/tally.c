/* Sequence numbers of test messages: what came twice, out of order, or not at all. */
#include "tests/hubsim/account.h"

#include <stdlib.h>
#include <string.h>

#define SEQ_MAX 10000000

static bool seen_before(struct tally *t, int64_t seq)
{
	size_t byte = (size_t)seq / 8;
	uint8_t bit = (uint8_t)(1u << (seq % 8));

	if (byte >= t->seen_bytes) {
		size_t bytes = byte * 2 + 64;
		uint8_t *seen = realloc(t->seen, bytes);

		if (!seen)
			return false;
		memset(seen + t->seen_bytes, 0, bytes - t->seen_bytes);
		t->seen = seen;
		t->seen_bytes = bytes;
	}
	if (t->seen[byte] & bit)
		return true;
	t->seen[byte] |= bit;
	return false;
}

static void count_seq(struct tally *t, int64_t seq)
{
	t->received++;
	t->last = seq;
	if (seen_before(t, seq)) {
		t->duplicates++;
		return;
	}
	if (t->distinct++ == 0) {
		t->first = t->highest = seq;
		return;
	}
	if (seq < t->highest)
		t->reordered++;
	else
		t->highest = seq;
	if (seq < t->first)
		t->first = seq;
}

void account_tally(struct account *a, const void *payload, size_t len)
{
	cJSON *root;
	const cJSON *seq;

	a->published++;
	if (len == 0 || *(const char *)payload != '{')
		return;
	root = cJSON_ParseWithLength(payload, len);
	seq = cJSON_GetObjectItemCaseSensitive(root, "seq");
	if (cJSON_IsNumber(seq) && seq->valuedouble >= 0 && seq->valuedouble < SEQ_MAX)
		count_seq(&a->tally, (int64_t)seq->valuedouble);
	cJSON_Delete(root);
}

void account_tally_reset(struct account *a)
{
	free(a->tally.seen);
	a->tally = (struct tally){ .seen = NULL };
	a->published = 0;
}

cJSON *account_tally_json(const struct account *a)
{
	const struct tally *t = &a->tally;
	cJSON *obj = cJSON_CreateObject();
	double span = t->distinct ? (double)(t->highest - t->first + 1) : 0;

	cJSON_AddNumberToObject(obj, "published", (double)a->published);
	cJSON_AddNumberToObject(obj, "received", (double)t->received);
	cJSON_AddNumberToObject(obj, "distinct", (double)t->distinct);
	cJSON_AddNumberToObject(obj, "first", (double)t->first);
	cJSON_AddNumberToObject(obj, "last", (double)t->last);
	cJSON_AddNumberToObject(obj, "highest", (double)t->highest);
	cJSON_AddNumberToObject(obj, "duplicates", (double)t->duplicates);
	cJSON_AddNumberToObject(obj, "reordered", (double)t->reordered);
	cJSON_AddNumberToObject(obj, "missing", span - (double)t->distinct);
	return obj;
}
