/* topic.h - what a topic or filter means to the hub, and whose it is.
 * Room:  any. Pure, no allocation: judged on every delivery.
 * Facts: docs/protocol/topics.md 1-6.
 */
#ifndef HUBGATE_TOPIC_H
#define HUBGATE_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/status.h"
#include "core/hub/credential.h"
#include "core/mqtt/mqtt_codec.h"

enum {
	TOPIC_LEN_MAX = 255,
	TOPIC_SLASHES_MAX = 10
};

/* kind, prefix before {pid}/{dname}, the device may: P publish, S subscribe,
 * levels that follow {dname}: 0, 1 (any one level) or MANY */
#define TOPIC_TABLE(X)                                                    \
	X(TOPIC_SHADOW_RESULT, "$shadow/operation/result/", TOPIC_SUB, 0)     \
	X(TOPIC_SHADOW, "$shadow/operation/", TOPIC_PUB, 0)                   \
	X(TOPIC_OTA_REPORT, "$ota/report/", TOPIC_PUB, 0)                     \
	X(TOPIC_OTA_UPDATE, "$ota/update/", TOPIC_SUB, 0)                     \
	X(TOPIC_RRPC_RXD, "$rrpc/rxd/", TOPIC_SUB, 1)                         \
	X(TOPIC_RRPC_TXD, "$rrpc/txd/", TOPIC_PUB, 1)                         \
	X(TOPIC_BROADCAST, "$broadcast/rxd/", TOPIC_SUB, 0)                   \
	X(TOPIC_CONFIG_RESULT, "$config/operation/result/", TOPIC_SUB, 0)     \
	X(TOPIC_CONFIG, "$config/operation/", TOPIC_PUB, 0)                   \
	X(TOPIC_CONFIG_UPDATE, "$config/update/", TOPIC_SUB, 0)               \
	X(TOPIC_CONFIG_REPORT, "$config/report/", TOPIC_PUB, 0)               \
	X(TOPIC_SYS_RESULT, "$sys/operation/result/", TOPIC_SUB, 0)           \
	X(TOPIC_SYS, "$sys/operation/", TOPIC_PUB, 0)                         \
	X(TOPIC_LOG_RESULT, "$log/operation/result/", TOPIC_SUB, 0)           \
	X(TOPIC_LOG, "$log/operation/", TOPIC_PUB, 0)                         \
	X(TOPIC_RESOURCE_UP, "$resource/up/service/", TOPIC_PUB, 0)           \
	X(TOPIC_RESOURCE_DOWN, "$resource/down/service/", TOPIC_SUB, 0)       \
	X(TOPIC_GATEWAY_RESULT, "$gateway/operation/result/", TOPIC_SUB, 0)   \
	X(TOPIC_GATEWAY, "$gateway/operation/", TOPIC_PUB, 0)                 \
	X(TOPIC_TEMPLATE_RESULT, "$template/operation/result/", TOPIC_SUB, 0) \
	X(TOPIC_TEMPLATE, "$template/operation/", TOPIC_PUB, 0)               \
	X(TOPIC_THING_UP_PROPERTY, "$thing/up/property/", TOPIC_PUB, 0)       \
	X(TOPIC_THING_UP_EVENT, "$thing/up/event/", TOPIC_PUB, 0)             \
	X(TOPIC_THING_UP_ACTION, "$thing/up/action/", TOPIC_PUB, 0)           \
	X(TOPIC_THING_UP_RAW, "$thing/up/raw/", TOPIC_PUB, 0)                 \
	X(TOPIC_THING_UP_SERVICE, "$thing/up/service/", TOPIC_PUB, 0)         \
	X(TOPIC_THING_DOWN_PROPERTY, "$thing/down/property/", TOPIC_SUB, 0)   \
	X(TOPIC_THING_DOWN_EVENT, "$thing/down/event/", TOPIC_SUB, 0)         \
	X(TOPIC_THING_DOWN_ACTION, "$thing/down/action/", TOPIC_SUB, 0)       \
	X(TOPIC_THING_DOWN_RAW, "$thing/down/raw/", TOPIC_SUB, 0)             \
	X(TOPIC_THING_DOWN_SERVICE, "$thing/down/service/", TOPIC_SUB, 0)     \
	X(TOPIC_CUSTOM, "", TOPIC_PUB | TOPIC_SUB, TOPIC_MANY)

enum {
	TOPIC_PUB = 1,
	TOPIC_SUB = 2,
	TOPIC_MANY = -1
};

enum topic_kind {
	TOPIC_NONE, /* not a topic of the hub */
#define X(kind, prefix, may, levels) kind,
	TOPIC_TABLE(X)
#undef X
};

struct topic { /* borrowed views into the parsed text */
	enum topic_kind kind;
	unsigned may; /* TOPIC_PUB and TOPIC_SUB bits for a device */
	struct mqtt_text product_id, device_name;
	struct mqtt_text rest; /* what follows {dname}/, may be empty */
};

/* A concrete topic. ST_OK with kind TOPIC_NONE when it is none of the hub's:
 * for TOPIC_CUSTOM the caller still has to ask whether {pid} is a known product.
 * ST_INVALID: in a hub tree ($hubgate included) but fits no rule, or a wildcard.
 * ST_TOOBIG: over 255 bytes or 10 slashes, in a hub tree or with a first level
 * like a {pid}; topics of the LAN have no limit here. After both *out is empty:
 * topic_in_hub_tree() and topic_product() say whom it concerns. */
enum status topic_parse(const char *text, size_t len, struct topic *out);

/* A subscription filter; $share/{group}/ is stripped first. As topic_parse(),
 * but wildcards are allowed where the hub allows them: after {dname} of a
 * custom topic as whole levels ('#' last), and '+' as the last level of $rrpc/rxd.
 * A wildcard in {pid} or {dname} ("livingroom/+" too: ten characters like a
 * {pid}) or in any other hub tree, a partial one, or a broken or nested $share:
 * ST_INVALID. Limits are those of the filter without $share/{group}/.
 * A filter such as "#" or "+/x" that starts with a wildcard: TOPIC_NONE.
 * *shared (may be NULL): it was a shared subscription. */
enum status topic_parse_filter(const char *text, size_t len, struct topic *out, bool *shared);

/* True for text in one of the hub's $ trees ("$shadow/...", "$rrpc/#", ...),
 * well-formed or not, and for $hubgate/...; $share/{group}/ is looked through.
 * Case-sensitive: "$SYS" is the broker's. */
bool topic_in_hub_tree(const char *text, size_t len);

/* The first level of text ($share stripped) when it has the form of a {pid},
 * whether or not a wildcard or anything else follows; else length 0. */
struct mqtt_text topic_product(const char *text, size_t len);

bool topic_is_device(const struct topic *t, const char *product_id, const char *device_name);

/* Requests and answers that help nobody once they are late; everything else is telemetry, which
 * leaves in the order in which it came. */
bool topic_late_is_worthless(enum topic_kind kind);

/* The filter under which the hub answers a publish on topic ("$sys/operation/..." ->
 * "$sys/operation/result/..."), NUL-terminated. ST_OK; ST_NOTFOUND: nothing there is answered.
 * docs/protocol/topics.md 1. */
enum status topic_answer_filter(const char *topic, char out[TOPIC_LEN_MAX + 1]);

/* The name that the hub has for a topic or filter today: $config/report/... and $config/update/...
 * are older names of $config/operation/... and its result (docs/protocol/other.md 3). text itself,
 * or out, NUL-terminated. */
const char *topic_at_hub(const char *text, char out[TOPIC_LEN_MAX + 1]);

/* MQTT 4.7 matching, wildcards never matching a leading '$'; "a/#" matches "a".
 * filter without $share/{group}/. */
bool topic_matches(const char *filter, const char *topic);

#endif
