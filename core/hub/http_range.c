#include "core/hub/http_range.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Digits at *at, which moves behind them. */
static bool take_number(const char **at, uint64_t *out)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	*out = strtoull(*at, &end, 10);
	*at = end;
	return errno == 0;
}

static bool take_unit(const char **at)
{
	if (!*at || strncasecmp(*at, "bytes", 5) != 0)
		return false;
	*at += 5;
	return true;
}

/* The last count bytes. */
static enum status suffix(const char *at, uint64_t size, struct http_range *out)
{
	uint64_t count;

	at++;
	if (!take_number(&at, &count) || *at)
		return ST_EMPTY;
	if (count == 0)
		return ST_INVALID;
	*out = (struct http_range){ count < size ? size - count : 0, size - 1 };
	return ST_OK;
}

enum status http_range_read(const char *text, uint64_t size, struct http_range *out)
{
	uint64_t first, last = UINT64_MAX;

	if (!take_unit(&text) || *text++ != '=')
		return ST_EMPTY;
	if (*text == '-')
		return suffix(text, size, out);
	if (!take_number(&text, &first) || *text++ != '-')
		return ST_EMPTY;
	if (*text && (!take_number(&text, &last) || *text || last < first))
		return ST_EMPTY;
	if (first >= size)
		return ST_INVALID;
	*out = (struct http_range){ first, last < size ? last : size - 1 };
	return ST_OK;
}

bool http_range_read_content(const char *text, uint64_t *first, uint64_t *total)
{
	uint64_t last;

	*total = 0;
	if (!take_unit(&text) || *text++ != ' ')
		return false;
	if (!take_number(&text, first) || *text++ != '-' || !take_number(&text, &last) ||
	    *text++ != '/' || last < *first)
		return false;
	return strcmp(text, "*") == 0 || (take_number(&text, total) && *text == '\0');
}
