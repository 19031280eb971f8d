/* mapping.h - mappings[]: plain devices with topics of their own become devices of the hub.
 * Room:  any. Pure, no allocation but in mapping_wrap().
 * Facts: docs/architecture.md 5 "Plain devices".
 *
 * A pattern is a topic in which {name} stands for one level, or for a part of one ("shelly-{id}");
 * + stands for any level. The same {name} in `device`, `to` and `down` takes what it stood for.
 */
#ifndef HUBGATE_MAPPING_H
#define HUBGATE_MAPPING_H

#include "core/config/config.h"

enum {
	MAPPING_CAPTURES = 4, /* of one pattern */
	MAPPING_TOPIC_MAX = 256,
	MAPPING_WHY_MAX = 200,
};

struct mapping_rules {
	const struct config_mapping *at; /* borrowed */
	size_t count;
};

struct mapping_client { /* who publishes; any may be NULL */
	const char *client_id, *username;
	bool checked; /* the broker let nobody in by this username who is not who it says */
};

enum mapping_speaker { /* what the rule knows of the client that publishes */
	MAPPING_NOT_ITS_CLIENT,
	MAPPING_ANYBODY,     /* it names none */
	MAPPING_BY_ID,       /* `client_id`, which anybody may choose */
	MAPPING_BY_CLAIM,    /* `client` fits, but an id, or a username that nobody checked */
	MAPPING_BY_USERNAME, /* `client` fits a username that was checked */
};

struct mapping_hit {
	const struct config_mapping *rule;
	enum mapping_speaker speaker;
	char device_name[DEVICE_NAME_MAX + 1];
	char topic[MAPPING_TOPIC_MAX]; /* of the hub, for a message up */
};

/* Those of c, as long as it holds them. */
struct mapping_rules mapping_rules_of(const struct config *c);

/* Some rule is for this very client, or says so by a name that proves nothing. */
bool mapping_names(const struct mapping_rules *r, const struct mapping_client *who);
/* What this rule knows of a client. */
enum mapping_speaker mapping_speaker_of(const struct config_mapping *m,
                                        const struct mapping_client *who);
/* Where a message that a client published goes. ST_OK; ST_NOTFOUND: no rule; ST_INVALID: a rule,
 * but what it makes of the topic is no device name or topic of the hub (hit->rule is set). */
enum status mapping_up(const struct mapping_rules *r, const struct mapping_client *who,
                       const char *topic, struct mapping_hit *hit);
/* A message on a presence topic; who NULL: nobody knows who published it (a retained one), and
 * hit->speaker is MAPPING_ANYBODY. Statuses as above; *online: the payload is the rule's `online`,
 * as text or as member "state" of an object. */
enum status mapping_presence(const struct mapping_rules *r, const struct mapping_client *who,
                             const char *topic, const void *payload, size_t len,
                             struct mapping_hit *hit, bool *online);
/* Some rule's presence topic is of this form. */
bool mapping_is_presence(const struct mapping_rules *r, const char *topic);
/* The local topic for a command on {pid}/{dname}/rest. ST_OK; ST_NOTFOUND. */
enum status mapping_down(const struct mapping_rules *r, const char *product_id,
                         const char *device_name, const char *rest, char local[MAPPING_TOPIC_MAX]);
/* The rule by which such a device comes to be; NULL: none. */
const struct config_mapping *mapping_of(const struct mapping_rules *r, const char *product_id,
                                        const char *device_name);

/* A client whose message this rule took may speak for more than one device: the rule makes device
 * names of topics, or another one of the same `client` makes another device. */
bool mapping_serves_several(const struct mapping_rules *r, const struct config_mapping *rule);

/* {"member":payload}: a JSON value stays what it is, text becomes a string. ST_OK; ST_INVALID:
 * neither (bytes that are no UTF-8); from buf. */
enum status mapping_wrap(struct buf *out, const char *member, const void *payload, size_t len);

/* The presence pattern as an MQTT filter. */
void mapping_filter(const char *pattern, char out[MAPPING_TOPIC_MAX]);

/* At load: what is wrong with rule i beside those before it, and with which key; NULL: nothing. why
 * says it, with the fix. */
const char *mapping_check(const struct mapping_rules *r, size_t i, char why[MAPPING_WHY_MAX]);

/* In words: which rule takes a topic of this client, and where it goes, or why none does. */
void mapping_explain(const struct mapping_rules *r, const struct mapping_client *who,
                     const char *topic, char *out, size_t size);

#endif
