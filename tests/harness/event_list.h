/* event_list.h - events as they came, and finding them by members. Not locked. */
#ifndef HUBGATE_TESTS_EVENT_LIST_H
#define HUBGATE_TESTS_EVENT_LIST_H

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define PAIRS_MAX 12

struct list {
	cJSON **items;
	bool *taken;
	size_t count, room;
};

struct pairs { /* member names and their wanted values; borrowed */
	const char *name[PAIRS_MAX], *text[PAIRS_MAX];
	int count;
};

void list_add(struct list *l, cJSON *item); /* takes item */
void list_free(struct list *l);
/* name, text, ..., NULL */
void pairs_read(struct pairs *p, va_list ap);
/* The first untaken match, which becomes taken; borrowed; or NULL. */
const cJSON *list_take(struct list *l, const struct pairs *p);
int list_count(const struct list *l, const struct pairs *p);
/* Prints the newest events and what was awaited, and fails as harness_failed(). */
void list_say_missing(const struct list *l, const struct pairs *p, int timeout_ms);

#endif
