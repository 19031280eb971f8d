#include "plugin/services/served_by.h"

#include "core/base/room.h"
#include "plugin/services/remote_config.h"
#include "plugin/services/rrpc_service.h"
#include "plugin/services/timekeeper.h"

enum service served_by(const struct hubgate *h, const struct device *d, enum topic_kind kind,
                       const char *topic, const void *payload, size_t len)
{
	IN_ROOM(ROOM_BROKER);
	switch ((int)kind) {
	case TOPIC_SHADOW:
		return SERVED_BY_SHADOW;
	case TOPIC_SYS:
		return timekeeper_answers(h, payload, len) ? SERVED_BY_CLOCK : SERVED_BY_NONE;
	case TOPIC_RRPC_TXD:
		return rrpc_service_expects(h, d, topic) ? SERVED_BY_NONE : SERVED_BY_CALLS;
	case TOPIC_CONFIG:
	case TOPIC_CONFIG_REPORT:
		return remote_config_serves(d, payload, len) ? SERVED_BY_CONFIG : SERVED_BY_NONE;
	default:
		return SERVED_BY_NONE;
	}
}
