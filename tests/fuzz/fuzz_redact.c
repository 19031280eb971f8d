/* What the command shows of texts that others wrote: whatever stands in them, nothing steers a
 * terminal, and what is secret in hubgate.json stays out of the JSON that is shown of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/redact.h"
#include "cli/text.h"
#include "core/json/json.h"
#include "tests/fuzz/fuzz.h"

enum {
	OUT_MAX = 1 << 20
};

static void promise(bool kept)
{
	if (!kept)
		abort();
}

static void steers_nothing(const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		struct text_char c = text_char_at(text, len);

		promise(!c.steers);
		text += c.len;
		len -= c.len;
	}
}

static void look_at_text(const char *text)
{
	char *shown = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&shown, &size);

	promise(f != NULL);
	text_put(f, text, 20);
	promise(fflush(f) == 0 && text_columns(shown) <= 20);
	text_put_all(f, text);
	fclose(f);
	steers_nothing(shown);
	free(shown);
}

static void look_at_files(const char *text, size_t len)
{
	struct redact *r = redact_new();
	struct buf out = BUF_MAX(OUT_MAX);

	promise(r != NULL);
	if (redact_config(r, text, len, NULL, NULL, &out) == ST_OK)
		promise(json_valid((const char *)out.data, out.len));
	buf_reset(&out);
	redact_mosquitto(r, text, len, &out);
	buf_free(&out);
	redact_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	promise(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	look_at_text(text);
	look_at_files(text, size);
	free(text);
	return 0;
}

#define SAMPLE(text)           \
	{                          \
		text, sizeof(text) - 1 \
	}

const struct fuzz_sample fuzz_samples[] = {
	SAMPLE(
		"{\"gateway\":{\"secret\":\"abcdefgh\",\"secret_file\":\"f\",\"secret_env\":\"E\",\"x\":[1]},"
		"\"devices\":[{\"secret\":\"ijkl\",\"device_name\":\"d\"},7],\"mappings\":[{\"commands\":"
		"[{\"from\":\"a\",\"y\":\"zzzzzzzz\"}]}],\"hub\":{\"register_url\":\"https://a:b@c/\"}}"),
	SAMPLE("listener 1883\n# c\nremote_password pw12\nplugin_opt_x abcd\r\n  bridge_psk\t99999\n"),
	SAMPLE("a\x1b[2J \xe4\xb8\xad\xcc\x81\xc2\x9b\xf3\xa0\x80\x81\xff"),
	{ NULL, 0 },
};
