/* broker.h - the broker's API, and the only differences between 2.0 and 2.1.
 * Room:  BROKER for every function of the broker.
 * Facts: docs/broker-notes.md 1, 6: built against 2.0.11 headers, newer events are
 *        known by number and probed at run time.
 */
#ifndef HUBGATE_BROKER_H
#define HUBGATE_BROKER_H

/* 2.0.11 wants them in this order. */
#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>

enum {
	EVENT_CONNECT = 11,        /* since 2.1; 2.0 answers MOSQ_ERR_NOT_SUPPORTED */
	EVENT_CLIENT_OFFLINE = 28, /* since 2.1: the socket of a kept session is gone */
	ANSWER_IGNORE = 32,        /* since 2.1, to BASIC_AUTH: as if this plugin were not there */
};

#endif
