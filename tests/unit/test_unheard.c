#include "plugin/lan/unheard.h"

#include <string.h>

#include "tests/fakes/lan.h"
#include "tests/runner.h"

#define FOREIGN SIBLING "/control"
#define FORGED  "{\"forged\":1}"

enum {
	YES = MOSQ_ERR_SUCCESS,
	NO = MOSQ_ERR_ACL_DENIED
};

static int asks(struct mosquitto *c, int access, const char *topic, const char *payload,
                bool retain)
{
	struct mosquitto_evt_acl_check ed = { .client = c,
		                                  .topic = topic,
		                                  .payload = payload,
		                                  .payloadlen = (uint32_t)strlen(payload),
		                                  .access = access,
		                                  .retain = retain };

	return fake_fire(MOSQ_EVT_ACL_CHECK, &ed);
}

static int writes(struct mosquitto *c, const char *topic, const char *payload)
{
	return asks(c, MOSQ_ACL_WRITE, topic, payload, false);
}

static int reads(struct mosquitto *c, const char *topic, const char *payload)
{
	return asks(c, MOSQ_ACL_READ, topic, payload, false);
}

/* As the broker does after WRITE; what it routes is left in ed, whose payload is the caller's. */
static int message(struct mosquitto *c, char *topic, const char *payload,
                   struct mosquitto_evt_message *ed)
{
	*ed = (struct mosquitto_evt_message){ .client = c,
		                                  .topic = topic,
		                                  .payload = (void *)(uintptr_t)payload,
		                                  .payloadlen = (uint32_t)strlen(payload),
		                                  .qos = 1 };
	return fake_fire(MOSQ_EVT_MESSAGE, ed);
}

/* The lamp, and its sibling, whose topic the lamp has no right to. On a broker of 2.0. */
struct scene {
	struct mosquitto lamp, sibling;
};

static bool enter(struct lan *l, struct scene *s)
{
	*s = (struct scene){ .lamp = { .id = LAMP_ID, .address = "10.0.0.9", .clean = true },
		                 .sibling = { .id = SIBLING_ID, .address = "10.0.0.8", .clean = true } };
	l->rights.conf.no_queue = true;
	l->rights.conf.ours = true;
	CU_ASSERT_FATAL(lan_enter(l, &s->lamp, l->lamp) && lan_enter(l, &s->sibling, l->sibling));
	return !l->h.has_connect_event;
}

static void passes(struct lan *l)
{
	struct mosquitto_evt_message ed;
	char topic[] = FOREIGN;
	struct scene s;

	if (!enter(l, &s)) {
		CU_ASSERT_EQUAL(writes(&s.lamp, FOREIGN, FORGED), NO); /* 2.1 disconnects nobody for it */
		return;
	}
	CU_ASSERT_EQUAL(writes(&s.lamp, FOREIGN, FORGED), YES);
	CU_ASSERT_EQUAL(message(&s.lamp, topic, FORGED, &ed), YES);
	CU_ASSERT_FATAL(ed.payload && strcmp(ed.payload, FORGED) != 0);
	lan_tick(); /* at QoS 2 much comes between */
	CU_ASSERT_EQUAL(reads(&s.sibling, FOREIGN, ed.payload), NO);
	CU_ASSERT_EQUAL(reads(&s.sibling, FOREIGN, ed.payload), NO);
	CU_ASSERT_EQUAL(reads(&s.sibling, FOREIGN, FORGED), YES); /* an application with the right */
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL));
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, SIBLING_ID, NULL));
	CU_ASSERT(lan_quiet(l)); /* nothing goes to the hub */
	mosquitto_free(ed.payload);
}

static void what_is_refused_passes_without_its_payload_and_nobody_hears_it(void)
{
	lan_each(passes);
}

static void will(struct lan *l)
{
	struct scene s;

	if (!enter(l, &s))
		return;
	CU_ASSERT_EQUAL(writes(&s.lamp, FOREIGN, FORGED), YES);
	CU_ASSERT_EQUAL(reads(&s.sibling, FOREIGN, FORGED), NO);
	CU_ASSERT_EQUAL(reads(&s.sibling, FOREIGN, FORGED), NO);
	CU_ASSERT_EQUAL(reads(&s.sibling, FOREIGN, "{}"), YES); /* not that */
	CU_ASSERT_EQUAL(reads(&s.sibling, SIBLING "/data", FORGED), YES);
	lan_tick();
	CU_ASSERT_EQUAL(reads(&s.sibling, FOREIGN, FORGED), YES); /* of somebody who may */
	CU_ASSERT_EQUAL(asks(&s.lamp, MOSQ_ACL_WRITE, FOREIGN, FORGED, true), NO);
}

static void a_will_that_is_refused_reaches_nobody_and_is_never_retained(void)
{
	lan_each(will);
}

static void another(struct lan *l)
{
	struct mosquitto_evt_message ed;
	char topic[] = SIBLING "/data";
	struct scene s;

	if (!enter(l, &s))
		return;
	CU_ASSERT_EQUAL(writes(&s.lamp, FOREIGN, FORGED), YES); /* a will */
	CU_ASSERT_EQUAL(writes(&s.sibling, topic, FORGED), YES);
	CU_ASSERT_EQUAL(message(&s.sibling, topic, FORGED, &ed), YES);
	CU_ASSERT_STRING_EQUAL(ed.payload, FORGED);
	CU_ASSERT_EQUAL(writes(&s.lamp, FOREIGN, FORGED), YES);
	fake_refuse_memory(true);
	CU_ASSERT_EQUAL(message(&s.lamp, (char[]){ FOREIGN }, FORGED, &ed), NO);
	fake_refuse_memory(false);
}

static void other_messages_keep_their_payload_and_without_memory_it_is_denied(void)
{
	lan_each(another);
}

static void not_hidden(struct lan *l)
{
	struct scene s;

	if (!enter(l, &s))
		return;
	CU_ASSERT_EQUAL(writes(&s.lamp, "$CONTROL/dynamic-security/v1", "{}"), NO);
	l->rights.conf.bridged_count = 1; /* asked for no READ */
	CU_ASSERT_EQUAL(writes(&s.lamp, FOREIGN, FORGED), NO);
	l->rights.conf.bridged_count = 0;
	l->rights.conf.ours_not_first = true;
	CU_ASSERT_EQUAL(writes(&s.lamp, FOREIGN, FORGED), NO);
	l->rights.conf.ours_not_first = false;
	l->rights.conf.no_queue = false;
	CU_ASSERT_EQUAL(writes(&s.lamp, FOREIGN, FORGED), NO);
}

static void what_read_cannot_hide_is_denied(void)
{
	lan_each(not_hidden);
}

SUITE(unheard, TEST(what_is_refused_passes_without_its_payload_and_nobody_hears_it),
      TEST(a_will_that_is_refused_reaches_nobody_and_is_never_retained),
      TEST(other_messages_keep_their_payload_and_without_memory_it_is_denied),
      TEST(what_read_cannot_hide_is_denied))
