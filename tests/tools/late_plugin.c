/* A plugin that stands behind hubgate's in mosquitto.conf and ends the broker:
 *	plugin_opt_how fail     its init fails
 *	plugin_opt_how exit     exit(7) on a message to late/exit; to late/thread: in another thread */
#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	VERSION = 5,
	STATUS = 7
};

static void *leave(void *arg)
{
	(void)arg;
	exit(STATUS);
}

static int on_message(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_message *ed = event_data;
	pthread_t thread;

	(void)event;
	(void)userdata;
	if (strcmp(ed->topic, "late/exit") == 0)
		exit(STATUS);
	if (strcmp(ed->topic, "late/thread") == 0 && pthread_create(&thread, NULL, leave, NULL) == 0)
		pthread_detach(thread);
	return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_version(int count, const int *versions)
{
	for (int i = 0; i < count; i++) {
		if (versions[i] == VERSION)
			return VERSION;
	}
	return -1;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *id, void **userdata, struct mosquitto_opt *opts,
                          int opt_count)
{
	(void)userdata;
	for (int i = 0; i < opt_count; i++) {
		if (strcmp(opts[i].key, "how") == 0 && strcmp(opts[i].value, "fail") == 0)
			return MOSQ_ERR_UNKNOWN;
	}
	return mosquitto_callback_register(id, MOSQ_EVT_MESSAGE, on_message, NULL, NULL);
}

int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *opts, int opt_count)
{
	(void)userdata;
	(void)opts;
	(void)opt_count;
	return MOSQ_ERR_SUCCESS;
}
