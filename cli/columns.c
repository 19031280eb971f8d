#include "cli/columns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/text.h"

enum {
	GAP = 2,
	LEAST = 8 /* a column that gives way keeps so much */
};

struct columns {
	const struct column *columns;
	size_t count;
	char **cells; /* owned, row by row */
	size_t cell_count;
};

struct columns *columns_new(const struct column *columns, size_t count)
{
	struct columns *t = calloc(1, sizeof *t);

	if (t)
		*t = (struct columns){ .columns = columns, .count = count };
	return t;
}

void columns_free(struct columns *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->cell_count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

bool columns_add(struct columns *t, const char *const cells[])
{
	char **more = realloc(t->cells, (t->cell_count + t->count) * sizeof *more);
	bool whole = more != NULL;

	if (!more)
		return false;
	t->cells = more;
	for (size_t i = 0; i < t->count; i++) {
		more[t->cell_count] = strdup(cells[i] ? cells[i] : "");
		whole = more[t->cell_count] && whole;
		t->cell_count++;
	}
	return whole;
}

static const char *cell(const struct columns *t, size_t at)
{
	return t->cells[at] ? t->cells[at] : "";
}

/* The widest column that may still give; count: none. */
static size_t widest(const struct columns *t, const size_t wide[])
{
	size_t found = t->count;

	for (size_t i = 0; i < t->count; i++) {
		if (t->columns[i].gives && wide[i] > LEAST && (found == t->count || wide[i] > wide[found]))
			found = i;
	}
	return found;
}

static void fit(const struct columns *t, size_t wide[], size_t width)
{
	size_t sum = 0, at;

	for (size_t i = 0; i < t->count; i++)
		sum += wide[i] + (i > 0 ? GAP : 0);
	for (; width > 0 && sum > width && (at = widest(t, wide)) < t->count; sum--)
		wide[at]--;
}

static void measure(const struct columns *t, size_t wide[])
{
	for (size_t i = 0; i < t->count; i++)
		wide[i] = text_columns(t->columns[i].title);
	for (size_t i = 0; i < t->cell_count; i++) {
		size_t columns = text_columns(cell(t, i));

		if (columns > wide[i % t->count])
			wide[i % t->count] = columns;
	}
}

static void pad(FILE *to, size_t columns)
{
	while (columns-- > 0)
		fputc(' ', to);
}

/* The last one of a row is not filled up. */
static void put(const struct columns *t, FILE *to, size_t i, const char *text, size_t wide)
{
	size_t needs = text_columns(text), rest = needs < wide ? wide - needs : 0;

	pad(to, i > 0 ? GAP : 0);
	if (t->columns[i].right)
		pad(to, rest);
	text_put(to, text, wide);
	if (!t->columns[i].right && i + 1 < t->count)
		pad(to, rest);
	if (i + 1 == t->count)
		fputc('\n', to);
}

void columns_print(const struct columns *t, FILE *to, size_t width)
{
	size_t wide[COLUMNS_MAX];

	measure(t, wide);
	fit(t, wide, width);
	for (size_t i = 0; i < t->count; i++)
		put(t, to, i, t->columns[i].title, wide[i]);
	for (size_t i = 0; i < t->cell_count; i++)
		put(t, to, i % t->count, cell(t, i), wide[i % t->count]);
}

size_t columns_of_terminal(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}
