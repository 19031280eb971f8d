#include "core/json/json.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/json_reader.h"

enum {
	DEPTH_MAX = 128,
	NAMES_ON_STACK = 16
};

/* Where a value goes: the root, an array, or a member of an object. */
struct place {
	cJSON *parent; /* NULL: the root */
	bool named;    /* under r->name */
	int name_at;   /* offset of that name, for the report of a repeated one */
	unsigned depth;
};

static enum status value(struct json_reader *r, const struct place *where);

static bool next_is(const struct json_reader *r, char c)
{
	return r->at < r->end && *r->at == c;
}

static void skip_space(struct json_reader *r)
{
	for (; r->at < r->end; r->at++) {
		if (*r->at == '\n')
			r->line++;
		else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r')
			return;
	}
}

/* ---- numbers ---- */

static const char *digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* The end of the number token at `at`; NULL: not JSON's number grammar. */
static const char *number_end(const char *at, const char *end)
{
	const char *from;

	if (at < end && *at == '-')
		at++;
	from = at;
	at = digits(at, end);
	if (at == from || (*from == '0' && at - from > 1))
		return NULL;
	if (at < end && *at == '.') {
		from = ++at;
		at = digits(at, end);
		if (at == from)
			return NULL;
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		from = at;
		at = digits(at, end);
		if (at == from)
			return NULL;
	}
	return at;
}

static enum status number(struct json_reader *r)
{
	const char *end = number_end(r->at, r->end);

	if (!end)
		return json_malformed(r, "not a JSON number");
	buf_reset(&r->text);
	if (buf_add(&r->text, r->at, (size_t)(end - r->at)) != ST_OK)
		return json_no_memory(r);
	r->at = end;
	return ST_OK;
}

/* ---- nodes ---- */

/* Hangs node (taken, NULL: no memory) into its place and announces it. */
static enum status attach(struct json_reader *r, cJSON *node, const struct place *where,
                          unsigned line)
{
	const char *name = where->named ? buf_text(&r->name) : NULL;
	bool added = true;

	if (!node || (where->named && !name)) {
		cJSON_Delete(node);
		return json_no_memory(r);
	}
	if (!where->parent)
		r->root = node;
	else if (where->named)
		added = cJSON_AddItemToObject(where->parent, name, node);
	else
		added = cJSON_AddItemToArray(where->parent, node);
	if (!added) {
		cJSON_Delete(node);
		return json_no_memory(r);
	}
	node->valueint = where->name_at;
	if (r->on_node)
		r->on_node(r->ctx, node, line);
	return ST_OK;
}

static int by_name(const void *a, const void *b)
{
	const cJSON *x = *(const cJSON *const *)a, *y = *(const cJSON *const *)b;
	int order = strcmp(x->string, y->string);

	return order ? order : (x->valueint > y->valueint) - (x->valueint < y->valueint);
}

static bool same_name(cJSON *const *sorted, size_t i)
{
	return strcmp(sorted[i - 1]->string, sorted[i]->string) == 0;
}

/* The first member that repeats a name; NULL: none does. */
static const cJSON *first_repeated(cJSON *const *sorted, size_t count)
{
	const cJSON *first = NULL;

	for (size_t i = 1; i < count; i++) {
		if (same_name(sorted, i) && (!first || sorted[i]->valueint < first->valueint))
			first = sorted[i];
	}
	return first;
}

static void keep_last(cJSON *object, cJSON *const *sorted, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (same_name(sorted, i))
			cJSON_Delete(cJSON_DetachItemViaPointer(object, sorted[i - 1]));
	}
}

/* Until its object is closed, a member keeps the offset of its name in the field
 * that cJSON fills for its own numbers only; here it becomes 0 again. */
static enum status names_become_unique(struct json_reader *r, cJSON *object)
{
	cJSON *few[NAMES_ON_STACK], **all = few, *m;
	size_t count = 0, i = 0;

	cJSON_ArrayForEach(m, object) count++;
	if (count > NAMES_ON_STACK)
		all = malloc(count * sizeof *all);
	if (!all)
		return json_no_memory(r);
	cJSON_ArrayForEach(m, object) all[i++] = m;
	qsort(all, count, sizeof *all, by_name);
	if (r->last_counts)
		keep_last(object, all, count);
	else
		r->bad_node = first_repeated(all, count);
	if (all != few)
		free(all);
	if (r->bad_node)
		return json_fail(r, r->start + r->bad_node->valueint, ST_MALFORMED,
		                 "stands twice in its object; remove one of the two");
	cJSON_ArrayForEach(m, object) m->valueint = 0;
	return ST_OK;
}

static enum status member(struct json_reader *r, cJSON *object, unsigned depth)
{
	struct place where = { .parent = object, .named = true, .depth = depth };
	enum status st;

	if (!next_is(r, '"'))
		return json_unexpected(r, JSON_NAME);
	where.name_at = (int)(r->at - r->start);
	st = json_read_string(r, &r->name);
	if (st != ST_OK)
		return st;
	skip_space(r);
	if (!next_is(r, ':'))
		return json_unexpected(r, JSON_COLON);
	r->at++;
	return value(r, &where);
}

static enum status element(struct json_reader *r, cJSON *array, unsigned depth)
{
	struct place where = { .parent = array, .depth = depth };

	return value(r, &where);
}

/* From behind a value to the next one, past the comma, or *closed: behind the closing bracket. */
static enum status to_next(struct json_reader *r, char close, bool *closed)
{
	const char *comma;

	r->behind = r->at;
	skip_space(r);
	*closed = next_is(r, close);
	if (!*closed && !next_is(r, ','))
		return json_unexpected(r, r->at == r->behind ? JSON_TIGHT : JSON_NEXT);
	comma = r->at++;
	if (*closed)
		return ST_OK;
	skip_space(r);
	if (next_is(r, close))
		return json_fail(r, comma, ST_MALFORMED,
		                 "a comma must not stand before the closing bracket; remove it");
	return ST_OK;
}

/* The content of an object or array, from its opening bracket on. */
static enum status container(struct json_reader *r, cJSON *node, unsigned depth)
{
	bool object = cJSON_IsObject(node), closed;
	char close = object ? '}' : ']';
	enum status st = ST_OK;

	r->at++;
	skip_space(r);
	closed = next_is(r, close);
	r->at += closed;
	while (st == ST_OK && !closed) {
		st = object ? member(r, node, depth) : element(r, node, depth);
		if (st == ST_OK)
			st = to_next(r, close, &closed);
	}
	return st == ST_OK && object ? names_become_unique(r, node) : st;
}

static enum status nested(struct json_reader *r, const struct place *where)
{
	unsigned line = r->line, depth = where->depth + 1;
	bool object = *r->at == '{';
	cJSON *node;
	enum status st;

	if (depth > r->lim->depth || depth > DEPTH_MAX)
		return json_fail(r, r->at, ST_TOOBIG, "nested too deeply");
	node = object ? cJSON_CreateObject() : cJSON_CreateArray();
	st = attach(r, node, where, line);
	return st == ST_OK ? container(r, node, depth) : st;
}

static enum status word(struct json_reader *r, const struct place *where)
{
	static const struct {
		const char *text;
		cJSON *(*make)(void);
	} words[] = {
		{ "true", cJSON_CreateTrue },
		{ "false", cJSON_CreateFalse },
		{ "null", cJSON_CreateNull },
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		size_t len = strlen(words[i].text);

		if ((size_t)(r->end - r->at) < len || memcmp(r->at, words[i].text, len) != 0)
			continue;
		r->at += len;
		return attach(r, words[i].make(), where, r->line);
	}
	return json_unexpected(r, JSON_VALUE);
}

/* A string or a number: both are kept as text. */
static enum status scalar(struct json_reader *r, const struct place *where)
{
	bool quoted = *r->at == '"';
	enum status st = quoted ? json_read_string(r, &r->text) : number(r);
	const char *text;

	if (st != ST_OK)
		return st;
	text = buf_text(&r->text);
	if (!text)
		return json_no_memory(r);
	return attach(r, quoted ? cJSON_CreateString(text) : cJSON_CreateRaw(text), where, r->line);
}

static enum status value(struct json_reader *r, const struct place *where)
{
	skip_space(r);
	if (r->at == r->end)
		return json_unexpected(r, JSON_VALUE);
	if (r->values++ >= r->lim->values)
		return json_fail(r, r->at, ST_TOOBIG, "too many values");
	if (*r->at == '{' || *r->at == '[')
		return nested(r, where);
	if (*r->at == '"' || *r->at == '-' || (*r->at >= '0' && *r->at <= '9'))
		return scalar(r, where);
	return word(r, where);
}

/* As text of a language of Europe, or JSON, looks in it. */
static bool is_utf16(const char *at, size_t len)
{
	if (len >= 2 && (memcmp(at, "\xFF\xFE", 2) == 0 || memcmp(at, "\xFE\xFF", 2) == 0))
		return true;
	return len >= 4 &&
	       ((!at[0] && at[1] && !at[2] && at[3]) || (at[0] && !at[1] && at[2] && !at[3]));
}

static enum status document(struct json_reader *r, size_t len)
{
	struct place root = { .parent = NULL };
	enum status st;

	if (len > r->lim->bytes || len > INT_MAX)
		return json_fail(r, r->at, ST_TOOBIG, "the text is too long");
	if (len >= 3 && memcmp(r->at, "\xEF\xBB\xBF", 3) == 0)
		return json_malformed(r, "starts with a byte order mark; save it as UTF-8 without BOM");
	if (is_utf16(r->at, len))
		return json_malformed(r, "is UTF-16; save it as UTF-8 without BOM");
	st = value(r, &root);
	if (st != ST_OK)
		return st;
	r->root->valueint = 0;
	skip_space(r);
	return r->at == r->end ? ST_OK : json_unexpected(r, JSON_END);
}

static void wipe_free(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

static enum status parse(struct json_reader *r, const char *text, size_t len, cJSON **out,
                         struct json_error *err)
{
	enum status st;

	r->at = r->start = len ? text : "";
	r->end = r->start + len;
	r->line = 1;
	r->name = r->text = (struct buf)BUF_MAX(r->lim->bytes);
	st = document(r, len);
	wipe_free(&r->name);
	wipe_free(&r->text);
	*out = st == ST_OK ? r->root : NULL;
	if (st == ST_OK)
		return ST_OK;
	if (err)
		json_locate(r, err);
	cJSON_Delete(r->root);
	return st;
}

enum status json_parse(const char *text, size_t len, const struct json_limits *lim, cJSON **out,
                       struct json_error *err, json_line_fn *on_node, void *ctx)
{
	struct json_reader r = { .lim = lim, .on_node = on_node, .ctx = ctx };

	return parse(&r, text, len, out, err);
}

size_t json_message_len(const char *text, size_t len)
{
	static const char strays[] = { '\0', '\r', '\n', 0x1A };

	return len > 0 && memchr(strays, text[len - 1], sizeof strays) ? len - 1 : len;
}

enum status json_parse_message(const char *text, size_t len, const struct json_limits *lim,
                               cJSON **out)
{
	struct json_reader r = { .lim = lim, .last_counts = true };

	return parse(&r, text, json_message_len(text, len), out, NULL);
}
