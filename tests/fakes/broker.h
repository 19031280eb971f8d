/* broker.h - a broker made of memory: what the plugin calls is recorded, what it
 * registered is called by fake_fire(). One at a time, from one thread.
 */
#ifndef HUBGATE_TESTS_BROKER_H
#define HUBGATE_TESTS_BROKER_H

#include <stdbool.h>
#include <stddef.h>

#include "plugin/base/broker.h"

struct mosquitto { /* a client, as the test wants it; any text may be NULL */
	const char *id, *username, *address;
	bool clean, keepalive_0;
	int keepalive, version;  /* 0: 60 s; MQTT 3.1.1 */
	const char *certificate; /* CN of its certificate; NULL: none */
};

enum fake_version {
	BROKER_2_0, /* knows events up to 10 */
	BROKER_2_1,
};

struct fake_publish { /* owned by the fake until fake_broker_stop() */
	char *client_id;  /* to that one alone; NULL: by subscription */
	char *topic;
	void *payload;
	int len, qos;
	bool retain;
};

void fake_broker_start(enum fake_version version);
/* Frees the records. False: memory of mosquitto_malloc() was never freed, or a
 * callback is still registered. */
bool fake_broker_stop(void);
enum fake_version fake_broker_version(void);

/* Calls what is registered for event. MOSQ_ERR_NOT_FOUND: nothing is. */
int fake_fire(int event, void *event_data);

/* The client in the broker's table; NULL: none. Of 2.1: by its id. */
void fake_has_client(struct mosquitto *c);
struct mosquitto *fake_find_client(const char *id);

/* What was published since the start, oldest first; NULL: not so many. */
size_t fake_published(void);
const struct fake_publish *fake_publish_at(size_t nth);
void fake_forget_published(void);
void fake_refuse_publish(bool refuse); /* mosquitto_broker_publish() fails */
void fake_refuse_memory(bool refuse);  /* mosquitto_malloc() fails */

/* Who was kicked, in order: "id NAME, user NAME". The test reports their ends. */
const char *fake_kicked(void);
/* Instead: call() is called in the middle of the kick, and may make the events that the broker
 * does. */
void fake_when_kicked(void (*call)(const char *name));

/* Lines that mosquitto_log_printf() got. */
size_t fake_lines(void);
bool fake_logged(const char *part); /* some line contains it */

#endif
