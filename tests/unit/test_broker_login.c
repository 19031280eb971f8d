#include "plugin/lan/broker_login.h"

#include "tests/fakes/lan.h"
#include "tests/runner.h"

enum {
	BROKER_DECIDES = MOSQ_ERR_PLUGIN_DEFER,
	YES = MOSQ_ERR_SUCCESS,
	NO = MOSQ_ERR_ACL_DENIED
};

static char login_name[] = "workshop-lamp";
static struct config_device rules[] = {
	{ .product_id = LAMP_PID, .device_name = LAMP_NAME, .login = login_name },
};
static struct mosquitto lamp = { .id = "esp-1234", .username = login_name, .clean = true };

static void with_logins(struct lan *l)
{
	l->config.devices = rules;
	l->config.device_count = 1;
	broker_login_configured(&l->h);
}

static void without_logins(struct lan *l)
{
	l->config.devices = NULL;
	l->config.device_count = 0;
}

static void let_in(struct lan *l)
{
	with_logins(l);
	CU_ASSERT_EQUAL(lan_auth(&lamp, login_name, "whatever"), BROKER_DECIDES);
	CU_ASSERT_PTR_NULL(l->lamp->presence->current);
	lan_connected(&lamp); /* 2.1 */
	lan_tick();           /* 2.0 */
	CU_ASSERT_PTR_NOT_NULL(l->lamp->presence->current);
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL));
	CU_ASSERT_EQUAL(lan_acl(&lamp, MOSQ_ACL_SUBSCRIBE, LAMP "/control"), YES);
	CU_ASSERT_EQUAL(lan_acl(&lamp, MOSQ_ACL_WRITE, LAMP "/event"), YES);
	CU_ASSERT_EQUAL(lan_acl(&lamp, MOSQ_ACL_WRITE, SIBLING "/event"), NO);
	CU_ASSERT_EQUAL(lan_acl(&lamp, MOSQ_ACL_WRITE, "workshop/lamp"), YES);
	lan_gone(&lamp);
	CU_ASSERT_PTR_NULL(l->lamp->presence->current);
	without_logins(l);
}

static void device_with_a_login_is_there_when_the_broker_let_it_in(void)
{
	lan_each(let_in);
}

static void at_once(struct lan *l)
{
	with_logins(l);
	CU_ASSERT_EQUAL(lan_auth(&lamp, login_name, "whatever"), BROKER_DECIDES);
	CU_ASSERT_EQUAL(lan_publish(&lamp, LAMP "/event", "1", 1), YES);
	CU_ASSERT_EQUAL(lan_acl(&lamp, MOSQ_ACL_WRITE, LAMP "/event"), YES);
	CU_ASSERT_PTR_NOT_NULL(l->lamp->presence->current);
	lan_gone(&lamp);
	without_logins(l);
}

static void first_acl_check_shows_that_it_was_let_in(void)
{
	lan_each(at_once);
}

static void kept_out(struct lan *l)
{
	with_logins(l);
	CU_ASSERT_EQUAL(lan_auth(&lamp, login_name, "wrong"), BROKER_DECIDES);
	lan_gone(&lamp); /* so the broker says no */
	lan_tick();
	CU_ASSERT_PTR_NULL(l->lamp->presence->current);
	CU_ASSERT(lan_quiet(l));
	without_logins(l);
}

static void device_that_the_broker_refused_never_was_there(void)
{
	lan_each(kept_out);
}

static void borrowed_id(struct lan *l)
{
	struct mosquitto thief = { .id = SIBLING_ID, .username = login_name, .clean = true };

	with_logins(l);
	CU_ASSERT_EQUAL(lan_auth(&thief, login_name, "whatever"), MOSQ_ERR_AUTH);
	without_logins(l);
}

static void login_does_not_come_with_another_devices_client_id(void)
{
	lan_each(borrowed_id);
}

static void broker_that_checks_no_names_is_refused(void)
{
	struct lan *l = lan_open(BROKER_2_0);

	l->config.devices = rules;
	l->config.device_count = 1;
	l->rights.unknown_users_pass = true;
	broker_login_close(&l->h);
	CU_ASSERT_EQUAL(broker_login_open(&l->h), ST_INVALID);
	CU_ASSERT(fake_logged("add a password_file"));
	without_logins(l);
	lan_close(l);
}

SUITE(broker_login, TEST(device_with_a_login_is_there_when_the_broker_let_it_in),
      TEST(first_acl_check_shows_that_it_was_let_in),
      TEST(device_that_the_broker_refused_never_was_there),
      TEST(login_does_not_come_with_another_devices_client_id),
      TEST(broker_that_checks_no_names_is_refused))
