/* Connecting to the hub, logging in, losing the link and coming back. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bridge/uplink/uplink_impl.h"
#include "core/base/clocks.h"
#include "shadowstore/file/store_file.h"

enum {
	SHORT_LIFE_MS = 5000, /* docs/protocol/connection.md 6: lost this soon ... */
	SHORT_LIVES = 3,      /* ... this often in a row: somebody has our identity */
	LASTING_MS = 30000,   /* a login that lasted this long forgives failures */
};

void connect_move(struct uplink *u, enum uplink_state to)
{
	enum uplink_state from = mail_state(&u->mail);

	if (from == to)
		return;
	if (!uplink_move_legal(from, to))
		log_line(&u->log, LOG_ERROR, "internal: uplink went from %s to %s", uplink_state_text(from),
		         uplink_state_text(to));
	atomic_store(&u->mail.state, (int)to);
	metric_set(u->conf.metrics, M_UPLINK_STATE, (uint64_t)to);
}

/* --- the time of the last connect outlives the process --- */

/* The hub counts connects, not processes: a broker that is restarted in a loop
 * must not connect faster than one that runs (docs/protocol/limits.md). */
static bool stamp_path(const struct uplink *u, char *out, size_t size)
{
	return u->conf.state_dir &&
	       snprintf(out, size, "%s/last-connect", u->conf.state_dir) < (int)size;
}

static void stamp_connect(struct uplink *u)
{
	char path[4200];
	int fd;

	if (!stamp_path(u, path, sizeof(path)))
		return;
	fd = store_file_open(AT_FDCWD, path, O_WRONLY | O_CREAT);
	if (fd < 0 && !u->stamp_failed)
		log_line(&u->log, LOG_WARN,
		         "%s cannot be written: %s; after a restart the gateway may connect sooner than "
		         "hub.min_reconnect_s",
		         path, store_file_why(errno));
	u->stamp_failed = fd < 0;
	if (fd < 0)
		return;
	futimens(fd, NULL);
	close(fd);
}

/* Milliseconds until a connect is allowed again, 0 when it is. A stamp from the
 * future (the clock was set back) means at most one whole pause. */
static int64_t stamp_wait_ms(const struct uplink *u)
{
	int64_t floor_ms = INT64_C(1000) * u->conf.min_reconnect_s;
	char path[4200];
	struct stat info;
	int64_t now_ms = clocks_realtime_ms(), age_ms;

	if (!stamp_path(u, path, sizeof(path)) || lstat(path, &info) != 0)
		return 0;
	/* A file may carry any time at all. */
	if (info.st_mtim.tv_sec > now_ms / 1000)
		return floor_ms;
	if (info.st_mtim.tv_sec < now_ms / 1000 - (time_t)u->conf.min_reconnect_s)
		return 0;
	age_ms = now_ms - (int64_t)info.st_mtim.tv_sec * 1000 - info.st_mtim.tv_nsec / 1000000;
	if (age_ms < 0)
		return floor_ms;
	return age_ms < floor_ms ? floor_ms - age_ms : 0;
}

void connect_init(struct uplink *u, int64_t now_ms)
{
	u->down_since_ms = now_ms;
	view_moved(&u->view, now_ms);
	u->next_attempt_ms = now_ms + stamp_wait_ms(u);
	connect_move(u, UPLINK_WAITING);
}

/* --- connecting --- */

static void random_connid(char out[CONNID_LEN + 1])
{
	unsigned char bytes[CONNID_LEN];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		memset(bytes, (int)(clocks_monotonic_us() & 0x7f), sizeof(bytes));
	credential_connid(bytes, out);
}

/* A new connid and signature for every attempt (docs/protocol/connection.md 9). */
static enum status login_strings(const struct uplink *u, char username[USERNAME_MAX + 1],
                                 char password[PASSWORD_MAX + 1])
{
	char connid[CONNID_LEN + 1];
	enum status st;

	random_connid(connid);
	st = credential_username(u->conf.product_id, u->conf.device_name, connid, 0, username);
	if (st == ST_OK && u->conf.secret)
		st = credential_password(u->conf.secret, username, HASH_SHA256, password);
	return st;
}

static enum status open_session(struct uplink *u, int64_t now_ms)
{
	const struct uplink_conf *c = &u->conf;
	char username[USERNAME_MAX + 1], password[PASSWORD_MAX + 1];
	const struct session_conf conf = {
		.transport = {
			.host = c->host,
			.address = c->address,
			.port = c->port,
			.tls = c->tls,
			.verify = c->verify,
			.verify_host = c->verify_host,
			.ca_file = c->ca_file,
			.cert_file = c->cert_file,
			.key_file = c->key_file,
			.attempt_ms = c->connect_timeout_s * 1000,
		},
		.client_id = u->client_id,
		.username = username,
		.password = c->secret ? password : NULL,
		.keepalive_s = c->keepalive_s,
		.clean_session = c->clean_session,
		.answer_ms = c->request_timeout_s * 1000,
	};
	enum status st = login_strings(u, username, password);

	if (st == ST_OK) {
		atomic_store(&u->mail.leads_here, false);
		shared_text_set(&u->mail.login, username);
		st = session_open(&conf, now_ms, &u->session);
	}
	explicit_bzero(password, sizeof(password));
	return st;
}

/* From when on the pause to the next attempt counts. */
static void count_attempt(struct uplink *u, int64_t now_ms)
{
	u->attempt_ms = now_ms;
	stamp_connect(u);
}

static void start_attempt(struct uplink *u, int64_t now_ms)
{
	enum status st;

	count_attempt(u, now_ms);
	metric_add(u->conf.metrics, M_CONNECTS, 1);
	connect_move(u, UPLINK_CONNECTING);
	st = open_session(u, now_ms);
	if (st != ST_OK)
		connect_lost(u, st, now_ms);
}

/* --- logged in --- */

static void keep_id(void *ctx, uint16_t packet_id)
{
	packet_ids_keep(ctx, packet_id);
}

static void keep_ids_of_resumed(struct uplink *u)
{
	struct table_at at;

	packet_ids_clear(&u->ids);
	for (struct table_node *n = table_first(&u->gateway.devices, &at); n;
	     n = table_next(&u->gateway.devices, &at))
		outbox_each_id(&table_entry(n, struct subdev, node)->outbox, keep_id, &u->ids);
}

static void logged_in(struct uplink *u, int64_t now_ms)
{
	u->epoch++;
	u->login_ms = now_ms;
	count_attempt(u, now_ms); /* when it saw the CONNECT only the hub knows: not after its answer */
	metric_add(u->conf.metrics, M_LOGINS, 1);
	if (session_resumed(u->session))
		keep_ids_of_resumed(u);
	else
		packet_ids_clear(&u->ids);
	u->prepare_id = packet_ids_take(&u->ids);
	u->prepare_due_ms = now_ms + INT64_C(1000) * u->conf.request_timeout_s;
	connect_move(u, UPLINK_PREPARING);
	/* What the last connection left unheard may be arriving just now. */
	u->heard = session_heard(u->session);
	bucket_pause(&u->bucket, clocks_monotonic_us(), stall_guard_reset(&u->stall_guard));
	bucket_take(&u->bucket, clocks_monotonic_us());
	session_subscribe(u->session, u->prepare_id, u->result_topic, 1);
}

/* False: logged since the hub was last reached. */
static bool is_news(struct uplink *u, const char *reason)
{
	uint64_t hash = table_hash(0, reason, strlen(reason));

	for (unsigned i = 0; i < u->reason_count && i < REASONS_MAX; i++) {
		if (u->reasons[i] == hash)
			return false;
	}
	u->reasons[u->reason_count++ % REASONS_MAX] = hash;
	return true;
}

static void say_connected(struct uplink *u, int64_t now_ms)
{
	u->up_unsaid = false;
	log_line(&u->log, LOG_NOTE, "connected to the hub %s (%s session) after %" PRId64 " s",
	         session_peer(u->session), session_resumed(u->session) ? "resumed" : "new",
	         (now_ms - u->down_since_ms) / 1000);
	u->reason_count = 0;
}

/* The gateway's own channel answered: from here on requests are answered too. */
void connect_prepared(struct uplink *u, uint8_t code, int64_t now_ms)
{
	packet_ids_release(&u->ids, u->prepare_id);
	u->prepare_id = 0;
	if (code == MQTT_SUBACK_FAILURE) {
		if (is_news(u, "gateway topic refused"))
			log_line(&u->log, LOG_ERROR,
			         "the hub refuses %s: is the product of the gateway a gateway product?",
			         u->result_topic);
		connect_lost(u, ST_DENIED, now_ms);
		return;
	}
	/* A stop may have begun meanwhile; what is to be taken offline still is. */
	if (mail_state(&u->mail) != UPLINK_LEAVING)
		connect_move(u, UPLINK_READY);
	view_moved(&u->view, now_ms);
	view_reason(&u->view, "", "");
	u->up_unsaid = u->short_lives >= SHORT_LIVES;
	if (!u->up_unsaid)
		say_connected(u, now_ms);
	receive_tell(u, UPLINK_CONNECTED, u->client_id, session_resumed(u->session));
	gateway_link_up(&u->gateway, session_resumed(u->session), now_ms);
}

/* --- lost --- */

/* Why the hub is lost, and what mends it, which may be "". */
struct loss {
	char reason[REASON_MAX];
	const char *fix; /* static */
};

/* docs/protocol/connection.md 5. */
static const struct {
	const char *what, *fix;
} refusals[] = {
	{ "unknown reason", "" },
	{ "it does not speak MQTT 3.1.1", "check hub.host and hub.port" },
	{ "client id rejected", "check gateway.product_id and gateway.device_name" },
	{ "server unavailable", "" },
	{ "bad user name or password", "check gateway.secret and that the device exists" },
	{ "not authorised", "check gateway.secret, and that the device is enabled in the console" },
};

static void refused(struct loss *l, uint8_t code)
{
	size_t i = code < sizeof(refusals) / sizeof(refusals[0]) ? code : 0;

	snprintf(l->reason, sizeof(l->reason), "login refused with code %u, %s", code,
	         refusals[i].what);
	l->fix = refusals[i].fix;
}

/* What broke on the way there says itself what it is; what to look at depends on how far it came.
 */
static void broken(struct loss *l, const char *error)
{
	static const struct {
		const char *part, *fix;
	} fixes[] = {
		{ "name does not resolve", "check hub.host and the DNS of this machine" },
		{ "certificate refused", "check hub.ca_file, hub.host and the clock of this machine" },
		{ "TLS", "check hub.port and hub.tls, and that nothing on the way ends TLS" },
		{ "refused the login", "check gateway.secret" },
		{ "does not answer the login", "check hub.host and hub.port, or ask the hub's operator" },
		{ "connecting not finished", "check that a firewall lets this machine out to the hub" },
		{ "refused", "check hub.host and hub.port" },
		{ "unreachable", "check the network of this machine" },
	};

	snprintf(l->reason, sizeof(l->reason), "%s", error);
	for (size_t i = 0; i < sizeof(fixes) / sizeof(fixes[0]); i++) {
		if (strstr(error, fixes[i].part)) {
			l->fix = fixes[i].fix;
			return;
		}
	}
}

/* False: nothing but that it is over. */
static bool find_loss(struct uplink *u, struct loss *l)
{
	uint8_t code = u->session ? session_refusal(u->session) : 0;

	l->fix = "";
	if (code != 0 && atomic_load(&u->mail.leads_here)) {
		snprintf(l->reason, sizeof(l->reason), "its name leads back to this very broker");
		l->fix = "set hub.address to the hub's own address, or mend the DNS of this machine";
	} else if (code != 0) {
		refused(l, code);
	} else if (u->session && session_error(u->session)[0]) {
		broken(l, session_error(u->session));
	} else if (u->prepare_id != 0) {
		snprintf(l->reason, sizeof(l->reason),
		         "it accepts the login but does not answer a subscription");
	} else if (u->reason_count > 0) {
		return false;
	} else {
		snprintf(l->reason, sizeof(l->reason), "no connection could be started");
	}
	return true;
}

/* One line for every reason of an outage, however the reasons alternate. */
static void log_lost(struct uplink *u, int64_t wait_ms)
{
	struct loss l;

	if (!find_loss(u, &l))
		return;
	view_reason(&u->view, l.reason, l.fix);
	if (!is_news(u, l.reason))
		return;
	log_line(&u->log, LOG_WARN,
	         "hub %s:%u: %s%s%s; messages wait, next attempt in %" PRId64
	         " s, then on with growing pauses",
	         u->conf.host, u->conf.port, l.reason, l.fix[0] ? "; " : "", l.fix,
	         (wait_ms + 999) / 1000);
}

/* When the next attempt may start, counted from the start of the last. for_message: the hub closed
 * on a message, which does not go again like that; nobody else is to blame. */
static int64_t pause_ms(struct uplink *u, enum status why, bool for_message, int64_t now_ms)
{
	bool was_in = u->login_ms != 0;
	bool short_life = was_in && now_ms - u->login_ms < SHORT_LIFE_MS;

	/* Wrong credentials stay wrong: docs/protocol/connection.md 5. */
	if (why == ST_DENIED)
		return backoff_longest_ms(&u->backoff);
	short_life = short_life && !for_message;
	u->short_lives = short_life ? u->short_lives + 1 : was_in ? 0 : u->short_lives;
	if (u->short_lives == SHORT_LIVES)
		log_line(&u->log, LOG_ERROR,
		         "the hub dropped %u connections in a row right after login: does another "
		         "device or program use the identity %s?",
		         SHORT_LIVES, u->client_id);
	if (u->short_lives >= SHORT_LIVES)
		return backoff_longest_ms(&u->backoff);
	if (was_in && now_ms - u->login_ms >= LASTING_MS)
		backoff_reset(&u->backoff);
	if (was_in && !short_life)
		return INT64_C(1000) * u->conf.min_reconnect_s;
	return backoff_next_ms(&u->backoff);
}

void connect_lost(struct uplink *u, enum status why, int64_t now_ms)
{
	bool for_message = judge_lost(u, why, now_ms);
	int64_t due_ms = u->attempt_ms + pause_ms(u, why, for_message, now_ms);

	u->next_attempt_ms = due_ms > now_ms ? due_ms : now_ms;
	if (mail_state(&u->mail) == UPLINK_READY) {
		u->down_since_ms = now_ms;
		view_moved(&u->view, now_ms);
		receive_tell(u, UPLINK_DISCONNECTED, u->client_id, 0);
	}
	log_lost(u, u->next_attempt_ms - now_ms);
	session_close(u->session, why == ST_TIMEOUT ? SESSION_ABORT : SESSION_PLAIN);
	u->session = NULL;
	u->up_unsaid = false;
	u->login_ms = 0;
	u->prepare_id = 0;
	u->paused = false;
	if (why == ST_CLOSED)
		gateway_closed(&u->gateway, now_ms);
	gateway_link_down(&u->gateway, now_ms);
	connect_move(u, UPLINK_WAITING);
}

/* --- every turn --- */

void connect_run(struct uplink *u, int64_t now_ms)
{
	enum status st;

	if (!u->session) {
		if (mail_state(&u->mail) == UPLINK_WAITING && now_ms >= u->next_attempt_ms &&
		    !atomic_load(&u->mail.stopping))
			start_attempt(u, now_ms);
		return;
	}
	st = session_run(u->session, now_ms, flight_oldest_ms(&u->flight));
	if (st != ST_OK) {
		connect_lost(u, st, now_ms);
		return;
	}
	if (session_phase(u->session) == SESSION_LOGIN && mail_state(&u->mail) == UPLINK_CONNECTING) {
		/* The hub counts from here, however long it took to get through to it. */
		count_attempt(u, now_ms);
		connect_move(u, UPLINK_LOGIN);
	}
	if (session_phase(u->session) == SESSION_UP && u->login_ms == 0) {
		connect_move(u, UPLINK_LOGIN);
		logged_in(u, now_ms);
	}
	if (u->up_unsaid && now_ms - u->login_ms >= SHORT_LIFE_MS)
		say_connected(u, now_ms);
	if (u->prepare_id != 0 && now_ms >= u->prepare_due_ms)
		connect_lost(u, ST_TIMEOUT, now_ms);
}

int64_t connect_deadline(const struct uplink *u)
{
	int64_t due_ms;

	if (!u->session)
		return mail_state(&u->mail) == UPLINK_WAITING ? u->next_attempt_ms : INT64_MAX;
	due_ms = session_deadline(u->session, flight_oldest_ms(&u->flight));
	if (u->up_unsaid && u->login_ms + SHORT_LIFE_MS < due_ms)
		due_ms = u->login_ms + SHORT_LIFE_MS;
	return u->prepare_id != 0 && u->prepare_due_ms < due_ms ? u->prepare_due_ms : due_ms;
}
