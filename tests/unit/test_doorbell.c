#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge/doorbell/doorbell.h"
#include "bridge/doorbell/doorbell_search.h"
#include "core/base/mailbox.h"
#include "tests/fakes/bell.h"
#include "tests/fakes/certs.h"
#include "tests/fakes/peer.h"
#include "tests/runner.h"

enum {
	PATIENCE_MS = 5000,
	DAY = 86400,
	FILTERS = 200,
	BOX = 8,
	LETTERS = 300000,
	LETTERS_LEAST = 1000, /* however long they take on a crowded machine */
	STRESS_MS = 600,
	AFTERWARDS = 1000,
	LOST_MS = 500, /* a ring takes microseconds; under its 1 s of patience, which rings again */
};

/* --- the doorbell under test, with a clock that can be turned forward --- */

static int64_t skew_ms;
static unsigned warnings, notes;
static char last_line[LOG_LINE_MAX];

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + skew_ms;
}

static void sink(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	warnings += level == LOG_WARN;
	notes += level == LOG_NOTE;
	snprintf(last_line, sizeof last_line, "%s", line);
}

static const struct log test_log = { .sink = sink };

static struct doorbell *doorbell_to(const char *listener)
{
	struct doorbell_conf conf = {
		.listener = listener,
		.client_id = "hubgate-bell",
		.username = "hubgate-bell",
		.password = "once",
		.topic = "$hubgate/wake",
		.log = &test_log,
	};
	struct doorbell *w = NULL;

	skew_ms = 0;
	warnings = notes = 0;
	last_line[0] = '\0';
	CU_ASSERT_EQUAL(doorbell_new(&conf, &w), ST_OK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	return w;
}

static struct doorbell *doorbell_at(const struct peer *p)
{
	char listener[64];

	snprintf(listener, sizeof listener, "127.0.0.1:%u", peer_port(p));
	return doorbell_to(listener);
}

/* One turn of a poll loop; at most 20 ms, for conditions met by another thread. */
static void turn(struct doorbell *w)
{
	struct pollfd fd = { .fd = -1 };
	int64_t deadline = 0, wait;

	doorbell_pollfds(w, &fd, 1, &deadline);
	wait = deadline - now_ms();
	poll(&fd, 1, wait < 0 ? 0 : wait > 20 ? 20 : (int)wait);
	doorbell_run(w, now_ms());
}

#define TURN_UNTIL(w, condition)                         \
	do {                                                 \
		int64_t end = now_ms() - skew_ms + PATIENCE_MS;  \
		while (!(condition) && now_ms() - skew_ms < end) \
			turn(w);                                     \
		CU_ASSERT(condition);                            \
	} while (0)

/* Connected, and the ring that proves it has come back. */
static void settle(struct doorbell *w, struct bell *b)
{
	atomic_store(&b->confirms, w);
	TURN_UNTIL(w, notes == 1);
	CU_ASSERT_EQUAL(doorbell_state(w), DOORBELL_CONNECTED);
}

static void finish(struct doorbell *w, struct peer *p, struct bell *b)
{
	peer_stop(p); /* first: it may be confirming */
	atomic_store(&b->confirms, NULL);
	doorbell_free(w);
}

static void rings_arrive_and_are_confirmed(void)
{
	struct bell b = { 0 };
	struct peer *p = peer_start(&(struct peer_conf){ .serve = bell_serve, .ctx = &b });
	struct doorbell *w = doorbell_at(p);
	char text[300];

	CU_ASSERT_EQUAL(doorbell_state(w), DOORBELL_SEARCHING);
	settle(w, &b);
	CU_ASSERT_EQUAL(atomic_load(&b.rings), 1);
	doorbell_ring(w, now_ms());
	TURN_UNTIL(w, atomic_load(&b.rings) == 2);
	doorbell_status_text(w, text, sizeof text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "works over 127.0.0.1:"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "2 rings, 0 unconfirmed"));
	CU_ASSERT_EQUAL(warnings, 0);
	finish(w, p, &b);
	CU_ASSERT_STRING_EQUAL(b.last_topic, "$hubgate/wake");
}

static void rings_are_one_while_one_is_on_its_way(void)
{
	struct bell b = { 0 };
	struct peer *p = peer_start(&(struct peer_conf){ .serve = bell_serve, .ctx = &b });
	struct doorbell *w = doorbell_at(p);

	settle(w, &b);
	atomic_store(&b.confirms, NULL);
	for (int i = 0; i < 100; i++)
		doorbell_ring(w, now_ms());
	TURN_UNTIL(w, atomic_load(&b.rings) == 2);
	doorbell_confirm(w);
	doorbell_ring(w, now_ms());
	TURN_UNTIL(w, atomic_load(&b.rings) == 3);
	doorbell_confirm(w);
	finish(w, p, &b);
	CU_ASSERT_EQUAL(atomic_load(&b.rings), 3);
}

static void unconfirmed_ring_is_told_once_and_reconnects(void)
{
	struct bell b = { 0 };
	struct peer *p = peer_start(&(struct peer_conf){ .serve = bell_serve, .ctx = &b });
	struct doorbell *w = doorbell_at(p);
	char text[300];

	for (unsigned i = 1; i <= 3; i++) {
		TURN_UNTIL(w, atomic_load(&b.rings) == i);
		skew_ms += 1001;
		TURN_UNTIL(w, doorbell_state(w) == DOORBELL_SEARCHING);
		skew_ms += 1001;
	}
	CU_ASSERT_EQUAL(warnings, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_line, "plugin line first"));
	doorbell_status_text(w, text, sizeof text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "3 unconfirmed"));
	atomic_store(&b.confirms, w);
	TURN_UNTIL(w, notes == 1);
	finish(w, p, &b);
}

static void refused_login_is_told_with_the_fix_and_left_alone_for_a_minute(void)
{
	struct bell b = { .code = 5 };
	struct peer *p = peer_start(&(struct peer_conf){ .serve = bell_serve, .ctx = &b });
	struct doorbell *w = doorbell_at(p);

	TURN_UNTIL(w, warnings == 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_line, "CONNACK 5"));
	CU_ASSERT_PTR_NOT_NULL(strstr(last_line, "plugin line first"));
	for (int i = 0; i < 5; i++) {
		skew_ms += 10000;
		doorbell_run(w, now_ms());
	}
	CU_ASSERT_EQUAL(peer_accepted(p), 1);
	atomic_store(&b.code, 0);
	skew_ms += 10000;
	settle(w, &b);
	CU_ASSERT_EQUAL(peer_accepted(p), 2);
	finish(w, p, &b);
}

static void tls_listener_is_reached_after_plain_failed(void)
{
	static const struct cert_wish wish = { "broker", NULL, NULL, -DAY, DAY };
	struct bell b = { 0 };
	char *dir = certs_dir();
	struct doorbell *w;
	struct peer *p;

	certs_make(dir, &wish);
	p = peer_start(&(struct peer_conf){
		.cert = certs_path(dir, "broker", "pem"),
		.key = certs_path(dir, "broker", "key"),
		.serve = bell_serve,
		.ctx = &b,
	});
	w = doorbell_at(p);
	settle(w, &b);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_line, "(TLS)"));
	CU_ASSERT_EQUAL(peer_accepted(p), 2);
	atomic_store(&b.drops, true); /* and the next time TLS comes first */
	doorbell_ring(w, now_ms());
	TURN_UNTIL(w, warnings == 1);
	skew_ms += 1001;
	TURN_UNTIL(w, notes == 2);
	CU_ASSERT_EQUAL(peer_accepted(p), 3);
	finish(w, p, &b);
	certs_remove(dir);
}

static void silent_listener_is_given_up_after_two_seconds(void)
{
	struct bell b = { .silent = true };
	struct peer *p = peer_start(&(struct peer_conf){ .serve = bell_serve, .ctx = &b });
	struct doorbell *w = doorbell_at(p);

	TURN_UNTIL(w, atomic_load(&b.logins) == 1);
	CU_ASSERT_EQUAL(doorbell_state(w), DOORBELL_SEARCHING);
	skew_ms += 2001; /* plain is given up, TLS fails at once */
	TURN_UNTIL(w, warnings == 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_line, "lan.waker"));
	CU_ASSERT_EQUAL(atomic_load(&b.logins), 1);
	finish(w, p, &b);
}

static void deaf_listener_never_blocks(void)
{
	struct peer *p = peer_start(&(struct peer_conf){ .deaf = true });
	struct doorbell *w = doorbell_at(p);
	int64_t start = now_ms();

	while (warnings == 0 && now_ms() - skew_ms < start + PATIENCE_MS) {
		turn(w);
		skew_ms += 500;
	}
	CU_ASSERT_EQUAL(warnings, 1);
	doorbell_ring(w, now_ms());
	CU_ASSERT(now_ms() - skew_ms < start + PATIENCE_MS);
	doorbell_free(w);
	peer_stop(p);
}

static void lost_connection_comes_back(void)
{
	struct bell b = { 0 };
	struct peer *p = peer_start(&(struct peer_conf){ .serve = bell_serve, .ctx = &b });
	struct doorbell *w = doorbell_at(p);

	settle(w, &b);
	atomic_store(&b.drops, true);
	doorbell_ring(w, now_ms());
	TURN_UNTIL(w, doorbell_state(w) == DOORBELL_SEARCHING);
	CU_ASSERT_EQUAL(warnings, 0); /* the broker may be stopping */
	TURN_UNTIL(w, notes == 2);
	CU_ASSERT_EQUAL(warnings, 1);
	CU_ASSERT_EQUAL(doorbell_state(w), DOORBELL_CONNECTED);
	finish(w, p, &b);
}

static void a_broker_that_stops_is_no_trouble_and_one_that_stays_away_is_told(void)
{
	struct bell b = { 0 };
	struct peer *p = peer_start(&(struct peer_conf){ .serve = bell_serve, .ctx = &b });
	struct doorbell *w = doorbell_at(p);

	settle(w, &b);
	peer_stop(p);
	TURN_UNTIL(w, doorbell_state(w) == DOORBELL_SEARCHING);
	for (int i = 0; i < 20; i++) {
		skew_ms += 100;
		turn(w);
	}
	CU_ASSERT_EQUAL(warnings, 0);
	skew_ms += 2000;
	TURN_UNTIL(w, warnings == 1);
	atomic_store(&b.confirms, NULL);
	doorbell_free(w);
}

static void idle_connection_is_pinged_and_a_mute_broker_is_left(void)
{
	struct bell b = { 0 };
	struct peer *p = peer_start(&(struct peer_conf){ .serve = bell_serve, .ctx = &b });
	struct doorbell *w = doorbell_at(p);

	settle(w, &b);
	skew_ms += 30001;
	TURN_UNTIL(w, atomic_load(&b.pings) == 1);
	for (int i = 0; i < 3; i++)
		turn(w);
	skew_ms += 15000; /* the answer was taken, so this is no timeout */
	turn(w);
	CU_ASSERT_EQUAL(doorbell_state(w), DOORBELL_CONNECTED);
	atomic_store(&b.silent, true);
	skew_ms += 15001;
	TURN_UNTIL(w, atomic_load(&b.pings) == 2);
	skew_ms += 10001;
	TURN_UNTIL(w, warnings == 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_line, "ping"));
	finish(w, p, &b);
}

static void auto_finds_the_unix_socket_of_this_process(void)
{
	struct bell b = { 0 };
	char *dir = certs_dir();
	const char *path = certs_path(dir, "b", "sock");
	struct peer *p =
		peer_start(&(struct peer_conf){ .unix_path = path, .serve = bell_serve, .ctx = &b });
	struct doorbell *w = doorbell_to("auto");

	settle(w, &b);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_line, path));
	finish(w, p, &b);
	certs_remove(dir);
}

static void goodbye_is_said_when_freed(void)
{
	struct bell b = { 0 };
	struct peer *p = peer_start(&(struct peer_conf){ .serve = bell_serve, .ctx = &b });
	struct doorbell *w = doorbell_at(p);
	int64_t end;

	settle(w, &b);
	atomic_store(&b.confirms, NULL);
	doorbell_free(w);
	end = now_ms() + PATIENCE_MS;
	while (atomic_load(&b.goodbyes) == 0 && now_ms() < end)
		poll(NULL, 0, 1);
	CU_ASSERT_EQUAL(atomic_load(&b.goodbyes), 1);
	peer_stop(p);
}

static void off_polls_nothing_and_wrong_listeners_are_invalid(void)
{
	struct doorbell_conf conf = {
		.listener = "nonsense", .client_id = "c", .username = "u", .password = "p", .topic = "t"
	};
	struct doorbell *w = doorbell_to("off");
	struct pollfd fd;
	int64_t deadline = 0;

	CU_ASSERT_EQUAL(doorbell_pollfds(w, &fd, 1, &deadline), 0);
	CU_ASSERT_EQUAL(deadline, INT64_MAX);
	doorbell_run(w, now_ms());
	doorbell_ring(w, now_ms());
	CU_ASSERT_EQUAL(doorbell_state(w), DOORBELL_OFF);
	doorbell_free(w);
	CU_ASSERT_EQUAL(doorbell_new(&conf, &w), ST_INVALID);
	conf.listener = "auto";
	conf.topic = NULL;
	CU_ASSERT_EQUAL(doorbell_new(&conf, &w), ST_INVALID);
	doorbell_free(NULL);
}

static void only_local_peers_may_present_our_password(void)
{
	static const struct {
		const char *peer;
		bool ok;
	} cases[] = {
		{ NULL, true },
		{ "", true },
		{ "/run/mosquitto/b.sock", true },
		{ "127.0.0.1", true },
		{ "127.255.0.9", true },
		{ "::1", true },
		{ "::ffff:127.0.0.1", true },
		{ "128.0.0.1", false },
		{ "192.168.1.5", false },
		{ "::ffff:192.168.1.5", false },
		{ "fe80::1", false },
		{ "::", false },
		{ "127.0.0.1.evil", false },
		{ "localhost", false },
	};
	struct doorbell *w = doorbell_to("auto");

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		CU_ASSERT_EQUAL(doorbell_address_ok(w, cases[i].peer), cases[i].ok);
	doorbell_free(w);
}

static void search_leaves_a_wrong_answer_alone_for_a_minute(void)
{
	struct search *s = calloc(1, sizeof *s);
	struct candidate c = { 0 };
	struct listener only;

	CU_ASSERT_EQUAL(listener_parse("127.0.0.1:1", &only), ST_OK);
	doorbell_search_init(s, &only, NULL, 0);
	doorbell_search_begin(s);
	CU_ASSERT(doorbell_search_next(s, 0, &c) && !c.tls);
	doorbell_search_failed(s, &c, SEARCH_WRONG, 0);
	CU_ASSERT(doorbell_search_next(s, 0, &c) && c.tls);
	doorbell_search_worked(s, &c);
	doorbell_search_begin(s);
	CU_ASSERT(doorbell_search_next(s, 0, &c) && c.tls); /* what worked comes first */
	doorbell_search_failed(s, &c, SEARCH_WRONG, 0);
	CU_ASSERT(!doorbell_search_next(s, 0, &c));
	doorbell_search_begin(s);
	CU_ASSERT(!doorbell_search_next(s, SEARCH_KNOWN_MS - 1, &c));
	doorbell_search_begin(s);
	CU_ASSERT(doorbell_search_next(s, SEARCH_KNOWN_MS, &c) && c.tls);
	doorbell_search_failed(s, &c, SEARCH_UNREACHABLE, SEARCH_KNOWN_MS);
	CU_ASSERT(!doorbell_search_next(s, SEARCH_UNKNOWN_MS, &c)); /* no second knock in plain */
	doorbell_search_begin(s);
	doorbell_search_next(s, SEARCH_UNKNOWN_MS, &c);
	CU_ASSERT(doorbell_search_next(s, SEARCH_UNKNOWN_MS, &c) && !c.tls);
	free(s);
}

/* What is tried of port 1: 'p' in plain, 't' over TLS; '!' when all is closed. */
static const char *tries(const struct listener_hint *hint, bool fixed)
{
	static char told[4];
	struct search *s = calloc(1, sizeof *s);
	struct candidate c = { 0 };
	size_t n = 0;

	doorbell_search_init(s, NULL, hint, hint != NULL);
	CU_ASSERT_EQUAL(listener_parse("127.0.0.1:1", &s->list[0]), ST_OK);
	s->count = 1;
	s->fixed = fixed;
	while (doorbell_search_next(s, 0, &c))
		told[n++] = c.tls ? 't' : 'p';
	if (doorbell_search_shut(s))
		told[n++] = '!';
	told[n] = '\0';
	free(s);
	return told;
}

static void what_mosquitto_conf_says_of_a_port_saves_a_try(void)
{
	static const struct listener_hint tls = { 1, LISTENER_TLS }, psk = { 1, LISTENER_CLOSED },
									  plain = { 1, LISTENER_PLAIN }, other = { 2, LISTENER_TLS };

	CU_ASSERT_STRING_EQUAL(tries(NULL, false), "pt");
	CU_ASSERT_STRING_EQUAL(tries(&tls, false), "t");
	CU_ASSERT_STRING_EQUAL(tries(&plain, false), "p");
	CU_ASSERT_STRING_EQUAL(tries(&other, false), "pt");
	CU_ASSERT_STRING_EQUAL(tries(&psk, false), "!");
	CU_ASSERT_STRING_EQUAL(tries(&psk, true), "pt"); /* lan.waker: the user's word */
}

/* --- two threads --- */

struct letters { /* numbers on their way to BROKER */
	struct mailbox *box;
	atomic_int last, disorder;
};

static void take_letters(void *ctx)
{
	struct letters *l = ctx;
	int got;

	while (mailbox_take(l->box, &got) == ST_OK) {
		atomic_fetch_add(&l->disorder, got != atomic_load(&l->last) + 1);
		atomic_store(&l->last, got);
	}
	for (volatile int i = 0; i < AFTERWARDS; i++) /* BROKER does more than that in its drain */
		;
}

/* What BROKER still does not have after all this time was left lying. The rings were written. */
static bool emptied(struct letters *l)
{
	int64_t end = now_ms() + LOST_MS;

	while (mailbox_count(l->box) > 0) {
		if (now_ms() > end)
			return false;
	}
	return true;
}

static void nothing_put_while_the_broker_drains_is_left_lying(void)
{
	struct letters l = { 0 };
	struct bell b = { .drain = take_letters, .ctx = &l };
	struct peer *p = peer_start(&(struct peer_conf){ .serve = bell_serve, .ctx = &b });
	struct doorbell *w = doorbell_at(p);
	int64_t end;
	int n = 0;
	bool ok = true;

	CU_ASSERT_EQUAL_FATAL(mailbox_new(sizeof n, BOX, &l.box), ST_OK);
	settle(w, &b);
	end = now_ms() + STRESS_MS;
	while (ok && n < LETTERS && (n <= LETTERS_LEAST || now_ms() < end)) {
		n++;
		CU_ASSERT_EQUAL(mailbox_put(l.box, &n, NULL), ST_OK);
		doorbell_ring(w, now_ms());
		ok = ok && emptied(&l); /* and at once the next one, while BROKER still drains */
	}
	CU_ASSERT(ok && emptied(&l));
	CU_ASSERT_EQUAL(warnings, 0);
	finish(w, p, &b);
	CU_ASSERT_EQUAL(atomic_load(&l.last), n);
	CU_ASSERT_EQUAL(atomic_load(&l.disorder), 0);
	mailbox_free(l.box, NULL);
}

static void more_filters_than_the_buffer_holds_are_watched(void)
{
	struct bell b = { 0 };
	struct peer *p = peer_start(&(struct peer_conf){ .serve = bell_serve, .ctx = &b });
	struct doorbell *w = doorbell_at(p);
	char filter[64];

	for (int i = 0; i < FILTERS; i++) {
		snprintf(filter, sizeof filter, "a/topic/that/is/about/as/long/as/they/are/%d", i);
		CU_ASSERT_EQUAL(doorbell_watch(w, filter), ST_OK);
	}
	settle(w, &b);
	CU_ASSERT_EQUAL(atomic_load(&b.subscribes), FILTERS);
	CU_ASSERT_EQUAL(warnings, 0);
	finish(w, p, &b);
}

SUITE(doorbell, TEST(rings_arrive_and_are_confirmed), TEST(rings_are_one_while_one_is_on_its_way),
      TEST(unconfirmed_ring_is_told_once_and_reconnects),
      TEST(refused_login_is_told_with_the_fix_and_left_alone_for_a_minute),
      TEST(tls_listener_is_reached_after_plain_failed),
      TEST(silent_listener_is_given_up_after_two_seconds), TEST(deaf_listener_never_blocks),
      TEST(lost_connection_comes_back), TEST(idle_connection_is_pinged_and_a_mute_broker_is_left),
      TEST(auto_finds_the_unix_socket_of_this_process), TEST(goodbye_is_said_when_freed),
      TEST(off_polls_nothing_and_wrong_listeners_are_invalid),
      TEST(only_local_peers_may_present_our_password),
      TEST(search_leaves_a_wrong_answer_alone_for_a_minute),
      TEST(nothing_put_while_the_broker_drains_is_left_lying),
      TEST(more_filters_than_the_buffer_holds_are_watched),
      TEST(a_broker_that_stops_is_no_trouble_and_one_that_stays_away_is_told),
      TEST(what_mosquitto_conf_says_of_a_port_saves_a_try))
