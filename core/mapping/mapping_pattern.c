/* Patterns: taken apart, matched, filled in, compared. */
#include <stdio.h>
#include <string.h>

#include "core/mapping/mapping_impl.h"

struct text { /* a view */
	const char *at, *end;
};

struct piece { /* of a level: text between braces, or outside */
	struct text text;
	bool capture, span; /* span: {name...} */
};

/* --- values --- */

bool mapping_values_add(struct mapping_values *v, const char *name, size_t name_len,
                        const char *value, size_t value_len)
{
	if (v->len + name_len + value_len + 2 > sizeof(v->text) || memchr(value, '\0', value_len))
		return false;
	memcpy(v->text + v->len, name, name_len);
	v->len += name_len;
	v->text[v->len++] = '\0';
	memcpy(v->text + v->len, value, value_len);
	v->len += value_len;
	v->text[v->len++] = '\0';
	return true;
}

const char *mapping_values_find(const struct mapping_values *v, const char *name, size_t name_len)
{
	for (size_t at = 0; at < v->len;) {
		const char *has = v->text + at, *value = has + strlen(has) + 1;

		if (strlen(has) == name_len && memcmp(has, name, name_len) == 0)
			return value;
		at = (size_t)(value + strlen(value) + 1 - v->text);
	}
	return NULL;
}

void mapping_values_merge(struct mapping_values *out, const struct mapping_values *more)
{
	for (size_t at = 0; at < more->len;) {
		const char *name = more->text + at, *value = name + strlen(name) + 1;

		if (!mapping_values_find(out, name, strlen(name)))
			mapping_values_add(out, name, strlen(name), value, strlen(value));
		at = (size_t)(value + strlen(value) + 1 - more->text);
	}
}

/* --- taken apart --- */

/* The next level of *at, which moves behind its slash; at is NULL after the last. */
static struct text next_level(const char **at)
{
	struct text level = { *at, *at + strcspn(*at, "/") };

	*at = *level.end ? level.end + 1 : NULL;
	return level;
}

static size_t levels_of(const char *text)
{
	size_t count = 1;

	while ((text = strchr(text, '/')) != NULL) {
		text++;
		count++;
	}
	return count;
}

/* The piece at l->at, which moves behind it. False: a brace without its partner, or no name. */
static bool next_piece(struct text *l, struct piece *out)
{
	const char *at = l->at;

	*out = (struct piece){ .text = *l, .capture = *at == '{' };
	if (!out->capture) {
		while (at < l->end && *at != '{' && *at != '}')
			at++;
		out->text.end = l->at = at;
		return at == l->end || *at == '{';
	}
	out->text.at = ++at;
	while (at < l->end && *at != '}' && *at != '{')
		at++;
	if (at == l->end || *at == '{' || at == out->text.at)
		return false;
	out->text.end = at;
	l->at = at + 1;
	out->span = out->text.end - out->text.at > 3 && memcmp(out->text.end - 3, "...", 3) == 0;
	out->text.end -= out->span ? 3 : 0;
	return true;
}

static size_t len_of(struct text t)
{
	return (size_t)(t.end - t.at);
}

static bool is_any(struct text level)
{
	return len_of(level) == 1 && *level.at == '+';
}

static bool is_span(struct text level, struct piece *out)
{
	return level.at < level.end && next_piece(&level, out) && out->span && level.at == level.end;
}

/* --- matched --- */

static bool begins(struct text t, struct text with)
{
	return len_of(t) >= len_of(with) && memcmp(t.at, with.at, len_of(with)) == 0;
}

static bool put(struct mapping_values *v, const struct piece *name, const char *from,
                const char *until)
{
	return until > from &&
	       mapping_values_add(v, name->text.at, len_of(name->text), from, (size_t)(until - from));
}

/* Where the text behind a capture begins in t: as early as possible, or at the end when it is the
 * last piece. NULL: nowhere. */
static const char *find_behind(struct text t, struct text wanted, bool last)
{
	if (len_of(t) <= len_of(wanted))
		return NULL;
	if (!last)
		return memmem(t.at + 1, len_of(t) - 1, wanted.at, len_of(wanted));
	return memcmp(t.end - len_of(wanted), wanted.at, len_of(wanted)) == 0 ? t.end - len_of(wanted)
	                                                                      : NULL;
}

/* A capture takes as little as it can, and at least one byte. */
static bool level_matches(struct text level, struct text t, struct mapping_values *v)
{
	struct piece piece, open = { .capture = false };

	while (level.at < level.end) {
		if (!next_piece(&level, &piece) || piece.span || (piece.capture && open.capture))
			return false;
		if (piece.capture) {
			open = piece;
		} else if (!open.capture) {
			if (!begins(t, piece.text))
				return false;
			t.at += len_of(piece.text);
		} else {
			const char *behind = find_behind(t, piece.text, level.at == level.end);

			if (!behind || !put(v, &open, t.at, behind))
				return false;
			t.at = behind + len_of(piece.text);
			open.capture = false;
		}
	}
	return open.capture ? put(v, &open, t.at, t.end) : t.at == t.end;
}

/* As many levels, joined. */
static struct text take_levels(const char **text, size_t count)
{
	struct text all = next_level(text);

	while (--count > 0)
		all.end = next_level(text).end;
	return all;
}

bool mapping_pattern_match(const char *pattern, const char *text, struct mapping_values *values)
{
	size_t wanted = levels_of(pattern), has = levels_of(text);

	values->len = 0;
	while (pattern && text) {
		struct text level = next_level(&pattern), t;
		struct piece piece;

		if (is_span(level, &piece)) {
			if (has < wanted)
				return false;
			t = take_levels(&text, has - wanted + 1);
			if (!put(values, &piece, t.at, t.end))
				return false;
			continue;
		}
		t = next_level(&text);
		if (!is_any(level) && !level_matches(level, t, values))
			return false;
	}
	return !pattern && !text;
}

bool mapping_pattern_glob(const char *glob, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text) {
		if (*glob == '*') {
			star = glob++;
			from = text;
		} else if (*glob == *text) {
			glob++;
			text++;
		} else if (star) {
			glob = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

/* --- filled in --- */

static bool add(char *out, size_t size, size_t *at, const char *text, size_t len)
{
	if (*at + len >= size)
		return false;
	memcpy(out + *at, text, len);
	*at += len;
	out[*at] = '\0';
	return true;
}

bool mapping_pattern_expand(const char *pattern, const struct mapping_values *values, char *out,
                            size_t size)
{
	struct text rest = { pattern, pattern + strlen(pattern) };
	struct piece piece;
	size_t at = 0;

	out[0] = '\0';
	while (rest.at < rest.end) {
		const char *value;

		if (!next_piece(&rest, &piece))
			return false;
		value =
			piece.capture ? mapping_values_find(values, piece.text.at, len_of(piece.text)) : NULL;
		if (piece.capture ? !value || !add(out, size, &at, value, strlen(value))
		                  : !add(out, size, &at, piece.text.at, len_of(piece.text)))
			return false;
	}
	return true;
}

void mapping_filter(const char *pattern, char out[MAPPING_TOPIC_MAX])
{
	size_t at = 0;

	out[0] = '\0';
	while (pattern) {
		struct text level = next_level(&pattern);
		struct piece piece;
		bool span = is_span(level, &piece), literal = !memchr(level.at, '{', len_of(level));

		if (!add(out, MAPPING_TOPIC_MAX, &at,
		         span      ? "#"
		         : literal ? level.at
		                   : "+",
		         literal ? len_of(level) : 1) ||
		    span || (pattern && !add(out, MAPPING_TOPIC_MAX, &at, "/", 1)))
			return;
	}
}

/* --- checked and compared --- */

const char *mapping_pattern_capture(const char **at, size_t *len)
{
	const char *open = strchr(*at, '{'), *close = open ? strchr(open, '}') : NULL;

	if (!close)
		return NULL;
	*at = close + 1;
	*len = (size_t)(close - open - 1);
	if (*len > 3 && memcmp(close - 3, "...", 3) == 0)
		*len -= 3;
	return open + 1;
}

bool mapping_pattern_has(const char *pattern, const char *name, size_t len)
{
	const char *found;
	size_t found_len;

	while ((found = mapping_pattern_capture(&pattern, &found_len)) != NULL) {
		if (found_len == len && memcmp(found, name, len) == 0)
			return true;
	}
	return false;
}

/* Two captures need text between them. */
static bool pieces_ok(struct text level, bool may_span, size_t *captures, size_t *spans)
{
	bool whole = true, after_capture = false;
	struct piece piece;

	while (level.at < level.end) {
		if (!next_piece(&level, &piece) || (piece.capture && after_capture) ||
		    (piece.span && (!may_span || !whole || level.at < level.end)))
			return false;
		*captures += piece.capture;
		*spans += piece.span;
		after_capture = piece.capture;
		whole = false;
	}
	return true;
}

bool mapping_pattern_ok(const char *pattern, enum mapping_form form)
{
	size_t captures = 0, spans = 0, levels = levels_of(pattern);

	while (pattern) {
		struct text level = next_level(&pattern);
		bool wild = memchr(level.at, '+', len_of(level)) || memchr(level.at, '#', len_of(level));

		if ((wild &&
		     (form == MAPPING_FORM_TOPIC || (form == MAPPING_FORM_PATTERN && !is_any(level)))) ||
		    !pieces_ok(level, form == MAPPING_FORM_PATTERN, &captures, &spans))
			return false;
	}
	return captures <= MAPPING_CAPTURES && spans <= 1 && levels <= MAPPING_LEVELS;
}

/* What is fixed before the first capture and behind the last one. */
static void fixed_ends(struct text level, struct text *before, struct text *after)
{
	*before = *after = level;
	before->end = memchr(level.at, '{', len_of(level));
	after->at = memrchr(level.at, '}', len_of(level));
	after->at++;
}

static bool levels_meet(struct text a, struct text b)
{
	bool fixed_a = !memchr(a.at, '{', len_of(a)), fixed_b = !memchr(b.at, '{', len_of(b));
	struct mapping_values unused = { .len = 0 };
	struct text before[2], after[2];
	size_t head, tail;

	if (is_any(a) || is_any(b))
		return true;
	if (fixed_a && fixed_b)
		return len_of(a) == len_of(b) && begins(a, b);
	if (fixed_a || fixed_b)
		return fixed_a ? level_matches(b, a, &unused) : level_matches(a, b, &unused);
	fixed_ends(a, &before[0], &after[0]);
	fixed_ends(b, &before[1], &after[1]);
	head = len_of(before[0]) < len_of(before[1]) ? len_of(before[0]) : len_of(before[1]);
	tail = len_of(after[0]) < len_of(after[1]) ? len_of(after[0]) : len_of(after[1]);
	return memcmp(before[0].at, before[1].at, head) == 0 &&
	       memcmp(after[0].end - tail, after[1].end - tail, tail) == 0;
}

/* Each has at most one span, so this ends soon. */
static bool meet_from(const char *a, const char *b)
{
	const char *rest_a = a, *rest_b = b;
	struct text la, lb;
	struct piece piece;

	if (!a || !b)
		return !a && !b;
	la = next_level(&rest_a);
	lb = next_level(&rest_b);
	if (is_span(la, &piece) || is_span(lb, &piece)) {
		const char *fixed = is_span(la, &piece) ? rest_a : rest_b;
		const char *other = is_span(la, &piece) ? rest_b : rest_a;

		for (; !meet_from(fixed, other); next_level(&other)) {
			if (!other)
				return false;
		}
		return true;
	}
	return levels_meet(la, lb) && meet_from(rest_a, rest_b);
}

bool mapping_pattern_meet(const char *a, const char *b)
{
	return meet_from(a, b);
}
