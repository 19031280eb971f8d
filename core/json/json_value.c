#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/json/json.h"

bool json_is_number(const cJSON *node)
{
	return cJSON_IsRaw(node);
}

/* A number token as digits * 10^exponent, zeros at both ends left out. */
struct decimal {
	const char *first, *last; /* first to last digit, a point may stand between */
	long exponent;            /* of the last digit */
	bool negative;
};

/* Exponents that matter for 64 bits are far below; more digits are cut off. */
static long exponent_of(const char *at)
{
	bool negative = *at == '-';
	long e = 0;

	if (*at == '-' || *at == '+')
		at++;
	for (; *at && e < 100000000; at++)
		e = e * 10 + (*at - '0');
	return negative ? -e : e;
}

/* false: zero, which has no digit left. token is a valid JSON number. */
static bool decimal_of(const char *token, struct decimal *d)
{
	const char *end, *point;

	d->negative = *token == '-';
	d->first = token + d->negative;
	end = d->first + strcspn(d->first, "eE");
	d->exponent = *end ? exponent_of(end + 1) : 0;
	point = memchr(d->first, '.', (size_t)(end - d->first));
	while (d->first < end && (*d->first == '0' || *d->first == '.'))
		d->first++;
	if (d->first == end)
		return false;
	d->last = end - 1;
	while (*d->last == '0' || *d->last == '.')
		d->last--;
	if (!point)
		d->exponent += end - 1 - d->last;
	else if (d->last < point)
		d->exponent += point - 1 - d->last;
	else
		d->exponent -= d->last - point;
	return true;
}

static bool exact_int(const char *token, int64_t *out)
{
	struct decimal d;
	int64_t n = 0;

	*out = 0;
	if (!decimal_of(token, &d))
		return true;
	if (d.exponent < 0 || d.exponent > 18)
		return false;
	/* Below zero throughout: INT64_MIN has no positive counterpart. */
	for (const char *p = d.first; p <= d.last; p++) {
		if (*p == '.')
			continue;
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_sub_overflow(n, *p - '0', &n))
			return false;
	}
	for (; d.exponent > 0; d.exponent--) {
		if (__builtin_mul_overflow(n, 10, &n))
			return false;
	}
	if (!d.negative && n == INT64_MIN)
		return false;
	*out = d.negative ? n : -n;
	return true;
}

static bool is_integer(const char *token)
{
	return token[strcspn(token, ".eE")] == '\0';
}

/* -0 is 0, as it is among doubles. */
static const char *plain_zero(const char *token)
{
	return strcmp(token, "-0") == 0 ? token + 1 : token;
}

bool json_number_equal(const char *a, const char *b)
{
	locale_t c; /* a program's own locale may want a comma where JSON has a point */
	bool equal;

	if (strcmp(a, b) == 0)
		return true;
	if (is_integer(a) && is_integer(b))
		return strcmp(plain_zero(a), plain_zero(b)) == 0;
	c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!c)
		return false;
	equal = strtod_l(a, NULL, c) == strtod_l(b, NULL, c);
	freelocale(c);
	return equal;
}

static bool only_digits(const char *text)
{
	size_t sign = *text == '-';
	size_t len = strspn(text + sign, "0123456789");

	return len > 0 && text[sign + len] == '\0';
}

bool json_int(const cJSON *node, bool lenient, int64_t *out)
{
	int64_t n;

	if (!json_is_number(node) &&
	    !(lenient && cJSON_IsString(node) && only_digits(node->valuestring)))
		return false;
	if (!exact_int(node->valuestring, &n))
		return false;
	*out = n;
	return true;
}

const cJSON *json_member(const cJSON *obj, const char *name)
{
	return cJSON_IsObject(obj) ? cJSON_GetObjectItemCaseSensitive(obj, name) : NULL;
}

const char *json_text(const cJSON *obj, const char *name)
{
	const cJSON *m = json_member(obj, name);

	return cJSON_IsString(m) ? m->valuestring : NULL;
}

static enum status add_escaped(struct buf *out, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *found = strchr(from, c);

	return found ? buf_addf(out, "\\%c", to[found - from]) : buf_addf(out, "\\u%04x", c);
}

enum status json_add_string(struct buf *out, const char *text)
{
	size_t before = out->len;
	enum status st = buf_add_u8(out, '"');

	while (st == ST_OK && *text) {
		size_t run = 0;

		while ((unsigned char)text[run] >= 0x20 && text[run] != '"' && text[run] != '\\')
			run++;
		st = buf_add(out, text, run);
		text += run;
		if (st == ST_OK && *text)
			st = add_escaped(out, (unsigned char)*text++);
	}
	if (st == ST_OK)
		st = buf_add_u8(out, '"');
	if (st != ST_OK)
		out->len = before;
	return st;
}
