#include <stdlib.h>
#include <string.h>

#include "plugin/lan/doorbell_login.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

enum {
	YES = MOSQ_ERR_SUCCESS,
	NO = MOSQ_ERR_AUTH
};

/* The broker judges: on 2.1 as if there were no hubgate. */
#define BROKER (l->h.has_connect_event ? ANSWER_IGNORE : MOSQ_ERR_PLUGIN_DEFER)
#define PASSES (l->h.has_connect_event ? ANSWER_IGNORE : YES)

static uint64_t metric(const struct lan *l, enum metric id)
{
	return metric_get(&l->h.metrics, id);
}

static void verdicts(struct lan *l)
{
	struct mosquitto lamp = { .id = LAMP_ID, .address = "10.0.0.9", .clean = true };
	struct mosquitto bad = lamp, console = { .id = "console" };

	CU_ASSERT(lan_enter(l, &lamp, l->lamp));
	CU_ASSERT_EQUAL(metric(l, M_LOGIN_OK), 1);
	CU_ASSERT_EQUAL(lan_auth(&bad, l->username, "wrong"), NO);
	CU_ASSERT_EQUAL(metric(l, M_LOGIN_BAD), 1);
	CU_ASSERT(fake_logged("login of " LAMP_ID " from 10.0.0.9 refused"));
	CU_ASSERT_EQUAL(lan_auth(&console, "admin", "secret"), BROKER);
	CU_ASSERT_EQUAL(lan_auth(&console, NULL, NULL), BROKER);
	CU_ASSERT_EQUAL(metric(l, M_LOGIN_OK) + metric(l, M_LOGIN_BAD), 2);
	CU_ASSERT_PTR_NULL(lan_session_of(&l->h, &console));
}

static void devices_are_judged_here_and_others_by_the_broker(void)
{
	lan_each(verdicts);
}

static void unknown_users(struct lan *l)
{
	struct mosquitto console = { .id = "console" }, impostor = { .id = LAMP_ID };

	l->rights.unknown_users_pass = true;
	CU_ASSERT_EQUAL(lan_auth(&console, "admin", "whatever"), PASSES);
	CU_ASSERT_EQUAL(lan_auth(&console, "", NULL), PASSES);
	/* Whether anonymous clients may come in is allow_anonymous' to say. */
	CU_ASSERT_EQUAL(lan_auth(&console, NULL, NULL), BROKER);
	CU_ASSERT_EQUAL(lan_auth(&impostor, "admin", "whatever"), NO);
	CU_ASSERT_EQUAL(lan_auth(&impostor, NULL, NULL), NO);
	CU_ASSERT_PTR_NULL(lan_session_of(&l->h, &console));
}

static void user_names_pass_where_the_broker_checked_none_but_not_as_a_device(void)
{
	lan_each(unknown_users);
}

static void nothing_given(struct lan *l)
{
	struct mosquitto nobody = { 0 };

	CU_ASSERT_EQUAL(lan_auth(&nobody, NULL, NULL), BROKER);
	lan_sign(l, l->lamp, 0);
	CU_ASSERT_EQUAL(lan_auth(&nobody, l->username, l->password), NO);
	CU_ASSERT(fake_logged("(no client id) from a unix socket"));
	CU_ASSERT_EQUAL(lan_auth(NULL, NULL, NULL), BROKER);
	nobody.id = LAMP_ID;
	CU_ASSERT_EQUAL(lan_auth(&nobody, NULL, NULL), NO);
	CU_ASSERT_EQUAL(lan_auth(&nobody, NULL, "password"), NO);
	CU_ASSERT_EQUAL(lan_auth(&nobody, l->username, NULL), NO);
}

static void missing_id_name_password_or_address_is_no_surprise(void)
{
	lan_each(nothing_given);
}

static void long_names(struct lan *l)
{
	enum {
		SIZE = 64 * 1024
	};
	struct mosquitto c = { .id = LAMP_ID };
	char *text = calloc(1, SIZE + 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, 'x', SIZE);
	CU_ASSERT_EQUAL(lan_auth(&c, text, text), NO);
	c.id = text;
	CU_ASSERT_EQUAL(lan_auth(&c, text, text), BROKER);
	lan_sign(l, l->lamp, 0);
	CU_ASSERT_EQUAL(lan_auth(&c, l->username, l->password), NO);
	free(text);
}

static void names_of_64_kilobytes_are_refused_like_short_ones(void)
{
	lan_each(long_names);
}

static void secrets_in_lines(struct lan *l)
{
	struct mosquitto c = { .id = LAMP_ID, .address = "10.0.0.9" };
	struct mosquitto bell = { .id = l->h.doorbell->id, .address = "10.0.0.9" };

	lan_sign(l, l->lamp, 1);
	CU_ASSERT_EQUAL(lan_auth(&c, l->username, l->password), NO);
	CU_ASSERT_EQUAL(lan_auth(&c, "admin", "pass-word-1"), NO);
	CU_ASSERT_EQUAL(lan_auth(&bell, l->h.doorbell->id, l->h.doorbell->password), NO);
	CU_ASSERT(fake_lines() >= 2);
	CU_ASSERT(!fake_logged(l->password));
	CU_ASSERT(!fake_logged("pass-word-1"));
	CU_ASSERT(!fake_logged(l->h.doorbell->password));
	CU_ASSERT(!fake_logged(l->lamp->secret.text));
}

static void refused_passwords_never_reach_the_log(void)
{
	lan_each(secrets_in_lines);
}

/* --- SIGHUP: the broker asks again for everybody --- */

static void burst(struct lan *l)
{
	struct mosquitto lamp = { .id = LAMP_ID, .clean = true };
	struct mosquitto away = { .id = SIBLING_ID };    /* a kept session */
	struct mosquitto restored = { .id = COUSIN_ID }; /* never seen by this process */
	struct mosquitto named_by_id = { .id = COUSIN_ID, .username = COUSIN_ID };
	struct mosquitto console = { .id = "console" }, bell;
	int reload_rc = l->h.has_connect_event ? MOSQ_ERR_SUCCESS : MOSQ_ERR_PLUGIN_DEFER;

	CU_ASSERT(lan_enter(l, &lamp, l->lamp) && lan_enter(l, &away, l->sibling));
	CU_ASSERT(lan_doorbell(l, &bell));
	lan_offline(&away);
	lan_wait(LAN_GRACE_MS + 1);
	lan_tick();
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL));
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, SIBLING_ID, NULL));
	CU_ASSERT(lan_ordered(l, ORDER_LEFT, SIBLING_ID, NULL));
	CU_ASSERT_EQUAL(lan_reload(), reload_rc);
	lan_sign(l, l->lamp, 1);
	CU_ASSERT_EQUAL(lan_auth_again(&lamp, l->username, l->password), YES);
	CU_ASSERT_EQUAL(lan_auth_again(&lamp, l->username, NULL), YES);
	CU_ASSERT_EQUAL(lan_auth_again(&away, l->username, l->password), YES);
	lan_sign(l, l->cousin, 1);
	CU_ASSERT_EQUAL(lan_auth_again(&restored, l->username, NULL), YES);
	CU_ASSERT_EQUAL(lan_auth_again(&named_by_id, COUSIN_ID, NULL), BROKER);
	CU_ASSERT_EQUAL(lan_auth_again(&named_by_id, NULL, NULL), BROKER);
	CU_ASSERT_EQUAL(lan_auth_again(&bell, l->h.doorbell->id, NULL), YES);
	CU_ASSERT_EQUAL(lan_auth_again(&console, "admin", "secret"), BROKER);
	CU_ASSERT_EQUAL(lan_auth_again(&console, NULL, NULL), BROKER);
	lan_tick();
	CU_ASSERT(lan_quiet(l));
	CU_ASSERT_EQUAL(metric(l, M_PRESENT), 1);
	CU_ASSERT_EQUAL(metric(l, M_LOGIN_BAD), 0);
	CU_ASSERT_PTR_NULL(lan_session_of(&l->h, &away));
	CU_ASSERT_PTR_NULL(lan_session_of(&l->h, &restored));
	CU_ASSERT_EQUAL(lan_acl(&lamp, MOSQ_ACL_WRITE, LAMP "/event"), YES);
}

static void reload_refuses_nobody_and_changes_no_presence(void)
{
	lan_each(burst);
}

static void after_the_burst(struct lan *l)
{
	struct mosquitto impostor = { .id = LAMP_ID };

	lan_reload();
	CU_ASSERT_EQUAL(lan_auth_again(&impostor, "admin", "x"), BROKER);
	lan_tick();
	CU_ASSERT_EQUAL(lan_auth(&impostor, "admin", "x"), NO);
	CU_ASSERT_PTR_NULL(lan_session_of(&l->h, &impostor));
	CU_ASSERT_EQUAL(lan_acl(&impostor, MOSQ_ACL_WRITE, LAMP "/event"), MOSQ_ERR_ACL_DENIED);
}

static void logins_are_checked_again_after_the_next_tick(void)
{
	lan_each(after_the_burst);
}

static void no_tick_after_the_burst(void)
{
	struct lan *l = lan_open(BROKER_2_1);
	struct mosquitto lamp = { .id = LAMP_ID, .clean = true }, thief = lamp;

	lan_reload();
	lan_sign(l, l->lamp, 0);
	CU_ASSERT_EQUAL(lan_auth(&thief, l->username, "wrong"), NO);
	CU_ASSERT(lan_enter(l, &lamp, l->lamp));
	CU_ASSERT_PTR_NOT_NULL(lan_session_of(&l->h, &lamp));
	fake_has_client(&lamp); /* whom the thief would take over */
	CU_ASSERT_EQUAL(lan_auth(&thief, l->username, "wrong"), NO);
	fake_has_client(NULL);
	lan_close(l);
}

static void login_is_checked_where_no_tick_ends_the_reload(void)
{
	no_tick_after_the_burst();
}

/* --- a pointer comes back with another client behind it --- */

static void reused(struct lan *l)
{
	struct mosquitto c = { .id = LAMP_ID, .clean = true };

	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL));
	c.id = "console";
	l->rights.unknown_users_pass = true;
	CU_ASSERT_EQUAL(lan_auth(&c, "admin", "x"), PASSES);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_WRITE, LAMP "/event"), MOSQ_ERR_ACL_DENIED);
	CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/event", "1", 1), MOSQ_ERR_ACL_DENIED);
	CU_ASSERT_EQUAL(lan_kept(l), 0);
	CU_ASSERT_EQUAL(metric(l, M_PRESENT), 0);
	lan_wait(LAN_GRACE_MS + 1);
	lan_tick();
	CU_ASSERT(lan_ordered(l, ORDER_LEFT, LAMP_ID, NULL));
	c.id = SIBLING_ID;
	CU_ASSERT(lan_enter(l, &c, l->sibling));
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, SIBLING_ID, NULL));
	CU_ASSERT(lan_doorbell(l, &c));
	CU_ASSERT_EQUAL(metric(l, M_PRESENT), 0);
	c.id = LAMP_ID;
	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_WRITE, LAMP "/event"), YES);
	lan_gone(&c);
	CU_ASSERT_EQUAL(metric(l, M_PRESENT), 0);
}

static void reused_pointer_inherits_nothing(void)
{
	lan_each(reused);
}

static void own_login(struct lan *l)
{
	struct mosquitto uplink = { .id = "GATEWAY001gw-1", .address = "127.0.0.1", .clean = false };
	struct mosquitto app = uplink;
	struct mail *mail = uplink_mail(l->h.uplink);

	lan_sign(l, l->h.own, 0);
	shared_text_set(&mail->login, "GATEWAY001gw-1;12010126;other;0");
	CU_ASSERT_EQUAL(lan_auth(&app, l->username, l->password), YES);
	CU_ASSERT_FALSE(atomic_load(&mail->leads_here));
	lan_gone(&app);
	shared_text_set(&mail->login, l->username);
	CU_ASSERT_EQUAL(lan_auth(&uplink, NULL, NULL), NO);
	CU_ASSERT_FALSE(atomic_load(&mail->leads_here));
	CU_ASSERT_EQUAL(lan_auth(&uplink, l->username, l->password), NO);
	CU_ASSERT(atomic_load(&mail->leads_here));
}

static void own_login_at_the_hub_that_comes_in_here_is_refused_and_told(void)
{
	lan_each(own_login);
}

SUITE(on_auth, TEST(devices_are_judged_here_and_others_by_the_broker),
      TEST(user_names_pass_where_the_broker_checked_none_but_not_as_a_device),
      TEST(missing_id_name_password_or_address_is_no_surprise),
      TEST(names_of_64_kilobytes_are_refused_like_short_ones),
      TEST(refused_passwords_never_reach_the_log),
      TEST(reload_refuses_nobody_and_changes_no_presence),
      TEST(logins_are_checked_again_after_the_next_tick),
      TEST(login_is_checked_where_no_tick_ends_the_reload), TEST(reused_pointer_inherits_nothing),
      TEST(own_login_at_the_hub_that_comes_in_here_is_refused_and_told))
