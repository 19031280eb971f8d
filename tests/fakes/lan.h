/* lan.h - the broker side of a gateway with three devices, in front of the fake
 * broker and an uplink without its thread: orders to it lie in its mailbox.
 * Time stands still until the test moves it.
 */
#ifndef HUBGATE_TESTS_LAN_H
#define HUBGATE_TESTS_LAN_H

#include "bridge/uplink/mail.h"
#include "core/base/clock.h"
#include "plugin/devices/presence.h"
#include "plugin/lan/broker_rights.h"
#include "tests/fakes/broker.h"

#define LAMP_PID   "SUBPROD001"
#define LAMP_NAME  "lamp-01"
#define LAMP_ID    LAMP_PID LAMP_NAME
#define LAMP       LAMP_PID "/" LAMP_NAME /* the device of most tests */
#define SIBLING_ID LAMP_PID "lamp-02"
#define SIBLING    LAMP_PID "/lamp-02" /* of the same product */
#define COUSIN_ID  "SUBPROD002" LAMP_NAME
#define COUSIN     "SUBPROD002/" LAMP_NAME /* same name, other product */

enum {
	LAN_GRACE_MS = 5000
};

struct lan {
	struct hubgate h;
	struct config config;
	struct clock_trust clock; /* trusted */
	struct broker_rights rights;
	const char *dir;
	struct device *lamp, *sibling, *cousin;
	char username[USERNAME_MAX + 1], password[PASSWORD_MAX + 1]; /* by lan_sign() */
};

/* Hub away, grace LAN_GRACE_MS, lan.acl allow, unknown users refused, store with
 * room, no metrics topics. Change l->h, l->config, l->rights as a test wants. */
struct lan *lan_open(enum fake_version version);
void lan_close(struct lan *l); /* with its storage, if that was opened; checks for leaks */
/* Runs body in front of both brokers. */
void lan_each(void (*body)(struct lan *l));

void lan_wait(int64_t ms); /* the clock moves, nothing else happens */
void lan_hub(struct lan *l, bool ready);
/* Another store, and an uplink without any orders. */
void lan_store(struct lan *l, enum journal_policy policy, uint64_t max_messages);
uint64_t lan_kept(struct lan *l); /* messages in the journal */

/* Username and password of d; expiry_s 0: never. */
void lan_sign(struct lan *l, const struct device *d, uint64_t expiry_s);

/* Events, as the broker makes them. */
int lan_auth(struct mosquitto *c, const char *username, const char *password);
/* SIGHUP: the same question about a client that the broker has, connected or not. */
int lan_auth_again(struct mosquitto *c, const char *username, const char *password);
void lan_connected(struct mosquitto *c); /* 2.1 tells, 2.0 does not */
void lan_gone(struct mosquitto *c);      /* DISCONNECT */
void lan_offline(struct mosquitto *c);   /* socket of c gone, as version and session say */
int lan_acl(struct mosquitto *c, int access, const char *topic);
/* With the retain flag; payload NULL: empty. */
int lan_publish(struct mosquitto *c, const char *topic, const char *payload, int qos);
/* On $CONTROL/hubgate/v1, of a client that on_acl() let. */
void lan_control(struct mosquitto *c, const char *request);
bool lan_retain_left(void); /* the last one still had it afterwards */
void lan_tick(void);
int lan_reload(void);

/* A device logs in, all the way. False: refused. */
bool lan_enter(struct lan *l, struct mosquitto *c, const struct device *d);
bool lan_doorbell(struct lan *l, struct mosquitto *c);

/* The oldest order to the uplink is this one; it is taken. topic NULL: any. */
bool lan_ordered(struct lan *l, int kind, const char *client_id, const char *topic);
bool lan_done(struct lan *l, uint16_t packet_id); /* ... acknowledges this command */
bool lan_quiet(struct lan *l);                    /* no orders */
/* A message from the hub lies in the mailbox. */
void lan_command(struct lan *l, const char *topic, uint8_t qos, uint16_t packet_id);
void lan_command_of(struct lan *l, const char *topic, const char *payload, uint8_t qos,
                    uint16_t packet_id);

#endif
