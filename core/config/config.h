/* config.h - hubgate.json: text in, checked structure out.
 * Room:  any, before the rooms open. Pure: files and environment come through
 *        the caller's functions.
 * Keeps: what config_parse accepts is complete and within its ranges.
 * Keys, defaults, ranges and their meaning: core/config/config.tbl. Fields carry the
 * names of their keys; only what the table cannot say is noted here.
 */
#ifndef HUBGATE_CONFIG_H
#define HUBGATE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/hub/credential.h"
#include "core/hub/region.h"

enum {
	CONFIG_BYTES_MAX = 16 << 20,         /* of the file */
	CONFIG_REMOTE_BYTES_MAX = 256 << 10, /* of the remote configuration */
	CONFIG_LINE_MAX = 512,               /* of a message, with NUL */
	CONFIG_LINES_MAX = 10,
	PRODUCT_SECRET_MAX = 32,
	ADMIN_TOKEN_MIN = 16,
	ADMIN_TOKEN_MAX = 200,
};

/* The user name of the command `hubgate` at the broker (plugin/lan/control_login.h). */
#define CONFIG_CONTROL_USERNAME "$hubgate-control"

/* Order as in config.tbl. */
enum store_policy {
	STORE_DROP_OLDEST,
	STORE_REFUSE,
};

enum route_policy {
	ROUTE_POLICY_ALL,
	ROUTE_POLICY_LATEST,
	ROUTE_POLICY_DROP,
};

enum lan_acl {
	LAN_ACL_AUTO,
	LAN_ACL_ALLOW,
	LAN_ACL_DEFER,
};

enum app_access { /* bits: APP_READ, APP_WRITE of plugin/lan/apps.h, minus one */
	APP_ACCESS_READ,
	APP_ACCESS_WRITE,
	APP_ACCESS_READWRITE,
};

enum app_role { /* the more, the greater */
	APP_ROLE_NONE,
	APP_ROLE_VIEWER,
	APP_ROLE_OPERATOR,
};

/* Text is owned; NULL where the table says null, but for those of hub that say so. */
struct config_gateway {
	char product_id[PRODUCT_ID_LEN + 1];
	char device_name[DEVICE_NAME_MAX + 1];
	struct secret secret; /* key_len 0: certificate login */
	char *secret_file, *secret_env, *cert_file, *key_file;
	char *version;
	bool bind, remote_config;
	char *report_topic; /* never NULL; behind {product_id}/{device_name}/ */
};

struct config_hub {
	char *host;         /* never NULL */
	enum region region; /* never REGION_AUTO */
	char *address;
	uint32_t port; /* never 0 */
	bool tls, verify, verify_host, clean_session;
	char *ca_file;
	char *register_url; /* never NULL */
	char *register_address;
	uint32_t keepalive;
	uint32_t rate_up, max_subscriptions, window;
	uint32_t min_reconnect_s, max_reconnect_s; /* min <= max */
	uint32_t connect_timeout_s, request_timeout_s;
};

struct config_store {
	char *dir;
	uint32_t max_messages, device_share, max_age_s, flush_ms;
	uint64_t max_bytes;
	enum store_policy policy;
	bool queue_qos0, lock;
};

struct config_presence {
	uint32_t grace_ms, max_unknown, silence_s;
};

struct config_commands {
	uint32_t max_age_s;
};

struct config_lan {
	enum lan_acl acl;
	char *waker, *http, *http_advertise;
};

struct config_firmware {
	char *dir; /* never NULL */
	char *ca_file, *hosts, *hook;
	uint64_t max_bytes;
	bool allow_local, check_address;
	uint32_t stall_s, ttl_s, task_ttl_s, parallel, max_failures, hook_s;
};

struct config_shadow {
	uint32_t cold_wait_ms;
};

struct config_metrics {
	uint32_t sys_interval_s;
};

struct config_admin {
	char *http; /* never "on" */
	char *token_file, *hosts;
	bool device_metrics;
	char token[ADMIN_TOKEN_MAX + 1]; /* of token_file; "": none */
};

struct config_product {
	char product_id[PRODUCT_ID_LEN + 1];
	char product_secret[PRODUCT_SECRET_MAX + 1]; /* "": none, may_register is false */
	char *product_secret_file, *product_secret_env;
	bool may_register; /* key "register", a word of C */
};

struct config_route {
	char *topic;
	enum route_policy policy;
	uint32_t min_interval_ms;
};

struct config_app {         /* topic or role */
	char *username, *topic; /* topic NULL: none */
	enum app_access access;
	enum app_role role;
};

struct config_texts { /* owned */
	char **at;
	size_t count;
};

struct config_pairs { /* the members of an object of texts, in the file's order; owned */
	struct config_pair {
		char *name, *value;
	} * at;
	size_t count;
};

struct config_parts { /* of a section of shape PART; owned */
	void *at;
	size_t count;
};

struct config_condition { /* of config_mapping.conditions; topic or connected */
	char *topic, *member, *death;
	struct config_texts online; /* none: "online" */
	bool connected;
};

struct config_command { /* of config_mapping.commands */
	char *from, *down, *template;
};

struct config_mapping {
	char *client, *client_id, *device, *device_from, *up, *to, *wrap, *down, *from, *template;
	char *presence, *online;
	char product_id[PRODUCT_ID_LEN + 1];
	struct config_pairs names;
	struct config_texts allow, deny;
	struct config_parts conditions, commands;
	bool sanitize, known_only, may_register /* key "register", a word of C */, ts;
	uint32_t silence_s;
};

struct config_device {
	char product_id[PRODUCT_ID_LEN + 1];
	char device_name[DEVICE_NAME_MAX + 1];
	struct secret secret; /* key_len 0: none */
	char *secret_file, *secret_env;
	char *login; /* NULL: none */
	char *cert_file;
	struct device_certificate digests; /* of cert_file */
	bool certificate, plain;
};

struct config {
	struct config_gateway gateway;
	struct config_hub hub;
	struct config_store store;
	struct config_presence presence;
	struct config_commands commands;
	struct config_lan lan;
	struct config_shadow shadow;
	struct config_firmware firmware;
	struct config_metrics metrics;
	struct config_admin admin;
	struct config_product *products; /* distinct; in the file's order */
	size_t product_count;
	struct config_route *routes; /* in the file's order */
	size_t route_count;
	struct config_app *apps;
	size_t app_count;
	struct config_mapping *mappings; /* in the file's order; checked by core/mapping/mapping */
	size_t mapping_count;
	struct config_device *devices; /* distinct, none is the gateway; file's order */
	size_t device_count;
	bool inline_secrets; /* the text itself holds a secret */
};

enum config_pem { /* what a file of TLS must hold */
	CONFIG_PEM_CA,
	CONFIG_PEM_CERTIFICATE,
	CONFIG_PEM_KEY
};

struct config_source {
	const char *name; /* of the file, for messages and as base of paths */
	const char *text; /* borrowed; the caller wipes it */
	size_t len;
	/* What the hub adds to the file, as JSON text: some keys, added to those of the file, which
	 * wins (docs/remote-configuration.md). NULL: nothing. Borrowed. */
	const char *remote;
	size_t remote_len;
	/* Adds the content of a secret file to *out. On another status but ST_OK a
	 * sentence in why says what is wrong and what to do. */
	enum status (*read_file)(void *ctx, const char *path, struct buf *out, char *why,
	                         size_t why_size);
	const char *(*get_env)(void *ctx, const char *name); /* borrowed; NULL: not set */
	/* The digests of a certificate. Status and why as read_file; NULL: none are taken. */
	enum status (*read_certificate)(void *ctx, const char *path, struct device_certificate *out,
	                                char *why, size_t why_size);
	/* Whether it can be used; certificate: the file that a key belongs to. The same; ST_STATE: not
	 * at this time, by this machine's clock. */
	enum status (*check_pem)(void *ctx, enum config_pem what, const char *path,
	                         const char *certificate, char *why, size_t why_size);
	void *ctx;
};

/* One line per fault or warning: "FILE:LINE: path.of.key: what; what to do", or "remote
 * configuration:LINE: ..." of what the hub added. Holds no secret. */
struct config_report {
	size_t error_count, warning_count;
	char errors[CONFIG_LINES_MAX][CONFIG_LINE_MAX];
	char warnings[CONFIG_LINES_MAX][CONFIG_LINE_MAX];
	bool more_errors; /* than fit here */
};

/* report is overwritten. Caller owns *out (config_free) when ST_OK. ST_MALFORMED
 * (no strict JSON; one error); ST_INVALID (a key or value; up to 10 errors);
 * ST_TOOBIG; ST_NOMEM. On these *out is empty, and report holds an error. */
enum status config_parse(const struct config_source *src, struct config *out,
                         struct config_report *report);

/* Wipes the secrets. Fine on an empty (zeroed) structure. */
void config_free(struct config *cfg);

#endif
