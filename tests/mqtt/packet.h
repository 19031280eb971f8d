/* packet.h - MQTT 3.1.1 packets for the simulator, the benchmark and the tests: taken apart and
 * made. Pure: no sockets. Shares no code with the product, so that a misreading of the standard
 * cannot hide on both sides. Judges only what its readers need: it is no check of the standard.
 * Facts: OASIS MQTT 3.1.1, 2 and 3.
 */
#ifndef HUBGATE_TESTS_PACKET_H
#define HUBGATE_TESTS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum packet_type {
	PACKET_CONNECT = 1,
	PACKET_CONNACK = 2,
	PACKET_PUBLISH = 3,
	PACKET_PUBACK = 4,
	PACKET_SUBSCRIBE = 8,
	PACKET_SUBACK = 9,
	PACKET_UNSUBSCRIBE = 10,
	PACKET_UNSUBACK = 11,
	PACKET_PINGREQ = 12,
	PACKET_PINGRESP = 13,
	PACKET_DISCONNECT = 14
};

/* --- taking apart; views borrow from the bytes --- */

struct packet {
	enum packet_type type;
	uint8_t flags; /* lower half of the first byte */
	const uint8_t *all, *body;
	size_t size, body_len; /* of all, of body */
};

enum packet_found {
	PACKET_WRONG, /* not MQTT */
	PACKET_PART,  /* more bytes are needed; out->size says how many, 0: not known yet */
	PACKET_WHOLE
};

/* The packet at the front of these bytes. */
enum packet_found packet_at(const uint8_t *data, size_t len, struct packet *out);

struct packet_connect {
	const char *client_id;
	size_t client_id_len;
	uint16_t keepalive;
	bool clean, will;
};

struct packet_publish {
	const char *topic;
	size_t topic_len;
	const uint8_t *payload;
	size_t payload_len;
	uint16_t id; /* QoS > 0 */
	uint8_t qos;
	bool dup, retain;
};

struct packet_filter {
	const char *text;
	size_t len;
	uint8_t qos;
	size_t qos_at; /* where it stands, from the start of the packet */
};

/* All false on a packet too short for its fields. */
bool packet_read_connect(const struct packet *p, struct packet_connect *out);
bool packet_read_connack(const struct packet *p, bool *present, uint8_t *code);
bool packet_read_publish(const struct packet *p, struct packet_publish *out);
/* The packet id of all others that have one. */
bool packet_read_id(const struct packet *p, uint16_t *id);
/* One filter of a SUBSCRIBE after the other; *at starts with 0. After the last false, and *at is
 * p->size. */
bool packet_next_filter(const struct packet *p, size_t *at, struct packet_filter *out);

/* --- making --- */

/* Packets one behind the other; zeroed is empty. The program ends when there is no memory. */
struct packets {
	uint8_t *data;
	size_t len, room;
};

struct packet_login {
	const char *client_id;
	const char *username, *password; /* NULL: left out */
	uint16_t keepalive;
	bool clean;
};

void packets_fini(struct packets *b);
/* Any bytes, as they are. */
void packets_add(struct packets *b, const void *data, size_t len);
/* So many bytes at the front are gone. */
void packets_drop(struct packets *b, size_t len);

void packet_put_connect(struct packets *b, const struct packet_login *login);
void packet_put_connack(struct packets *b, bool present, uint8_t code);
/* Payload NULL: the caller fills what is returned, before anything else is put. */
uint8_t *packet_put_publish(struct packets *b, const char *topic, int qos, uint16_t id,
                            const void *payload, size_t len);
void packet_put_subscribe(struct packets *b, uint16_t id, const char *filter, int qos);
void packet_put_suback(struct packets *b, uint16_t id, uint8_t code);
/* PUBACK and UNSUBACK: an id and nothing else. */
void packet_put_ack(struct packets *b, enum packet_type type, uint16_t id);
/* PINGREQ, PINGRESP, DISCONNECT. */
void packet_put_empty(struct packets *b, enum packet_type type);

#endif
