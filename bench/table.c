#include "bench/table.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table {
	cJSON *rows;
	int bars, missed;
	bool headed;
};

struct table *table_new(void)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t)
		t->rows = cJSON_CreateArray();
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	cJSON_Delete(t->rows);
	free(t);
}

static void head(struct table *t)
{
	if (!t->headed)
		printf("%-10s %-56s %11s %11s %-5s %7s %8s\n", "benchmark", "figure", "hubgate", "bridge",
		       "unit", "ratio", "bar");
	t->headed = true;
}

static bool passes(const struct result *r, double judged)
{
	if (r->kind == BAR_NONE)
		return true;
	return r->kind == BAR_AT_LEAST ? judged >= r->bar : judged <= r->bar;
}

static void print(const struct result *r, double ratio, bool ok)
{
	char bridge[24] = "", text[24] = "", bar[24] = "";
	static const char *const signs[] = { "", ">=", "<=" };

	if (r->bridge >= 0) {
		snprintf(bridge, sizeof(bridge), "%.1f", r->bridge);
		snprintf(text, sizeof(text), "%.2f", ratio);
	}
	if (r->kind != BAR_NONE)
		snprintf(bar, sizeof(bar), "%s%.4g", signs[r->kind], r->bar);
	printf("%-10s %-56s %11.*f %11s %-5s %7s %8s %s\n", r->bench, r->what,
	       strcmp(r->unit, "x") == 0 ? 2 : 1, r->plugin, bridge, r->unit, text, bar,
	       r->kind == BAR_NONE ? ""
	       : ok                ? "pass"
	                           : "SHORT");
	fflush(stdout);
}

void table_add(struct table *t, const struct result *r)
{
	double ratio = r->ratio > 0 ? r->ratio : r->bridge > 0 ? r->plugin / r->bridge : 0;
	bool ok = passes(r, r->bridge >= 0 ? ratio : r->plugin);
	cJSON *row = cJSON_CreateObject();

	head(t);
	print(r, ratio, ok);
	t->bars += r->kind != BAR_NONE;
	t->missed += !ok;
	cJSON_AddStringToObject(row, "bench", r->bench);
	cJSON_AddStringToObject(row, "what", r->what);
	cJSON_AddStringToObject(row, "unit", r->unit);
	cJSON_AddNumberToObject(row, "hubgate", r->plugin);
	if (r->bridge >= 0) {
		cJSON_AddNumberToObject(row, "bridge", r->bridge);
		cJSON_AddNumberToObject(row, "ratio", ratio);
	}
	if (r->kind != BAR_NONE) {
		cJSON_AddStringToObject(row, "bar", r->kind == BAR_AT_LEAST ? "at least" : "at most");
		cJSON_AddNumberToObject(row, "bar_value", r->bar);
		cJSON_AddBoolToObject(row, "pass", ok);
	}
	cJSON_AddItemToArray(t->rows, row);
}

void table_failed(struct table *t, const char *bench, const char *why)
{
	cJSON *row = cJSON_CreateObject();

	head(t);
	printf("%-10s could not be carried out: %s\n", bench, why);
	t->bars++;
	t->missed++;
	cJSON_AddStringToObject(row, "bench", bench);
	cJSON_AddStringToObject(row, "failed", why);
	cJSON_AddItemToArray(t->rows, row);
}

int table_short(const struct table *t)
{
	return t->missed;
}

int table_bars(const struct table *t)
{
	return t->bars;
}

bool table_write(const struct table *t, const char *path, const struct table_machine *m)
{
	cJSON *all = cJSON_CreateObject();
	FILE *f = fopen(path, "we");
	char *text;
	bool ok;

	cJSON_AddNumberToObject(all, "load_before", m->load_before);
	cJSON_AddNumberToObject(all, "load_after", m->load_after);
	cJSON_AddNumberToObject(all, "stolen_ms", (double)m->stolen_ms);
	cJSON_AddNumberToObject(all, "seconds", m->seconds);
	cJSON_AddNumberToObject(all, "short", t->missed);
	cJSON_AddItemReferenceToObject(all, "results", t->rows);
	text = cJSON_Print(all);
	ok = f && text && fputs(text, f) >= 0 && fputc('\n', f) >= 0;
	if (f)
		ok = fclose(f) == 0 && ok;
	free(text);
	cJSON_Delete(all);
	return ok;
}
