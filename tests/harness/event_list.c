#include "tests/harness/event_list.h"

#include "tests/harness/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void list_add(struct list *l, cJSON *item)
{
	if (l->count == l->room) {
		l->room = l->room * 2 + 256;
		l->items = realloc(l->items, l->room * sizeof *l->items);
		l->taken = realloc(l->taken, l->room * sizeof *l->taken);
	}
	l->items[l->count] = item;
	l->taken[l->count++] = false;
}

void list_free(struct list *l)
{
	for (size_t i = 0; i < l->count; i++)
		cJSON_Delete(l->items[i]);
	free(l->items);
	free(l->taken);
}

void pairs_read(struct pairs *p, va_list ap)
{
	const char *name;

	p->count = 0;
	while (p->count < PAIRS_MAX && (name = va_arg(ap, const char *))) {
		p->name[p->count] = name;
		p->text[p->count++] = va_arg(ap, const char *);
	}
}

static bool equals(const cJSON *item, const char *text)
{
	char *printed;
	bool same;

	if (!item)
		return false;
	if (cJSON_IsString(item))
		return strcmp(item->valuestring, text) == 0;
	printed = cJSON_PrintUnformatted(item);
	same = printed && strcmp(printed, text) == 0;
	free(printed);
	return same;
}

static bool matches(const cJSON *event, const struct pairs *p)
{
	for (int i = 0; i < p->count; i++) {
		if (!equals(cJSON_GetObjectItemCaseSensitive(event, p->name[i]), p->text[i]))
			return false;
	}
	return true;
}

const cJSON *list_take(struct list *l, const struct pairs *p)
{
	for (size_t i = 0; i < l->count; i++) {
		if (l->taken[i] || !matches(l->items[i], p))
			continue;
		l->taken[i] = true;
		return l->items[i];
	}
	return NULL;
}

int list_count(const struct list *l, const struct pairs *p)
{
	int n = 0;

	for (size_t i = 0; i < l->count; i++)
		n += matches(l->items[i], p);
	return n;
}

void list_say_missing(const struct list *l, const struct pairs *p, int timeout_ms)
{
	size_t from = l->count > 20 ? l->count - 20 : 0;

	fprintf(stderr, "harness: the last events of the simulator:\n");
	for (size_t i = from; i < l->count; i++) {
		char *text = cJSON_PrintUnformatted(l->items[i]);

		fprintf(stderr, "  %s%s\n", l->taken[i] ? "(taken) " : "", text ? text : "");
		free(text);
	}
	fprintf(stderr, "harness: awaited:");
	for (int i = 0; i < p->count; i++)
		fprintf(stderr, " %s=%s", p->name[i], p->text[i]);
	harness_failed(" - not seen in %d ms", timeout_ms);
}
