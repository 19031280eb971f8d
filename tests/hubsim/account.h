/* account.h - what the cloud knows: devices, secrets, bindings, online state, limits.
 * Main thread only, except limits, which do not change after load. */
#ifndef HUBSIM_ACCOUNT_H
#define HUBSIM_ACCOUNT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PID_LEN      10
#define NAME_MAX_LEN 48
#define KEY_ROOM     (PID_LEN + 1 + NAME_MAX_LEN + 1) /* "PID/NAME" */

struct tally { /* of publishes with an integer member "seq" */
	uint64_t received, duplicates, reordered, distinct;
	int64_t first, last, highest; /* last = of the newest message */
	uint8_t *seen;                /* one bit per sequence number */
	size_t seen_bytes;
};

struct account {
	char key[KEY_ROOM]; /* "PID/NAME" */
	char *secret;       /* Base64 text */
	char *bind_key;     /* key of certificate bind signatures, or NULL */
	bool cert;          /* logs in by certificate */
	bool gateway;       /* cannot be bound itself */
	bool disabled;
	struct account *bound; /* its gateway, or NULL */
	bool online;           /* through that gateway */
	uint64_t published;
	struct tally tally;
	char **filters; /* of its session: tests/hubsim/subscriptions.h */
	size_t filter_count, most_filters;
	bool clean; /* its session ends with its connection */
};

struct declared { /* one custom topic of every product, docs/protocol/topics.md 2 */
	char *name;   /* after {pid}/{dname}/ */
	bool publish, subscribe;
};

struct limits { /* 0: none, where nothing else is said */
	double connect_s;
	int rate_up;
	int payload;
	int slashes; /* in a topic */
	int keepalive_min, keepalive_max;
	int subscriptions;             /* of one connection ... */
	bool subscriptions_per_device; /* ... or of each device that they are for */
	bool rate_per_device;          /* the same of rate_up */
	bool closes_over;              /* and it is closed on one more, without SUBACK */
	int subdevices;                /* of one gateway */
	int attributes;                /* of a shadow's reported */
	int bind_window_s;
	int describe_bytes;
	bool enforce;
	bool ack_forbidden; /* PUBACK a forbidden publish; default: withhold */
};

struct readings { /* what documents leave open (docs/protocol/README.md, doubts); 0: as we read it
	               */
	bool echo;    /* a device hears its own publish */
	bool bind_notice;  /* a gateway hears `change` after its own bind */
	bool again_silent; /* an online of a device that is online is not answered ... */
	int again;         /* ... or with this result */
	enum several {
		SEVERAL_EACH,
		SEVERAL_FIRST,
		SEVERAL_REFUSED
	} several; /* devices of one request */
};

struct cloud {
	struct account *accounts; /* sorted by key */
	size_t count;
	struct declared *declared;
	size_t declared_count;
	char *disliked; /* a publish with this in its topic or payload is not taken; NULL: none */
	bool closes;    /* and ends its connection */
	struct limits limits;
	struct readings readings;
	cJSON *product_secrets; /* {"PID":"secret"}: products with dynamic registration */
	char *admin_user, *admin_password;
	char *fault;             /* in force from the start; NULL: none */
	char *state_file;        /* NULL: forget at restart */
	int64_t clock_offset_ms; /* hub time minus our wall clock */
};

/* Loads `config_file` (NULL: the sample gateway with two bound subdevices). `state_file` NULL or
 * where bindings and online state survive a restart; copied. NULL after a message on stderr.
 * Caller owns. */
struct cloud *cloud_load(const char *config_file, const char *state_file);
void cloud_free(struct cloud *c); /* NULL is fine */
/* Writes the state file if there is one. */
void cloud_save(const struct cloud *c);

/* Borrowed, or NULL when unknown. */
struct account *account_find(const struct cloud *c, const char *key);
struct account *account_of(const struct cloud *c, const char *pid, const char *name);
/* By client id: {pid}{dname} without separator (docs/protocol/connection.md 1). */
struct account *account_of_client(const struct cloud *c, const char *client_id);

bool limits_take_keepalive(const struct limits *l, unsigned keepalive);

/* Hub time in ms since the epoch. */
int64_t cloud_now_ms(const struct cloud *c);

/* Declares a custom topic of all products, or changes what it is declared for. False: no memory. */
bool cloud_declare(struct cloud *c, const char *name, bool publish, bool subscribe);
/* Counts a publish in the name of `a`; looks for an integer member "seq" in a JSON payload. */
void account_tally(struct account *a, const void *payload, size_t len);
void account_tally_reset(struct account *a);
/* Caller owns. */
cJSON *account_tally_json(const struct account *a);

#endif
