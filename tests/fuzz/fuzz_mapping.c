/* Rules and topics of any text, a line each: pattern, device, template, topic, payload. What a
 * checked rule makes of a topic is a device name and a topic of the hub, and leads back. */
#include <stdlib.h>
#include <string.h>

#include "core/json/json.h"
#include "core/mapping/mapping.h"
#include "tests/fuzz/fuzz.h"

#define SAMPLE(text)          \
	{                         \
		text, sizeof text - 1 \
	}

const struct fuzz_sample fuzz_samples[] = {
	SAMPLE("zigbee2mqtt/{name}\n{name}\n{state}\nzigbee2mqtt/lamp\n{\"state\":\"ON\"}"),
	SAMPLE("shellyplus1-{id}/events/rpc\nshelly-{id}\n{{\"on\":{a.b}}}\nshellyplus1-a4/events/rpc\n"
	       "{\"a\":{\"b\":[1]}}"),
	SAMPLE("+/{a}/{b}\n{b}\n{.}\none/two/three\ntext"),
	SAMPLE("z/{name...}/x\n{name}\n{name}\nz/a/b c/x\n[[[]]]"),
	{ NULL, 0 },
};

enum {
	LINES = 5
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_command(const struct mapping_rules *r, const struct mapping_hit *hit,
                          const char *payload)
{
	const struct mapping_known known = { hit->original, r->at->up, &hit->values };
	struct buf out = BUF_MAX(1024);
	struct mapping_down to;

	if (mapping_down(r, "SUBPRODUC1", hit->device_name, "control", &known, payload, strlen(payload),
	                 &to, &out) == ST_OK)
		require(to.topic[0] && to.topic[0] != '$' && !strpbrk(to.topic, "+#"));
	buf_free(&out);
}

static void check_wrap(const struct config_mapping *m, const struct mapping_hit *hit,
                       const char *payload)
{
	struct buf out = BUF_MAX(4096);
	const char *why;

	if (mapping_wrap(&out, m, &hit->values, payload, strlen(payload), 0, &why) == ST_OK)
		require(json_valid((const char *)out.data, out.len));
	buf_free(&out);
}

static void check(char *line[LINES])
{
	static char to[] = "event", from[] = "control", online[] = "online", wrap[] = "v",
				d[] = "d/{x}";
	struct config_mapping m = { .device = line[1],
		                        .up = line[0],
		                        .to = to,
		                        .from = from,
		                        .online = online,
		                        .wrap = wrap,
		                        .down = line[0],
		                        .template = line[2],
		                        .presence = d,
		                        .sanitize = true };
	const struct mapping_rules r = { &m, 1 };
	const struct mapping_client nobody = { NULL, NULL, false };
	char key[64], why[MAPPING_WHY_MAX], words[256], filter[MAPPING_TOPIC_MAX];
	struct mapping_values values;
	struct mapping_hit hit;

	strcpy(m.product_id, "SUBPRODUC1");
	if (mapping_check(&r, 0, key, why))
		return;
	mapping_filter(line[0], filter);
	mapping_explain(&r, &nobody, line[3], line[4], strlen(line[4]), words, sizeof words);
	if (mapping_up(&r, &nobody, line[3], line[4], strlen(line[4]), &hit) != ST_OK)
		return;
	require(credential_device_name_ok(hit.device_name, strlen(hit.device_name)));
	require(strncmp(hit.topic, "SUBPRODUC1/", 11) == 0);
	require(mapping_makes(&m, "SUBPRODUC1", hit.device_name, hit.original, &hit.values, &values));
	check_command(&r, &hit, line[4]);
	check_wrap(&m, &hit, line[4]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *line[LINES], *at = text;
	size_t lines = 0;

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	while (at && lines < LINES) {
		line[lines++] = at;
		at = lines < LINES ? strchr(at, '\n') : NULL;
		if (at)
			*at++ = '\0';
	}
	if (lines == LINES && *line[0] && strlen(line[0]) <= 250 && *line[1] && strlen(line[1]) <= 200)
		check(line);
	free(text);
	return 0;
}
