#include "plugin/lan/lan_session.h"

#include "tests/fakes/lan.h"
#include "tests/runner.h"

static void sessions_are_found_by_pointer_until_removed(void)
{
	enum {
		CLIENTS = 3000
	};
	static struct mosquitto clients[CLIENTS];
	struct lan *l = lan_open(BROKER_2_0);
	struct lan_session *s;

	for (int i = 0; i < CLIENTS; i++)
		CU_ASSERT_PTR_NOT_NULL_FATAL(lan_session_add(&l->h, &clients[i], SESSION_DEVICE, l->lamp));
	for (int i = 0; i < CLIENTS; i += 2)
		lan_session_remove(&l->h, lan_session_of(&l->h, &clients[i]));
	for (int i = 0; i < CLIENTS; i++) {
		s = lan_session_of(&l->h, &clients[i]);
		CU_ASSERT_EQUAL(s != NULL, i % 2 == 1);
		CU_ASSERT(!s || s->client == &clients[i]);
	}
	CU_ASSERT_PTR_NULL(lan_session_of(&l->h, NULL));
	s = lan_session_of(&l->h, &clients[1]);
	CU_ASSERT_PTR_EQUAL(lan_session_add(&l->h, &clients[1], SESSION_DEVICE, l->cousin), s);
	CU_ASSERT_PTR_EQUAL(s->device, l->cousin);
	lan_close(l);
}

SUITE(lan_session, TEST(sessions_are_found_by_pointer_until_removed))
