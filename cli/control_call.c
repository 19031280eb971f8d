#include "cli/control_call.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "cli/text.h"
#include "cli/way_in.h"
#include "core/json/json.h"

#define TOPIC    "$CONTROL/hubgate/v1"
#define RESPONSE "$CONTROL/hubgate/v1/response"

enum {
	KEEPALIVE_S = 60,
	LOOP_MS = 100,
	PAGES_MAX = 10000,
	ID_MAX = 64
};

/* An answer has at most 64 KiB; a shadow's document stands in one. */
static const struct json_limits limits = { .bytes = 1 << 20, .depth = 64, .values = 100000 };

enum reached { /* what the broker has said yes to */
	REACHED_NOTHING,
	REACHED_LOGIN,
	REACHED_ANSWERS, /* subscribed */
	REACHED_BROKER   /* has the command */
};

struct control_call {
	const struct cli_command *command;
	char *why; /* borrowed; NULL: told */
	struct way_in login;
	long timeout_s;
	int version; /* MQTT_PROTOCOL_... */
	struct mosquitto *client;
	enum reached reached;
	int refused;     /* reason code of MQTT 5; 0: nothing was */
	bool lost;       /* the connection ended */
	char id[ID_MAX]; /* of the command that was asked last */
	unsigned long asked;
	cJSON *responses; /* owned: what came for it, in order */
};

/* --- what goes wrong --- */

__attribute__((format(printf, 2, 3))) static int fails(const struct control_call *call,
                                                       const char *format, ...)
{
	char text[WAY_IN_WHY_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (!call->why)
		return cli_failed(call->command, "%s", text);
	snprintf(call->why, WAY_IN_WHY_MAX, "%s", text);
	return CLI_FAILED;
}

static int no_broker(const struct control_call *call, int rc)
{
	const char *cause = rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc);

	return fails(
		call,
		"no broker answers at %s: %s; does it run (systemctl status mosquitto)? Is it another "
		"place: -p PORT, -h HOST, --unix PATH",
		call->login.place, cause);
}

static const char *reason_text(int code)
{
	return code < 128 ? mosquitto_connack_string(code) : mosquitto_reason_string(code);
}

/* Of a broker that speaks MQTT 3.1.1 alone the codes are others. */
static bool is_wrong_login(int code)
{
	return code == MQTT_RC_NOT_AUTHORIZED || code == MQTT_RC_BAD_USERNAME_OR_PASSWORD ||
	       code == CONNACK_REFUSED_NOT_AUTHORIZED || code == CONNACK_REFUSED_BAD_USERNAME_PASSWORD;
}

/* A listener may be closed to MQTT 5 (accept_protocol_versions): then 3.1.1 serves, with refusals
 * that have no reason. */
static bool wants_older(const struct control_call *call)
{
	return call->version == MQTT_PROTOCOL_V5 &&
	       (call->refused == MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION ||
	        call->refused == CONNACK_REFUSED_PROTOCOL_VERSION);
}

static int not_let_in(const struct control_call *call)
{
	const char *place = call->login.place, *reason = reason_text(call->refused);

	if (wants_older(call))
		return CLI_FAILED; /* is tried */
	if (call->refused == MQTT_RC_CLIENTID_NOT_VALID)
		return fails(call,
		             "the broker at %s refuses our client id (%s): clientid_prefixes in "
		             "mosquitto.conf keeps the command out; use another listener, or take it away",
		             place, reason);
	if (!is_wrong_login(call->refused))
		return fails(call, "the broker at %s does not let the command in: %s", place, reason);
	if (call->login.by_token)
		return fails(
			call,
			"the broker at %s refuses the token of store.dir (%s): it was started anew just "
			"now, or another broker listens there, or hubgate is not loaded in it (plugin line "
			"of mosquitto.conf); try again, then hubgate check",
			place, reason);
	return fails(call, "the broker at %s refuses %s%s: %s", place,
	             call->login.username ? "user name or password of " : "this certificate",
	             call->login.username ? call->login.username : "", reason);
}

static int no_right(const struct control_call *call)
{
	return fails(call,
	             "%s has no right to ask hubgate (%s): give the user name a role in apps[] of "
	             "hubgate.json (\"role\": \"viewer\" or \"operator\"), or call as root without -u",
	             call->login.username ? call->login.username : "this login",
	             mosquitto_reason_string(call->refused));
}

static int silent(const struct control_call *call)
{
	static const char *const what[] = {
		[REACHED_NOTHING] = "takes the connection, but does not answer the login",
		[REACHED_LOGIN] = "does not answer a subscription",
		[REACHED_ANSWERS] = "does not acknowledge the command",
	};

	if (call->reached == REACHED_BROKER)
		return fails(
			call,
			"no answer from hubgate in %ld s: it is not loaded in the broker at %s (plugin line "
			"of mosquitto.conf; hubgate check), or older than this command, or what was asked "
			"for takes longer (--timeout)",
			call->timeout_s, call->login.place);
	return fails(call, "the broker at %s %s within %ld s", call->login.place, what[call->reached],
	             call->timeout_s);
}

/* --- libmosquitto's callbacks --- */

static void on_connect(struct mosquitto *m, void *ctx, int code, int flags,
                       const mosquitto_property *properties)
{
	struct control_call *call = ctx;

	(void)m;
	(void)flags;
	(void)properties;
	call->refused = code;
	if (code == 0)
		call->reached = REACHED_LOGIN;
}

static void on_disconnect(struct mosquitto *m, void *ctx, int code,
                          const mosquitto_property *properties)
{
	struct control_call *call = ctx;

	(void)m;
	(void)code;
	(void)properties;
	call->lost = true;
}

static void on_subscribe(struct mosquitto *m, void *ctx, int id, int count, const int *granted,
                         const mosquitto_property *properties)
{
	struct control_call *call = ctx;

	(void)m;
	(void)id;
	(void)properties;
	if (count == 1 && granted[0] >= 128)
		call->refused = granted[0];
	else
		call->reached = REACHED_ANSWERS;
}

/* "No matching subscribers" is no refusal. */
static void on_publish(struct mosquitto *m, void *ctx, int id, int code,
                       const mosquitto_property *properties)
{
	struct control_call *call = ctx;

	(void)m;
	(void)id;
	(void)properties;
	if (code >= 128)
		call->refused = code;
	else
		call->reached = REACHED_BROKER;
}

/* Answers to what was asked before come late: they are nobody's. */
static void take_responses(struct control_call *call, cJSON *list)
{
	cJSON *one;

	while ((one = cJSON_DetachItemFromArray(list, 0))) {
		const char *id = json_text(one, "correlationData");

		if (!id || strcmp(id, call->id) != 0 || !cJSON_AddItemToArray(call->responses, one))
			cJSON_Delete(one);
	}
}

static void on_message(struct mosquitto *m, void *ctx, const struct mosquitto_message *msg,
                       const mosquitto_property *properties)
{
	struct control_call *call = ctx;
	cJSON *root = NULL;

	(void)m;
	(void)properties;
	if (msg->payloadlen <= 0 || strcmp(msg->topic, RESPONSE) != 0 ||
	    json_parse_message(msg->payload, (size_t)msg->payloadlen, &limits, &root) != ST_OK)
		return;
	if (cJSON_IsArray(json_member(root, "responses")))
		take_responses(call, cJSON_GetObjectItemCaseSensitive(root, "responses"));
	cJSON_Delete(root);
}

/* --- waiting --- */

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* One look at the connection. CLI_OK: it stands; nothing refused. */
static int look(struct control_call *call, long long until_ms,
                int (*refusal)(const struct control_call *))
{
	long long left = until_ms - now_ms();
	int rc = mosquitto_loop(call->client, left < 0 ? 0 : left < LOOP_MS ? (int)left : LOOP_MS, 1);

	if (call->refused)
		return refusal(call);
	if (rc != MOSQ_ERR_SUCCESS || call->lost)
		return fails(call, "the broker at %s ended the connection: %s", call->login.place,
		             rc == MOSQ_ERR_SUCCESS ? "no reason given" : mosquitto_strerror(rc));
	return CLI_OK;
}

static int await(struct control_call *call, enum reached wanted,
                 int (*refusal)(const struct control_call *))
{
	long long until_ms = now_ms() + call->timeout_s * 1000;
	int code = CLI_OK;

	while (code == CLI_OK && call->reached < wanted) {
		if (now_ms() >= until_ms)
			return silent(call);
		code = look(call, until_ms, refusal);
	}
	return code;
}

/* --- the connection --- */

/* A connect that nobody answers is ended by a signal: libmosquitto waits for it. */
static void on_alarm(int signal)
{
	(void)signal;
}

static int dial(struct control_call *call)
{
	struct sigaction ring = { .sa_handler = on_alarm }, before;
	int rc;

	sigaction(SIGALRM, &ring, &before);
	alarm((unsigned)call->timeout_s);
	errno = 0;
	rc = mosquitto_connect(call->client, call->login.host, call->login.port, KEEPALIVE_S);
	if (errno == EINTR)
		errno = ETIMEDOUT;
	alarm(0);
	sigaction(SIGALRM, &before, NULL);
	return rc == MOSQ_ERR_SUCCESS ? CLI_OK : no_broker(call, rc);
}

static int use_tls(struct control_call *call)
{
	const struct way_in *l = &call->login;
	int rc = MOSQ_ERR_SUCCESS;

	if (!l->cafile)
		rc = mosquitto_int_option(call->client, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
	if (rc == MOSQ_ERR_SUCCESS && (l->cafile || l->cert))
		rc = mosquitto_tls_set(call->client, l->cafile, l->cafile ? NULL : "/etc/ssl/certs",
		                       l->cert, l->key, NULL);
	if (rc == MOSQ_ERR_SUCCESS && l->unverified) {
		rc = mosquitto_tls_opts_set(call->client, 0, NULL, NULL);
		mosquitto_tls_insecure_set(call->client, true);
	}
	return rc == MOSQ_ERR_SUCCESS ? CLI_OK
	                              : fails(call, "--cafile, --cert or --key cannot be used: %s",
	                                      mosquitto_strerror(rc));
}

static int set_up(struct control_call *call)
{
	unsigned char drawn[4] = { 0 };
	char id[ID_MAX + WAY_IN_PREFIX_MAX];

	(void)!getrandom(drawn, sizeof drawn, 0);
	snprintf(id, sizeof id, "%shubgate-%ld-%02x%02x%02x%02x", call->login.id_prefix, (long)getpid(),
	         drawn[0], drawn[1], drawn[2], drawn[3]);
	call->client = mosquitto_new(id, true, call);
	call->responses = cJSON_CreateArray();
	if (!call->client || !call->responses)
		return fails(call, "no memory");
	mosquitto_int_option(call->client, MOSQ_OPT_PROTOCOL_VERSION, call->version);
	mosquitto_username_pw_set(call->client, call->login.username, call->login.password);
	mosquitto_connect_v5_callback_set(call->client, on_connect);
	mosquitto_disconnect_v5_callback_set(call->client, on_disconnect);
	mosquitto_subscribe_v5_callback_set(call->client, on_subscribe);
	mosquitto_publish_v5_callback_set(call->client, on_publish);
	mosquitto_message_v5_callback_set(call->client, on_message);
	return call->login.tls ? use_tls(call) : CLI_OK;
}

/* Until the broker's CONNACK, whatever it says. */
static int knock(struct control_call *call)
{
	int code = set_up(call);

	if (code == CLI_OK)
		code = dial(call);
	return code == CLI_OK ? await(call, REACHED_LOGIN, not_let_in) : code;
}

static void begin_anew(struct control_call *call)
{
	mosquitto_destroy(call->client);
	cJSON_Delete(call->responses);
	call->client = NULL;
	call->responses = NULL;
	call->refused = 0;
	call->lost = false;
	call->version = MQTT_PROTOCOL_V311;
}

static int log_in(struct control_call *call)
{
	int code;

	call->version = MQTT_PROTOCOL_V5;
	code = knock(call);
	if (code != CLI_OK && wants_older(call)) {
		begin_anew(call);
		code = knock(call);
	}
	if (code == CLI_OK && mosquitto_subscribe(call->client, NULL, RESPONSE, 1) != MOSQ_ERR_SUCCESS)
		code = fails(call, "no memory");
	return code == CLI_OK ? await(call, REACHED_ANSWERS, no_right) : code;
}

int control_call_open(const struct cli_command *c, const struct control_link *link, char *why,
                      struct control_call **out)
{
	char found[WAY_IN_WHY_MAX];
	struct control_call *call = calloc(1, sizeof *call);
	int code;

	if (!call)
		return cli_failed(c, "no memory");
	call->command = c;
	call->why = why;
	call->timeout_s = link->timeout_s;
	mosquitto_lib_init();
	if (way_in_find(link, &call->login, found) == ST_OK)
		code = log_in(call);
	else
		code = fails(call, "%s", found);
	if (code == CLI_OK)
		*out = call;
	else
		control_call_close(call);
	return code;
}

void control_call_close(struct control_call *call)
{
	if (!call)
		return;
	if (call->client) {
		mosquitto_disconnect(call->client);
		mosquitto_loop(call->client, 0, 1);
		mosquitto_destroy(call->client);
	}
	mosquitto_lib_cleanup();
	cJSON_Delete(call->responses);
	explicit_bzero(&call->login, sizeof call->login);
	free(call);
}

/* --- commands --- */

static bool add_command(cJSON *root, const char *name, const char *id, cJSON *members)
{
	cJSON *list = cJSON_AddArrayToObject(root, "commands");

	return list && members && cJSON_AddStringToObject(members, "command", name) &&
	       cJSON_AddStringToObject(members, "correlationData", id) &&
	       cJSON_AddItemToArray(list, members);
}

/* Caller frees; NULL: no memory. Takes members. */
static char *request(const char *name, const char *id, cJSON *members)
{
	cJSON *root = cJSON_CreateObject();
	char *text = NULL;

	if (!members)
		members = cJSON_CreateObject();
	if (root && add_command(root, name, id, members))
		text = cJSON_PrintUnformatted(root);
	else
		cJSON_Delete(members);
	cJSON_Delete(root);
	return text;
}

static int send_command(struct control_call *call, const char *name, cJSON *members)
{
	char *text;
	int rc;

	snprintf(call->id, sizeof call->id, "%lu", ++call->asked);
	text = request(name, call->id, members);
	if (!text)
		return fails(call, "no memory");
	call->reached = REACHED_ANSWERS;
	rc = mosquitto_publish(call->client, NULL, TOPIC, (int)strlen(text), text, 1, false);
	free(text);
	return rc == MOSQ_ERR_SUCCESS ? CLI_OK : fails(call, "%s", mosquitto_strerror(rc));
}

/* The next answer to the last command; *out NULL: none by then. The caller's. */
static int next_response(struct control_call *call, long long until_ms, cJSON **out)
{
	int code = CLI_OK;

	*out = cJSON_DetachItemFromArray(call->responses, 0);
	while (code == CLI_OK && !*out && now_ms() < until_ms) {
		code = look(call, until_ms, no_right);
		*out = cJSON_DetachItemFromArray(call->responses, 0);
	}
	/* An answer that came just before the end counts. */
	return *out ? CLI_OK : code;
}

/* Takes the response apart. */
static int open_response(const struct control_call *call, cJSON *response, cJSON **data)
{
	const cJSON *error = json_member(response, "error");
	int code = CLI_OK;

	*data = NULL;
	if (cJSON_IsString(error))
		text_make_inert(error->valuestring);
	if (cJSON_IsString(error))
		code = fails(call, "%s", error->valuestring);
	else if (!(*data = cJSON_DetachItemFromObjectCaseSensitive(response, "data")))
		*data = cJSON_CreateObject();
	cJSON_Delete(response);
	return code != CLI_OK || *data ? code : fails(call, "no memory");
}

int control_call_ask(struct control_call *call, const char *command, cJSON *members, cJSON **data)
{
	long long until_ms = now_ms() + call->timeout_s * 1000;
	cJSON *response = NULL;
	int code = send_command(call, command, members);

	if (code == CLI_OK)
		code = next_response(call, until_ms, &response);
	if (code != CLI_OK)
		return code;
	return response ? open_response(call, response, data) : silent(call);
}

int control_call_event(struct control_call *call, long timeout_ms, cJSON **event)
{
	cJSON *response = NULL;
	int code = next_response(call, now_ms() + timeout_ms, &response);

	*event = NULL;
	return code == CLI_OK && response ? open_response(call, response, event) : code;
}

cJSON *control_call_device(const struct cli_name *name)
{
	cJSON *members = cJSON_CreateObject();

	if (members && cJSON_AddStringToObject(members, "product_id", name->product_id) &&
	    cJSON_AddStringToObject(members, "device_name", name->device_name))
		return members;
	cJSON_Delete(members);
	return NULL;
}

/* --- pages --- */

/* The page after the one that ends with `next`. */
static cJSON *page_members(const cJSON *members, const char *next)
{
	cJSON *copy = members ? cJSON_Duplicate(members, true) : cJSON_CreateObject();

	if (copy && next && !cJSON_AddStringToObject(copy, "from", next)) {
		cJSON_Delete(copy);
		return NULL;
	}
	return copy;
}

static void append(cJSON *all, const cJSON *page, const char *list)
{
	cJSON *to = cJSON_GetObjectItemCaseSensitive(all, list);
	cJSON *from = cJSON_GetObjectItemCaseSensitive(page, list), *item;

	while (to && (item = cJSON_DetachItemFromArray(from, 0)))
		cJSON_AddItemToArray(to, item);
}

/* Moves the cursor on; false: that was the last page. */
static bool go_on(const cJSON *page, char **next)
{
	const char *text = json_text(page, "next");
	bool more = text && *text && (!*next || strcmp(*next, text) != 0);

	free(*next);
	*next = more ? strdup(text) : NULL;
	return *next != NULL;
}

int control_call_pages(struct control_call *call, const char *command, const cJSON *members,
                       const char *list, cJSON **data)
{
	cJSON *page = NULL, *wanted;
	char *next = NULL;
	int code = CLI_OK;
	bool more = true;

	*data = NULL;
	for (int left = PAGES_MAX; code == CLI_OK && more && left > 0; left--) {
		wanted = page_members(members, next);
		code = wanted ? control_call_ask(call, command, wanted, &page) : fails(call, "no memory");
		if (code != CLI_OK)
			break;
		more = go_on(page, &next);
		if (*data)
			append(*data, page, list);
		if (*data)
			cJSON_Delete(page);
		else
			*data = page;
	}
	free(next);
	if (code == CLI_OK)
		cJSON_DeleteItemFromObjectCaseSensitive(*data, "next");
	else
		cJSON_Delete(*data);
	return code;
}
