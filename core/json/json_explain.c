/* Why reading stopped, and where: the usual mistakes of people who write JSON by hand are named,
 * with what to do. */
#include <stdio.h>
#include <string.h>

#include "core/json/json_reader.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$"
#define DIGITS  "0123456789"
#define ANY     (~0U)
#define AT(x)   (1U << JSON_##x)

static const char no_comma[] = "a comma is missing here";

static const char *const expected[] = {
	[JSON_VALUE] = "a value must stand here",
	[JSON_NAME] = "a member name in double quotes must stand here",
	[JSON_COLON] = "a colon must follow the member name",
	[JSON_NEXT] = "a comma or the closing bracket must stand here",
	[JSON_TIGHT] = "a comma or the closing bracket must stand here",
	[JSON_END] = "more text follows the value; remove it",
};

/* What begins there instead, by its first character. The first row that fits counts. */
static const struct {
	unsigned places;
	const char *first, *what;
} causes[] = {
	{ ANY, "/#", "JSON has no comments; remove it" },
	{ AT(VALUE) | AT(NAME), "'`", "write double quotes (\") in place of single ones" },
	{ AT(VALUE) | AT(NAME), "\xE2", "write plain double quotes (\"), not typographic ones" },
	{ AT(NAME), LETTERS, "the member name is not quoted; write it in double quotes" },
	{ AT(VALUE), LETTERS,
	  "the text is not quoted; write it in double quotes (only true, false and null stand without)" },
	{ AT(VALUE), ",]}", "the value is missing" },
	{ AT(COLON), "=", "write a colon in place of =" },
	{ AT(TIGHT), ".:-+" LETTERS DIGITS,
	  "this is neither a number nor a word of JSON; write text in double quotes" },
	{ AT(NEXT) | AT(TIGHT), "\"'{[-" LETTERS DIGITS, no_comma },
	{ AT(END), "}]", "a closing bracket too many; remove it" },
	{ AT(END), ",", "a comma must not follow the last bracket; remove it" },
};

enum status json_fail(struct json_reader *r, const char *at, enum status st, const char *what)
{
	r->bad_at = at;
	r->what = what;
	return st;
}

enum status json_malformed(struct json_reader *r, const char *what)
{
	return json_fail(r, r->at, ST_MALFORMED, what);
}

enum status json_no_memory(struct json_reader *r)
{
	return json_fail(r, r->at, ST_NOMEM, "out of memory");
}

enum status json_unexpected(struct json_reader *r, enum json_place place)
{
	if (r->at == r->end)
		return json_malformed(r, "the text ends here; a closing bracket or a value is missing");
	for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
		if ((causes[i].places >> place & 1) && *r->at && strchr(causes[i].first, *r->at))
			return json_fail(r, causes[i].what == no_comma ? r->behind : r->at, ST_MALFORMED,
			                 causes[i].what);
	}
	return json_malformed(r, expected[place]);
}

/* --- where --- */

static size_t add_name(const char *name, char out[JSON_PATH_MAX], size_t used)
{
	if (used > 0 && used < JSON_PATH_MAX - 1)
		out[used++] = '.';
	for (; *name && used < JSON_PATH_MAX - 1; name++)
		out[used++] = (unsigned char)*name < 0x20 || *name == 0x7F ? '?' : *name;
	out[used] = '\0';
	return used;
}

static size_t add_index(size_t index, char out[JSON_PATH_MAX], size_t used)
{
	int len = snprintf(out + used, JSON_PATH_MAX - used, "[%zu]", index);

	return used + (size_t)len < JSON_PATH_MAX ? used + (size_t)len : JSON_PATH_MAX - 1;
}

/* false: wanted is not below node. */
static bool find_path(const cJSON *node, const cJSON *wanted, char out[JSON_PATH_MAX], size_t used)
{
	size_t index = 0;

	for (const cJSON *m = node->child; m; m = m->next, index++) {
		size_t len = m->string ? add_name(m->string, out, used) : add_index(index, out, used);

		if (m == wanted || find_path(m, wanted, out, len))
			return true;
	}
	out[used] = '\0';
	return false;
}

void json_locate(const struct json_reader *r, struct json_error *err)
{
	err->line = err->column = 1;
	err->what = r->what;
	err->path[0] = '\0';
	for (const char *p = r->start; p < r->bad_at; p++) {
		if (*p == '\n') {
			err->line++;
			err->column = 1;
		} else if (((unsigned char)*p & 0xC0) != 0x80) {
			err->column++;
		}
	}
	if (r->bad_node)
		find_path(r->root, r->bad_node, err->path, 0);
}
