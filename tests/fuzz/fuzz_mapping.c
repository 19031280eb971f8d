/* Rules and topics of any text, a line each: pattern, device, topic. What a checked rule makes of a
 * topic is a device name and a topic of the hub, and leads back. */
#include <stdlib.h>
#include <string.h>

#include "core/mapping/mapping.h"
#include "tests/fuzz/fuzz.h"

#define SAMPLE(text)          \
	{                         \
		text, sizeof text - 1 \
	}

const struct fuzz_sample fuzz_samples[] = {
	SAMPLE("zigbee2mqtt/{name}\n{name}\nzigbee2mqtt/lamp"),
	SAMPLE("shellyplus1-{id}/events/rpc\nshelly-{id}\nshellyplus1-a4/events/rpc"),
	SAMPLE("+/{a}/{b}\n{b}\none/two/three"),
	{ NULL, 0 },
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(char *pattern, char *device, const char *topic)
{
	static char to[] = "event", from[] = "control", online[] = "online";
	struct config_mapping m = {
		.device = device, .up = pattern, .to = to, .from = from, .online = online
	};
	const struct mapping_rules r = { &m, 1 };
	const struct mapping_client nobody = { NULL, NULL };
	char why[MAPPING_WHY_MAX], words[256], filter[MAPPING_TOPIC_MAX];
	struct mapping_hit hit;

	strcpy(m.product_id, "SUBPRODUC1");
	if (mapping_check(&r, 0, why))
		return;
	mapping_filter(pattern, filter);
	mapping_explain(&r, &nobody, topic, words, sizeof words);
	if (mapping_up(&r, &nobody, topic, &hit) != ST_OK)
		return;
	require(credential_device_name_ok(hit.device_name, strlen(hit.device_name)));
	require(strncmp(hit.topic, "SUBPRODUC1/", 11) == 0);
	require(mapping_of(&r, "SUBPRODUC1", hit.device_name) == &m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *device, *topic;

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	device = strchr(text, '\n');
	topic = device ? strchr(device + 1, '\n') : NULL;
	if (topic) {
		*device++ = '\0';
		*topic++ = '\0';
		if (strlen(text) <= 250 && *text && strlen(device) <= 200 && *device)
			check(text, device, topic);
	}
	free(text);
	return 0;
}
