#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config_load.h"

void config_note_line(void *ctx, const cJSON *node, unsigned line)
{
	struct config_load *l = ctx;

	if (l->line_count == l->line_room) {
		size_t room = l->line_room ? l->line_room * 2 : 256;
		struct config_line *more = realloc(l->lines, room * sizeof *more);

		if (!more) {
			l->no_memory = true;
			return;
		}
		l->lines = more;
		l->line_room = room;
	}
	l->lines[l->line_count++] =
		(struct config_line){ .node = node, .line = line, .remote = l->reading_remote };
}

static const struct config_line *find_line(const struct config_load *l, const cJSON *node)
{
	for (size_t i = 0; i < l->line_count; i++) {
		if (l->lines[i].node == node)
			return &l->lines[i];
	}
	return NULL;
}

/* In the remote configuration an element stands behind those that the file has. */
static const char *own_path(const struct config_load *l, const char *path,
                            char out[CONFIG_PATH_MAX])
{
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		const char *name = config_sections[i].name, *bracket = path + strlen(name);
		size_t index;
		char *rest;

		if (l->in_file[i] == 0 || strncmp(path, name, strlen(name)) != 0 || *bracket != '[')
			continue;
		index = (size_t)strtoul(bracket + 1, &rest, 10);
		if (rest == bracket + 1 || index < l->in_file[i])
			return path;
		snprintf(out, CONFIG_PATH_MAX, "%s[%zu%s", name, index - l->in_file[i], rest);
		return out;
	}
	return path;
}

__attribute__((format(printf, 5, 0))) static void add_line(const struct config_load *l, char *out,
                                                           const cJSON *at, const char *path,
                                                           const char *format, va_list args)
{
	const struct config_line *found = find_line(l, at);
	const char *name = found && found->remote ? "remote configuration" : l->src->name;
	char where[16] = "", own[CONFIG_PATH_MAX];
	int used;

	if (found)
		snprintf(where, sizeof where, ":%u", found->line);
	if (found && found->remote)
		path = own_path(l, path, own);
	used = snprintf(out, CONFIG_LINE_MAX, "%.200s%s: %s%s", name, where, path, *path ? ": " : "");
	vsnprintf(out + used, CONFIG_LINE_MAX - (size_t)used, format, args);
}

void config_error(struct config_load *l, const cJSON *at, const char *path, const char *format, ...)
{
	struct config_report *rep = l->report;
	va_list args;

	if (rep->error_count == CONFIG_LINES_MAX) {
		rep->more_errors = true;
		return;
	}
	va_start(args, format);
	add_line(l, rep->errors[rep->error_count++], at, path, format, args);
	va_end(args);
}

void config_warning(struct config_load *l, const cJSON *at, const char *path, const char *format,
                    ...)
{
	struct config_report *rep = l->report;
	va_list args;

	if (rep->warning_count == CONFIG_LINES_MAX)
		return;
	va_start(args, format);
	add_line(l, rep->warnings[rep->warning_count++], at, path, format, args);
	va_end(args);
}

/* ---- unknown names ---- */

enum {
	NAME_LEN_MAX = 40
};

/* Insertions, deletions and replacements that make b out of a. */
static size_t edits(const char *a, const char *b)
{
	size_t row[NAME_LEN_MAX + 1], len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			size_t best = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[len];
}

static const char *nearest(const char *name, const char *const *known, size_t count)
{
	size_t best = strlen(name) / 3 + 2;
	const char *found = NULL;

	if (strlen(name) > NAME_LEN_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t distance = edits(name, known[i]);

		if (distance < best) {
			best = distance;
			found = known[i];
		}
	}
	return found;
}

void config_unknown(struct config_load *l, const cJSON *node, const char *prefix,
                    const char *const *known, size_t count)
{
	char path[CONFIG_PATH_MAX], all[256] = "", shown[64];
	const char *near = nearest(node->string, known, count);
	size_t used = 0;

	snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "",
	         config_shown(node->string, shown));
	if (near) {
		config_error(l, node, path, "unknown key; did you mean \"%s\"?", near);
		return;
	}
	for (size_t i = 0; i < count && used < sizeof all; i++)
		used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", known[i]);
	config_error(l, node, path, "unknown key; remove it (known here: %s)", all);
}
