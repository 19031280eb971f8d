/* The worked examples of docs/mapping-examples.md, read from that file: each rule with messages as
 * the product sends them, on a real broker that checks user names. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STEPS_MAX = 24,
	GRACE_MS = 1500, /* within it a client comes back */
	CLIENTS = 2,
};

enum step_kind {
	END,
	SAYS,     /* the client publishes text on topic */
	KEEPS,    /* the same, retained */
	SHOWN,    /* the hub sees device online */
	GONE,     /* the hub sees device offline */
	GETS,     /* the hub gets text from device, on its topic "event" */
	COMMAND,  /* the hub sends text on device's topic ... */
	ARRIVES,  /* ... and the client gets text on topic */
	DIES,     /* the client's connection breaks; its will is sent */
	COMES,    /* it is back */
	NO_CHANGE /* the hub saw so far: device go offline never */
};

struct step {
	enum step_kind kind;
	const char *topic, *text; /* topic: also the name of a device, or device/topic */
	int client;
};

struct example {
	const char *heading, *user;
	const char *names[4]; /* of devices that are bound */
	const char *will_topic, *will;
	struct step steps[STEPS_MAX];
};

/* --- the document --- */

static const char *find(const char *text, const char *wanted)
{
	const char *at = text ? strstr(text, wanted) : NULL;

	CU_ASSERT_FATAL(at != NULL);
	return at;
}

/* The rule below a heading; caller frees. */
static char *rule_below(const char *heading)
{
	char *text = file_read("docs/mapping-examples.md"), *wanted = text_fmt("\n## %s\n", heading);
	const char *from = find(find(text, wanted), "```json\n") + strlen("```json\n");
	char *rule = text_fmt("%.*s", (int)(find(from, "```") - from), from);

	free(wanted);
	free(text);
	return rule;
}

/* --- the steps --- */

struct play {
	const struct example *e;
	struct scene scene;
	struct dev *clients[CLIENTS];
};

static struct dev *enter(struct play *p, int nth)
{
	char *id = text_fmt("%s-%d", p->e->user, nth);
	const struct dev_opts o = { .client_id = id,
		                        .username = p->e->user,
		                        .password = "right",
		                        .will_topic = nth == 0 ? p->e->will_topic : NULL,
		                        .will_payload = nth == 0 ? p->e->will : NULL };
	struct dev *d = client_connect(lan_port(p->scene.lan), &o);

	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	free(id);
	return d;
}

static void say(struct dev *d, const struct step *s)
{
	int mid = dev_publish_mid(d, s->topic, s->text, strlen(s->text), 1, s->kind == KEEPS);
	int64_t end_ms = now_ms() + WAIT_MS;

	CU_ASSERT_FATAL(mid >= 0);
	while (!dev_acked(d, mid) && now_ms() < end_ms)
		dev_await_message(d, "no/such/topic", 5);
}

static void gets(struct play *p, const struct step *s)
{
	char *topic = text_fmt(PRODUCT "/%s/event", s->topic);
	const cJSON *ev = scene_await_publish(&p->scene, topic, WAIT_MS);
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(ev, "payload"));

	/* A number at the end of an expected text is any: a time. */
	CU_ASSERT(text && strncmp(text, s->text, strlen(s->text)) == 0);
	if (text && strncmp(text, s->text, strlen(s->text)) != 0)
		fprintf(stderr, "%s: %s\n", topic, text);
	free(topic);
}

static void command(struct play *p, const struct step *s)
{
	char *topic = text_fmt(PRODUCT "/%s", s->topic);

	if (sim_count_events(p->scene.sim, "ev", "subscribe", "filter", topic, NULL) == 0)
		CU_ASSERT(scene_await_filter(&p->scene, topic));
	CU_ASSERT(sim_publish(p->scene.sim, topic, s->text, 1));
	free(topic);
}

static void arrives(struct play *p, const struct step *s)
{
	const struct dev_message *m = dev_await_message(p->clients[s->client], s->topic, WAIT_MS);

	CU_ASSERT(m && strcmp(m->payload, s->text) == 0);
	if (m && strcmp(m->payload, s->text) != 0)
		fprintf(stderr, "%s: %s\n", s->topic, m->payload);
}

static void take(struct play *p, const struct step *s)
{
	struct dev **d = &p->clients[s->client];

	switch (s->kind) {
	case SAYS:
	case KEEPS:
		say(*d, s);
		break;
	case SHOWN:
		CU_ASSERT_PTR_NOT_NULL(scene_await(&p->scene, "online", s->topic));
		break;
	case GONE:
		CU_ASSERT_PTR_NOT_NULL(scene_await(&p->scene, "offline", s->topic));
		break;
	case NO_CHANGE:
		CU_ASSERT_EQUAL(scene_count(&p->scene, "offline", s->topic), 0);
		break;
	case GETS:
		gets(p, s);
		break;
	case COMMAND:
		command(p, s);
		break;
	case ARRIVES:
		arrives(p, s);
		break;
	case DIES:
		dev_drop(*d);
		*d = NULL;
		break;
	case COMES:
		*d = enter(p, s->client);
		break;
	case END:
		break;
	}
}

static void run(const struct example *e)
{
	char *rule = rule_below(e->heading),
		 *more = text_fmt(",\"devices\":[],\"mappings\":[%s]", rule);
	const struct scene_opts o = {
		.user = e->user, .names = e->names, .more = more, .grace_ms = GRACE_MS
	};
	struct play p = { .e = e, .scene = scene_start(&o) };

	free(rule);
	free(more);
	for (int i = 0; i < CLIENTS; i++)
		p.clients[i] = enter(&p, i);
	for (const struct step *s = e->steps; s->kind != END; s++) {
		if (s[1].kind == ARRIVES && s->kind == COMMAND)
			CU_ASSERT_EQUAL(dev_subscribe(p.clients[s[1].client], s[1].topic, 1), 1);
		take(&p, s);
	}
	CU_ASSERT_EQUAL(scene_violations(&p.scene), 0);
	for (int i = 0; i < CLIENTS; i++)
		dev_disconnect(p.clients[i]);
	scene_end(&p.scene);
}

/* --- the products --- */

#define Z2M "zigbee2mqtt/"

static void zigbee2mqtt_with_spaces_and_chinese_a_group_a_rename_and_a_dead_bridge(void)
{
	static const struct example e = {
		"Zigbee2MQTT",
		"zigbee2mqtt",
		{ "kitchen-light", "----aee0423f", "living_room" },
		"zigbee2mqtt/bridge/state",
		"{\"state\":\"offline\"}",
		{
			{ KEEPS, "zigbee2mqtt/bridge/state", "{\"state\":\"online\"}", 0 },
			{ SAYS, "zigbee2mqtt/bridge/devices", "[{\"friendly_name\":\"Coordinator\"}]", 0 },
			{ KEEPS, Z2M "kitchen/floor light/availability", "{\"state\":\"online\"}", 0 },
			{ SHOWN, "kitchen-light", NULL, 0 },
			{ SAYS, Z2M "kitchen/floor light",
		      "{\"brightness\":120,\"linkquality\":102,\"state\":\"ON\"}", 0 },
			{ GETS, "kitchen-light", "{\"brightness\":120,\"linkquality\":102,\"state\":\"ON\"}",
		      0 },
			{ COMMAND, "kitchen-light/control", "{\"state\":\"OFF\"}", 0 },
			{ ARRIVES, Z2M "kitchen/floor light/set", "{\"state\":\"OFF\"}", 0 },
			{ SAYS, Z2M "客厅灯", "{\"state\":\"ON\"}", 0 },
			{ GETS, "----aee0423f", "{\"state\":\"ON\"}", 0 },
			{ COMMAND, "----aee0423f/control", "{\"state\":\"OFF\"}", 0 },
			{ ARRIVES, Z2M "客厅灯/set", "{\"state\":\"OFF\"}", 0 },
			{ SAYS, Z2M "living_room", "{\"state\":\"ON\"}", 0 },
			{ GETS, "living_room", "{\"state\":\"ON\"}", 0 },
			/* Renamed: what is retained under the old name goes. */
			{ KEEPS, Z2M "kitchen/floor light/availability", "", 0 },
			{ GONE, "kitchen-light", NULL, 0 },
			{ NO_CHANGE, "living_room", NULL, 0 },
			{ DIES, NULL, NULL, 0 },
			{ GONE, "----aee0423f", NULL, 0 },
			{ GONE, "living_room", NULL, 0 },
			{ COMES, NULL, NULL, 0 },
			{ KEEPS, "zigbee2mqtt/bridge/state", "{\"state\":\"online\"}", 0 },
			{ SHOWN, "living_room", NULL, 0 },
		},
	};

	run(&e);
}

#define TASMOTA "tasmota_1A2B3C"

static void tasmota_with_several_relays_and_a_reboot_that_nobody_sees(void)
{
	static const struct example e = {
		"Tasmota",
		"tasmota",
		{ TASMOTA },
		"tele/" TASMOTA "/LWT",
		"Offline",
		{
			{ KEEPS, "tele/" TASMOTA "/LWT", "Online", 0 },
			{ SHOWN, TASMOTA, NULL, 0 },
			{ SAYS, "tele/" TASMOTA "/SENSOR",
		      "{\"Time\":\"2024-05-01T10:00:00\",\"SI7021\":{\"Temperature\":21.0}}", 0 },
			{ GETS, TASMOTA,
		      "{\"SENSOR\":{\"Time\":\"2024-05-01T10:00:00\",\"SI7021\":{\"Temperature\":21.0}}}",
		      0 },
			{ COMMAND, TASMOTA "/control", "{\"relay2\":\"ON\"}", 0 },
			{ ARRIVES, "cmnd/" TASMOTA "/Power2", "ON", 0 },
			{ COMMAND, TASMOTA "/data", "Status 0", 0 },
			{ ARRIVES, "cmnd/" TASMOTA "/Backlog", "Status 0", 0 },
			{ DIES, NULL, NULL, 0 },
			{ COMES, NULL, NULL, 0 },
			{ KEEPS, "tele/" TASMOTA "/LWT", "Online", 0 },
			{ SAYS, "tele/" TASMOTA "/STATE", "{\"POWER1\":\"OFF\"}", 0 },
			{ GETS, TASMOTA, "{\"STATE\":{\"POWER1\":\"OFF\"}}", 0 },
			{ NO_CHANGE, TASMOTA, NULL, 0 },
			{ DIES, NULL, NULL, 0 },
			{ GONE, TASMOTA, NULL, 0 },
		},
	};

	run(&e);
}

static void shelly_of_the_first_generation(void)
{
	static const struct example e = {
		"Shelly Gen1",
		"shelly",
		{ "shelly1-A4E57C" },
		"shellies/shelly1-A4E57C/online",
		"false",
		{
			{ KEEPS, "shellies/shelly1-A4E57C/online", "true", 0 },
			{ SHOWN, "shelly1-A4E57C", NULL, 0 },
			{ SAYS, "shellies/shelly1-A4E57C/relay/0", "on", 0 },
			{ GETS, "shelly1-A4E57C", "{\"relay_0\":\"on\"}", 0 },
			{ COMMAND, "shelly1-A4E57C/control", "{\"state\":\"off\"}", 0 },
			{ ARRIVES, "shellies/shelly1-A4E57C/relay/0/command", "off", 0 },
			{ DIES, NULL, NULL, 0 },
			{ GONE, "shelly1-A4E57C", NULL, 0 },
		},
	};

	run(&e);
}

#define PLUS "shellyplus1-a8032ab12345"

static void shelly_of_the_second_generation(void)
{
	static const struct example e = {
		"Shelly Gen2",
		"shelly",
		{ PLUS },
		PLUS "/online",
		"false",
		{
			{ KEEPS, PLUS "/online", "true", 0 },
			{ SHOWN, PLUS, NULL, 0 },
			{ SAYS, PLUS "/events/rpc",
		      "{\"src\":\"" PLUS "\",\"dst\":\"" PLUS "/events\",\"method\":\"NotifyStatus\","
		      "\"params\":{\"ts\":1714557600.12,\"switch:0\":{\"id\":0,\"output\":true}}}",
		      0 },
			{ GETS, PLUS, "{\"src\":\"" PLUS "\",\"dst\"", 0 },
			{ COMMAND, PLUS "/control", "{\"on\":true}", 0 },
			{ ARRIVES, PLUS "/rpc",
		      "{\"id\":1,\"src\":\"hub\",\"method\":\"Switch.Set\",\"params\":{\"id\":0,\"on\":true}}",
		      0 },
			{ DIES, NULL, NULL, 0 },
			{ GONE, PLUS, NULL, 0 },
		},
	};

	run(&e);
}

static void esphome_keeps_the_names_of_its_sensors(void)
{
	static const struct example e = {
		"ESPHome",
		"esphome",
		{ "attic" },
		"attic/status",
		"offline",
		{
			{ KEEPS, "attic/status", "online", 0 },
			{ SHOWN, "attic", NULL, 0 },
			{ SAYS, "attic/sensor/air_temperature/state", "21.46", 0 },
			{ GETS, "attic", "{\"sensors\":{\"air_temperature\":21.46}}", 0 },
			{ SAYS, "attic/sensor/door/state", "nan", 0 },
			{ GETS, "attic", "{\"sensors\":{\"door\":\"nan\"}}", 0 },
			{ COMMAND, "attic/control", "{\"relay\":\"ON\"}", 0 },
			{ ARRIVES, "attic/switch/relay/command", "ON", 0 },
			{ DIES, NULL, NULL, 0 },
			{ GONE, "attic", NULL, 0 },
		},
	};

	run(&e);
}

#define BLE "ble-A4C1380A1B2C"

static void openmqttgateway_with_two_gateways_and_random_addresses(void)
{
	static const struct example e = {
		"OpenMQTTGateway",
		"omg",
		{ BLE },
		"home/OpenMQTTGateway/LWT",
		"offline",
		{
			{ KEEPS, "home/OpenMQTTGateway/LWT", "online", 0 },
			{ KEEPS, "home/OMG_attic/LWT", "online", 1 },
			{ SAYS, "home/OpenMQTTGateway/BTtoMQTT/5E3F0A9B1C2D", "{\"rssi\":-80}", 0 },
			{ SAYS, "home/OpenMQTTGateway/BTtoMQTT/A4C1380A1B2C",
		      "{\"id\":\"A4:C1:38:0A:1B:2C\",\"rssi\":-66,\"tempc\":21.4,\"hum\":45}", 0 },
			{ SHOWN, BLE, NULL, 0 },
			{ GETS, BLE, "{\"id\":\"A4:C1:38:0A:1B:2C\",\"rssi\":-66,\"tempc\":21.4,\"hum\":45}",
		      0 },
			{ SAYS, "home/OMG_attic/BTtoMQTT/A4C1380A1B2C",
		      "{\"id\":\"A4:C1:38:0A:1B:2C\",\"rssi\":-90}", 1 },
			{ GETS, BLE, "{\"id\":\"A4:C1:38:0A:1B:2C\",\"rssi\":-90}", 0 },
			{ DIES, NULL, NULL, 0 },
			{ SAYS, "home/OMG_attic/BTtoMQTT/A4C1380A1B2C",
		      "{\"id\":\"A4:C1:38:0A:1B:2C\",\"rssi\":-91}", 1 },
			{ GETS, BLE, "{\"id\":\"A4:C1:38:0A:1B:2C\",\"rssi\":-91}", 0 },
			{ NO_CHANGE, BLE, NULL, 0 },
			{ KEEPS, "home/OMG_attic/LWT", "offline", 1 },
			{ GONE, BLE, NULL, 0 },
		},
	};

	run(&e);
}

static void rtl_433_names_sensors_by_what_they_send(void)
{
	static const struct example e = {
		"rtl_433",
		"rtl_433",
		{ "Acurite-Tower-13942" },
		NULL,
		NULL,
		{
			{ SAYS, "rtl_433/raspi/events",
		      "{\"time\":\"2024-05-01 10:00:00\",\"model\":\"Acurite-Tower\",\"id\":13942,"
		      "\"channel\":\"A\",\"battery_ok\":1,\"temperature_C\":18.3,\"humidity\":51}",
		      0 },
			{ SHOWN, "Acurite-Tower-13942", NULL, 0 },
			{ GETS, "Acurite-Tower-13942", "{\"time\":\"2024-05-01 10:00:00\",\"model\"", 0 },
			{ DIES, NULL, NULL, 0 },
			{ GONE, "Acurite-Tower-13942", NULL, 0 },
		},
	};

	run(&e);
}

#define LORA "70b3d57ed0050001"
#define APP  "application/f5a3bbf7-1d02-4c6b-8a5a-0d1c2a3b4c5d/device/" LORA

static void chirpstack_with_uplink_events_and_commands(void)
{
	static const struct example e = {
		"ChirpStack",
		"chirpstack",
		{ LORA },
		NULL,
		NULL,
		{
			{ SAYS, APP "/event/join", "{\"devAddr\":\"00189440\"}", 0 },
			{ SAYS, APP "/event/up",
		      "{\"time\":\"2024-05-01T10:00:00+00:00\",\"deviceInfo\":{\"devEui\":\"" LORA
		      "\"},\"fCnt\":5,\"fPort\":2,\"data\":\"AQID\",\"object\":{\"temperature\":21.5}}",
		      0 },
			{ SHOWN, LORA, NULL, 0 },
			{ GETS, LORA, "{\"time\":\"2024-05-01T10:00:00+00:00\",\"deviceInfo\"", 0 },
			{ COMMAND, LORA "/control", "{\"port\":10,\"data\":\"AQID\"}", 0 },
			{ ARRIVES, APP "/command/down",
		      "{\"devEui\":\"" LORA "\",\"confirmed\":false,\"fPort\":10,\"data\":\"AQID\"}", 0 },
		},
	};

	run(&e);
}

#define SPB "spBv1.0/plant/"

static void sparkplug_with_binary_payloads_births_and_deaths(void)
{
	static const struct example e = {
		"Sparkplug B",
		"edge",
		{ "node1:pump" },
		SPB "NDEATH/node1",
		"\x08\x01",
		{
			{ SAYS, SPB "NBIRTH/node1", "\x08\x80\x12\x0a\x05", 0 },
			{ SAYS, SPB "DBIRTH/node1/pump", "\x08\x81\x18\x01", 0 },
			{ SHOWN, "node1:pump", NULL, 0 },
			{ SAYS, SPB "DDATA/node1/pump", "\x08\xC1\x12\x06", 0 },
			{ COMMAND, "node1:pump/control", "\x12\x04", 0 },
			{ ARRIVES, SPB "DCMD/node1/pump", "\x12\x04", 0 },
			{ SAYS, SPB "DDEATH/node1/pump", "\x08\x82", 0 },
			{ GONE, "node1:pump", NULL, 0 },
			{ SAYS, SPB "DBIRTH/node1/pump", "\x08\x83", 0 },
			{ SHOWN, "node1:pump", NULL, 0 },
			{ DIES, NULL, NULL, 0 },
			{ GONE, "node1:pump", NULL, 0 },
		},
	};

	run(&e);
}

static void modbus_bridge_with_bare_numbers(void)
{
	static const struct example e = {
		"Modbus bridge",
		"modbus",
		{ "meter1" },
		"modbus/status",
		"offline",
		{
			{ KEEPS, "modbus/status", "1", 0 },
			{ SAYS, "modbus/meter1/voltage_l1", "231.40", 0 },
			{ SHOWN, "meter1", NULL, 0 },
			{ GETS, "meter1", "{\"voltage_l1\":231.40,\"ts\":1", 0 },
			{ COMMAND, "meter1/control", "{\"relay\":true}", 0 },
			{ ARRIVES, "modbus/meter1/relay/set", "true", 0 },
			{ DIES, NULL, NULL, 0 },
			{ GONE, "meter1", NULL, 0 },
		},
	};

	run(&e);
}

SUITE(mapping_examples,
      TEST(zigbee2mqtt_with_spaces_and_chinese_a_group_a_rename_and_a_dead_bridge),
      TEST(tasmota_with_several_relays_and_a_reboot_that_nobody_sees),
      TEST(shelly_of_the_first_generation), TEST(shelly_of_the_second_generation),
      TEST(esphome_keeps_the_names_of_its_sensors),
      TEST(openmqttgateway_with_two_gateways_and_random_addresses),
      TEST(rtl_433_names_sensors_by_what_they_send),
      TEST(chirpstack_with_uplink_events_and_commands),
      TEST(sparkplug_with_binary_payloads_births_and_deaths), TEST(modbus_bridge_with_bare_numbers))
