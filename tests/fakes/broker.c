#include "tests/fakes/broker.h"

#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	EVENTS = 32,
	PUBLISHES_MAX = 4096,
	LINES_MAX = 1024,
	LINE_SIZE = 1024,
};

static struct {
	enum fake_version version;
	struct {
		MOSQ_FUNC_generic_callback call;
		void *userdata;
	} callbacks[EVENTS];
	struct fake_publish publishes[PUBLISHES_MAX];
	size_t publish_count;
	char *lines[LINES_MAX];
	size_t line_count;
	size_t blocks; /* of mosquitto_malloc(), alive */
	bool refuse_publish, refuse_memory;
	struct mosquitto *known;
	char kicked[LINE_SIZE];
	void (*when_kicked)(const char *name);
} broker;

void fake_broker_start(enum fake_version version)
{
	memset(&broker, 0, sizeof(broker));
	broker.version = version;
}

void fake_forget_published(void)
{
	for (size_t i = 0; i < broker.publish_count; i++) {
		free(broker.publishes[i].topic);
		free(broker.publishes[i].client_id);
		mosquitto_free(broker.publishes[i].payload);
	}
	broker.publish_count = 0;
}

bool fake_broker_stop(void)
{
	bool clean;

	fake_forget_published();
	for (size_t i = 0; i < broker.line_count; i++)
		free(broker.lines[i]);
	broker.line_count = 0;
	clean = broker.blocks == 0;
	for (size_t i = 0; i < EVENTS; i++)
		clean = clean && !broker.callbacks[i].call;
	return clean;
}

enum fake_version fake_broker_version(void)
{
	return broker.version;
}

/* --- events --- */

static bool event_known(int event)
{
	int last = broker.version == BROKER_2_1 ? 30 : MOSQ_EVT_DISCONNECT;

	return event >= MOSQ_EVT_RELOAD && event <= last;
}

int mosquitto_callback_register(mosquitto_plugin_id_t *identifier, int event,
                                MOSQ_FUNC_generic_callback cb_func, const void *event_data,
                                void *userdata)
{
	(void)identifier;
	(void)event_data;
	if (!cb_func)
		return MOSQ_ERR_INVAL;
	if (!event_known(event))
		return MOSQ_ERR_NOT_SUPPORTED;
	if (broker.callbacks[event].call)
		return MOSQ_ERR_ALREADY_EXISTS;
	broker.callbacks[event].call = cb_func;
	broker.callbacks[event].userdata = userdata;
	return MOSQ_ERR_SUCCESS;
}

int mosquitto_callback_unregister(mosquitto_plugin_id_t *identifier, int event,
                                  MOSQ_FUNC_generic_callback cb_func, const void *event_data)
{
	(void)identifier;
	(void)event_data;
	if (!event_known(event))
		return MOSQ_ERR_NOT_SUPPORTED;
	if (!cb_func || broker.callbacks[event].call != cb_func)
		return MOSQ_ERR_NOT_FOUND;
	broker.callbacks[event].call = NULL;
	return MOSQ_ERR_SUCCESS;
}

int fake_fire(int event, void *event_data)
{
	if (!event_known(event) || !broker.callbacks[event].call)
		return MOSQ_ERR_NOT_FOUND;
	return broker.callbacks[event].call(event, event_data, broker.callbacks[event].userdata);
}

/* --- clients: NULL as in the real ones --- */

const char *mosquitto_client_id(const struct mosquitto *client)
{
	return client ? client->id : NULL;
}

const char *mosquitto_client_username(const struct mosquitto *client)
{
	return client ? client->username : NULL;
}

const char *mosquitto_client_address(const struct mosquitto *client)
{
	return client ? client->address : NULL;
}

bool mosquitto_client_clean_session(const struct mosquitto *client)
{
	return client ? client->clean : true;
}

int mosquitto_client_keepalive(const struct mosquitto *client)
{
	if (!client)
		return -1;
	return client->keepalive_0 ? 0 : client->keepalive ? client->keepalive : 60;
}

int mosquitto_client_protocol_version(const struct mosquitto *client)
{
	return client && client->version ? client->version : 4;
}

void *mosquitto_client_certificate(const struct mosquitto *client)
{
	X509 *x = client && client->certificate ? X509_new() : NULL;

	if (x)
		X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
		                           (const unsigned char *)client->certificate, -1, -1, 0);
	return x;
}

void fake_has_client(struct mosquitto *c)
{
	broker.known = c;
}

struct mosquitto *fake_find_client(const char *id)
{
	return broker.known && strcmp(broker.known->id, id) == 0 ? broker.known : NULL;
}

static void kick(const char *what, const char *name)
{
	size_t len = strlen(broker.kicked);

	snprintf(broker.kicked + len, sizeof(broker.kicked) - len, "%s%s %s", len ? ", " : "", what,
	         name);
	if (broker.when_kicked)
		broker.when_kicked(name);
}

void fake_when_kicked(void (*call)(const char *name))
{
	broker.when_kicked = call;
}

int mosquitto_kick_client_by_clientid(const char *clientid, bool with_will)
{
	(void)with_will;
	kick("id", clientid);
	return MOSQ_ERR_SUCCESS;
}

int mosquitto_kick_client_by_username(const char *username, bool with_will)
{
	(void)with_will;
	kick("user", username);
	return MOSQ_ERR_SUCCESS;
}

const char *fake_kicked(void)
{
	return broker.kicked;
}

/* --- memory, messages, lines --- */

void *mosquitto_malloc(size_t size)
{
	void *mem = broker.refuse_memory ? NULL : malloc(size);

	broker.blocks += mem != NULL;
	return mem;
}

void mosquitto_free(void *mem)
{
	broker.blocks -= mem != NULL;
	free(mem);
}

int mosquitto_broker_publish(const char *clientid, const char *topic, int payloadlen, void *payload,
                             int qos, bool retain, mosquitto_property *properties)
{
	struct fake_publish *p = &broker.publishes[broker.publish_count];

	(void)properties;
	if (!topic || payloadlen < 0 || (payloadlen > 0 && !payload) || qos < 0 || qos > 2)
		return MOSQ_ERR_INVAL;
	if (broker.refuse_publish || broker.publish_count == PUBLISHES_MAX)
		return MOSQ_ERR_NOMEM;
	*p = (struct fake_publish){
		.topic = strdup(topic),
		.payload = payload,
		.len = payloadlen,
		.qos = qos,
		.retain = retain,
		.client_id = clientid ? strdup(clientid) : NULL,
	};
	broker.publish_count++;
	return MOSQ_ERR_SUCCESS;
}

size_t fake_published(void)
{
	return broker.publish_count;
}

const struct fake_publish *fake_publish_at(size_t nth)
{
	return nth < broker.publish_count ? &broker.publishes[nth] : NULL;
}

void fake_refuse_publish(bool refuse)
{
	broker.refuse_publish = refuse;
}

void fake_refuse_memory(bool refuse)
{
	broker.refuse_memory = refuse;
}

/* The broker's header does not say so, but that is what it is. */
__attribute__((format(printf, 2, 3))) void mosquitto_log_printf(int level, const char *fmt, ...)
{
	char line[LINE_SIZE];
	va_list args;

	(void)level;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (broker.line_count < LINES_MAX)
		broker.lines[broker.line_count++] = strdup(line);
}

size_t fake_lines(void)
{
	return broker.line_count;
}

bool fake_logged(const char *part)
{
	for (size_t i = 0; i < broker.line_count; i++) {
		if (strstr(broker.lines[i], part))
			return true;
	}
	return false;
}
