/* listFirmware, in front of the tasks that plugin/services/firmware_task keeps. */
#include <string.h>

#include "plugin/control/control_gateway.h"
#include "plugin/services/firmware_impl.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

static struct mosquitto viewer = { .id = "v-1", .username = "watch", .address = "10.0.0.9" };

/* The answer to a command with these members; borrowed until the next. */
static const char *list(struct lan *l, const char *members)
{
	static char text[4096];
	const struct json_limits limits = { .bytes = 128, .depth = 2, .values = 8 };
	cJSON *command = NULL;
	const struct fake_publish *p;

	CU_ASSERT_EQUAL_FATAL(json_parse_message(members, strlen(members), &limits, &command), ST_OK);
	fake_forget_published();
	control_gateway_firmware(&l->h, command, asker_new(&viewer, "listFirmware", NULL));
	cJSON_Delete(command);
	p = fake_publish_at(0);
	text[0] = '\0';
	if (p && (size_t)p->len < sizeof(text)) {
		memcpy(text, p->payload, (size_t)p->len);
		text[p->len] = '\0';
	}
	return text;
}

static void add(struct lan *l, const char *client_id, bool open, int told)
{
	struct firmware_task *t = firmware_task_add(&l->h, client_id);

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	strcpy(t->task.command.version, "1.2.0");
	t->task.open = open;
	t->task.told = told;
}

static void updates_are_listed_page_by_page_with_how_far_they_are(void)
{
	struct lan *l = lan_open(BROKER_2_0);

	CU_ASSERT_PTR_NOT_NULL(strstr(list(l, "{}"), "{\"tasks\":[],\"cache_bytes\":0}"));
	add(l, LAMP_ID, true, 40);
	add(l, COUSIN_ID, false, -1);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(list(l, "{\"count\":1}"),
	           "{\"tasks\":[{\"name\":\"" LAMP "\",\"version\":\"1.2.0\",\"state\":\"waits for the "
	           "file\",\"percent\":40,\"error\":null}],\"cache_bytes\":0,\"next\":\"2\"}"));
	CU_ASSERT_PTR_NOT_NULL(strstr(list(l, "{\"from\":\"2\"}"),
	                              "{\"tasks\":[{\"name\":\"" COUSIN
	                              "\",\"version\":\"1.2.0\",\"state\":\"is "
	                              "over\",\"percent\":null,\"error\":null}],\"cache_bytes\":0}"));
	CU_ASSERT_PTR_NOT_NULL(strstr(list(l, "{\"from\":\"x\"}"), "from is no cursor"));
	lan_close(l);
}

SUITE(firmware_list, TEST(updates_are_listed_page_by_page_with_how_far_they_are))
