/* mapping.h - mappings[]: plain devices with topics of their own become devices of the hub. Who may
 * speak, which device it is, is it there; then what its messages and commands become.
 * Room:  any. Pure; allocates where a struct buf or JSON is filled.
 * Facts: docs/architecture.md 5 "Plain devices", docs/mappings.md.
 *
 * A pattern is a topic in which {name} stands for one level, or for a part of one ("shelly-{id}"),
 * {name...} for one or more whole levels, + for any level. In `device`, `to`, `wrap`, `down` and
 * `template` the same {name} takes what it stood for.
 */
#ifndef HUBGATE_MAPPING_H
#define HUBGATE_MAPPING_H

#include "core/config/config.h"

enum {
	MAPPING_CAPTURES = 8, /* of one pattern */
	MAPPING_LEVELS = 64,  /* of one pattern */
	MAPPING_TOPIC_MAX = 256,
	MAPPING_NAME_MAX = 256, /* of a device, as it has it; with NUL */
	MAPPING_VALUES_MAX = 512,
	MAPPING_WHY_MAX = 240,
	MAPPING_CONDITIONS_MAX = 5, /* `presence` and `conditions` */
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

/* What captures stood for: name, value, name, value ..., each ended by NUL. */
struct mapping_values {
	size_t len;
	char text[MAPPING_VALUES_MAX];
};

struct mapping_hit {
	const struct config_mapping *rule;
	enum mapping_speaker speaker;
	const char *why;                 /* of ST_INVALID, static text */
	char original[MAPPING_NAME_MAX]; /* the name that the device has */
	char device_name[DEVICE_NAME_MAX + 1];
	char topic[MAPPING_TOPIC_MAX]; /* of the hub, for a message up */
	struct mapping_values values;
};

/* Those of c, as long as it holds them. */
struct mapping_rules mapping_rules_of(const struct config *c);

/* --- who may speak --- */

/* Some rule is for this very client, or says so by a name that proves nothing. */
bool mapping_names(const struct mapping_rules *r, const struct mapping_client *who);
/* What this rule knows of a client. */
enum mapping_speaker mapping_speaker_of(const struct config_mapping *m,
                                        const struct mapping_client *who);
/* A client whose message this rule took may speak for more than one device: the rule makes device
 * names of topics, or another one of the same `client` makes another device. */
bool mapping_serves_several(const struct mapping_rules *r, const struct config_mapping *rule);

/* --- which device --- */

/* Where a message that a client published goes: the first rule whose `up` fits the topic, whose
 * client fits and whose lists let the name pass. ST_OK; ST_NOTFOUND: no rule; ST_INVALID: a rule,
 * but what it makes is no device name or topic of the hub (hit->rule and why are set). */
enum status mapping_up(const struct mapping_rules *r, const struct mapping_client *who,
                       const char *topic, const void *payload, size_t len, struct mapping_hit *hit);
/* The rule makes names: one rule, many devices. */
bool mapping_makes_names(const struct config_mapping *m);
/* Does the rule make this device? original and values are what is known of its last message (NULL:
 * nothing); *values_out gets what its captures stand for, as far as that or the name says. */
bool mapping_makes(const struct config_mapping *m, const char *product_id, const char *device_name,
                   const char *original, const struct mapping_values *values,
                   struct mapping_values *values_out);
/* The first rule that does; NULL: none. */
const struct config_mapping *mapping_of(const struct mapping_rules *r, const char *product_id,
                                        const char *device_name, const char *original,
                                        const struct mapping_values *values);
/* The value of a capture; NULL: none. */
const char *mapping_values_find(const struct mapping_values *v, const char *name, size_t name_len);
/* Only those that the rule needs of an earlier message: for its name, commands and conditions. */
void mapping_values_kept(const struct config_mapping *m, const struct mapping_values *all,
                         struct mapping_values *out);
/* What out has not yet. */
void mapping_values_merge(struct mapping_values *out, const struct mapping_values *more);

/* --- is it there --- */

struct mapping_condition { /* borrowed from the rule */
	const char *topic, *death, *member;
	struct config_texts online;
	bool connected;
};

enum mapping_told {
	MAPPING_TOLD_NOTHING, /* none of the condition's topics */
	MAPPING_TOLD_THERE,
	MAPPING_TOLD_GONE,
};

/* `presence` is the first of them. */
size_t mapping_condition_count(const struct config_mapping *m);
struct mapping_condition mapping_condition(const struct config_mapping *m, size_t i);
/* What a message says of a condition; values get the captures of the topic. */
enum mapping_told mapping_condition_told(const struct mapping_condition *c, const char *topic,
                                         const void *payload, size_t len,
                                         struct mapping_values *values);
/* The condition's topic for these captures: two devices that have it in common have the same one.
 * False: it is too long, or a capture that the rule's messages have is missing. */
bool mapping_condition_key(const struct config_mapping *m, const struct mapping_condition *c,
                           const struct mapping_values *values, char out[MAPPING_TOPIC_MAX]);
/* The device that captures of a condition name. Statuses as mapping_up(); ST_NOTFOUND also when
 * they do not name one. */
enum status mapping_condition_device(const struct config_mapping *m,
                                     const struct mapping_values *values, struct mapping_hit *hit);
/* Some rule's condition has a topic of this form. */
bool mapping_is_presence(const struct mapping_rules *r, const char *topic);
/* A pattern as an MQTT filter, perhaps a wider one. */
void mapping_filter(const char *pattern, char out[MAPPING_TOPIC_MAX]);

/* --- messages --- */

/* The payload as the rule's `wrap` says: {"a":{"b":payload}}; JSON stays what it is, text becomes a
 * string. now_ms: for `ts`. ST_OK; ST_INVALID: neither, *why says which; from buf. */
enum status mapping_wrap(struct buf *out, const struct config_mapping *m,
                         const struct mapping_values *values, const void *payload, size_t len,
                         int64_t now_ms, const char **why);

struct mapping_down {
	char topic[MAPPING_TOPIC_MAX]; /* on the LAN */
	const struct config_mapping *rule;
	bool rewritten; /* the payload is in the buf */
	const char *why;
};

struct mapping_known { /* of a device, by its last message; NULL, and no values: nothing */
	const char *original;
	const char *up; /* of the rule that took it: others with an `up` are not asked for commands */
	const struct mapping_values *values;
};

/* Some rule has a topic for commands on {pid}/{dname}/rest. */
bool mapping_has_down(const struct mapping_rules *r, const char *product_id,
                      const char *device_name, const char *rest, const struct mapping_known *known);
/* What becomes of a command there. ST_OK; ST_NOTFOUND: no rule has a topic for it; ST_INVALID: one
 * has, but out->why; ST_AGAIN: one has, but needs a capture that is not known (out->why) until the
 * device is heard; ST_NOMEM. */
enum status mapping_down(const struct mapping_rules *r, const char *product_id,
                         const char *device_name, const char *rest,
                         const struct mapping_known *known, const void *payload, size_t len,
                         struct mapping_down *out, struct buf *rewritten);
/* The nth topic of the hub, behind {product}/{device}/, on which the rule's devices get commands;
 * NULL: there is no nth. One may come more than once. */
const char *mapping_from(const struct config_mapping *m, size_t nth);

/* --- the rules themselves --- */

/* At load: what is wrong with rule i beside those before it, and with which key (in key); false:
 * nothing. why says it, with the fix. */
bool mapping_check(const struct mapping_rules *r, size_t i, char key[64],
                   char why[MAPPING_WHY_MAX]);

/* In words: which rule takes a topic of this client, which device it is, and where it goes; or why
 * not, of every rule that comes near. payload NULL: not known. */
void mapping_explain(const struct mapping_rules *r, const struct mapping_client *who,
                     const char *topic, const void *payload, size_t len, char *out, size_t size);

#endif
