/* Headers of requests to admin.http, of any bytes: two headers in one input, apart by a line break.
 * Nothing but the token opens, and nothing but an address, localhost or what is listed is a name.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/admin/http_host.h"
#include "core/admin/http_token.h"
#include "tests/fuzz/fuzz.h"

#define TOKEN "0123456789abcdef"

#define SAMPLE(text)          \
	{                         \
		text, sizeof text - 1 \
	}

const struct fuzz_sample fuzz_samples[] = {
	SAMPLE("127.0.0.1:8188\nBearer " TOKEN),
	SAMPLE("[::1]:8188\nBasic YWRtaW46MDEyMzQ1Njc4OWFiY2RlZg=="),
	SAMPLE("gateway.lan\nBasic OjAxMjM0NTY3ODlhYmNkZWY="),
	SAMPLE("localhost:1\nbearer  x"),
	{ NULL, 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *second;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	second = strchr(text, '\n');
	if (second)
		*second++ = '\0';
	if (http_host_allowed(text, "gateway.lan gw") && strchr(text, '/'))
		abort();
	http_host_is_loopback(text);
	/* Whoever knows it shows it, as it is or in Base64. */
	if (second && http_token_ok(second, TOKEN) && !strstr(second, TOKEN) &&
	    strncasecmp(second, "Basic ", 6) != 0)
		abort();
	free(text);
	return 0;
}
