/* control.h - commands of the admin client on hubsim/control (README.md lists them). */
#ifndef HUBSIM_CONTROL_H
#define HUBSIM_CONTROL_H

#include "tests/hubsim/account.h"
#include "tests/hubsim/event.h"
#include "tests/hubsim/forward.h"
#include "tests/hubsim/gatewayop.h"
#include "tests/hubsim/proxy.h"
#include "tests/hubsim/services.h"
#include "tests/hubsim/shadow.h"

#include <mosquitto_broker.h>

#define CONTROL_TOPIC "hubsim/control"
#define RESULT_TOPIC  "hubsim/result"
#define EVENT_TOPIC   "hubsim/event"

struct sim { /* main thread only */
	mosquitto_plugin_id_t *id;
	struct cloud *cloud;
	struct events *events;
	struct gatewayop *gatewayop;
	struct shadows *shadows;
	struct services *services;
	struct proxy *proxy;
	struct firmwares *firmwares; /* NULL: none */
	struct registrar *registrar; /* NULL: none */
	struct peer *peers;
	struct forward forward;
	uint64_t publishes, forbidden_publishes, logins_refused;
};

/* Carries out one command and publishes its answer on RESULT_TOPIC. */
void control_message(struct sim *s, const void *payload, size_t len);

#endif
