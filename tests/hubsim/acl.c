#include "tests/hubsim/acl.h"

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <stdlib.h>
#include <string.h>

enum direction {
	UP,
	DOWN
};
enum owner {
	OWN_ONLY,
	PROXIED_TOO
};

struct service {
	const char *prefix; /* before {pid}/{dname} */
	enum direction direction;
	enum owner owner;
	bool tail; /* one more level follows */
};

static const struct service services[] = {
	{ "$gateway/operation/result/", DOWN, OWN_ONLY, false },
	{ "$gateway/operation/", UP, OWN_ONLY, false },
	{ "$shadow/operation/result/", DOWN, PROXIED_TOO, false },
	{ "$shadow/operation/", UP, PROXIED_TOO, false },
	{ "$ota/report/", UP, PROXIED_TOO, false },
	{ "$ota/update/", DOWN, PROXIED_TOO, false },
	{ "$rrpc/rxd/", DOWN, PROXIED_TOO, true },
	{ "$rrpc/txd/", UP, PROXIED_TOO, true },
	{ "$broadcast/rxd/", DOWN, PROXIED_TOO, false },
	{ "$config/operation/result/", DOWN, PROXIED_TOO, false },
	{ "$config/operation/", UP, PROXIED_TOO, false },
	{ "$config/report/", UP, PROXIED_TOO, false },
	{ "$config/update/", DOWN, PROXIED_TOO, false },
	{ "$sys/operation/result/", DOWN, PROXIED_TOO, false },
	{ "$sys/operation/", UP, PROXIED_TOO, false },
	{ "$log/operation/result/", DOWN, PROXIED_TOO, false },
	{ "$log/operation/", UP, PROXIED_TOO, false },
	{ "$resource/up/service/", UP, PROXIED_TOO, false },
	{ "$resource/down/service/", DOWN, PROXIED_TOO, false },
	{ "$template/operation/result/", DOWN, PROXIED_TOO, false },
	{ "$template/operation/", UP, PROXIED_TOO, false },
	{ "$thing/up/property/", UP, PROXIED_TOO, false },
	{ "$thing/up/event/", UP, PROXIED_TOO, false },
	{ "$thing/up/action/", UP, PROXIED_TOO, false },
	{ "$thing/up/raw/", UP, PROXIED_TOO, false },
	{ "$thing/up/service/", UP, PROXIED_TOO, false },
	{ "$thing/down/property/", DOWN, PROXIED_TOO, false },
	{ "$thing/down/event/", DOWN, PROXIED_TOO, false },
	{ "$thing/down/action/", DOWN, PROXIED_TOO, false },
	{ "$thing/down/raw/", DOWN, PROXIED_TOO, false },
	{ "$thing/down/service/", DOWN, PROXIED_TOO, false },
};

static const struct service *service_of(const char *topic)
{
	for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
		if (strncmp(topic, services[i].prefix, strlen(services[i].prefix)) == 0)
			return &services[i];
	}
	return NULL;
}

/* Takes {pid}/{dname} off the front of `at`; `*rest` = what follows the next slash, or NULL. */
static struct account *named_at(const struct cloud *c, const char *at, const char **rest)
{
	const char *slash = strchr(at, '/');
	const char *end;
	char key[KEY_ROOM];
	size_t len;

	if (!slash)
		return NULL;
	end = strchr(slash + 1, '/');
	len = end ? (size_t)(end - at) : strlen(at);
	if (len >= sizeof key)
		return NULL;
	memcpy(key, at, len);
	key[len] = '\0';
	*rest = end ? end + 1 : NULL;
	return account_find(c, key);
}

struct account *acl_subject(const struct cloud *c, const char *topic)
{
	const struct service *s = service_of(topic);
	const char *rest;

	return named_at(c, s ? topic + strlen(s->prefix) : topic, &rest);
}

static const char *service_refusal(const struct service *s, const char *rest, enum use use)
{
	if ((use == USE_PUBLISH) != (s->direction == UP))
		return s->direction == UP ? "topic is for publishing" : "topic is for subscribing";
	if (!s->tail)
		return rest ? "levels after {pid}/{dname}" : NULL;
	if (!rest || !*rest || strchr(rest, '/'))
		return "exactly one more level is needed";
	if (strpbrk(rest, "#+") && !(use == USE_SUBSCRIBE && strcmp(rest, "+") == 0))
		return "wildcard in a system topic";
	return NULL;
}

static bool declared(const struct cloud *c, const char *rest, enum use use)
{
	for (size_t i = 0; i < c->declared_count; i++) {
		const struct declared *d = &c->declared[i];
		bool match = strcmp(d->name, rest) == 0;

		if (!match && !strpbrk(rest, "#+"))
			mosquitto_topic_matches_sub(d->name, rest, &match);
		if (match && (use == USE_PUBLISH ? d->publish : d->subscribe))
			return true;
	}
	return false;
}

static const char *custom_refusal(const struct cloud *c, const char *rest, enum use use)
{
	if (!rest || !*rest)
		return "no topic name after {pid}/{dname}";
	if (use == USE_SUBSCRIBE && strpbrk(rest, "#+"))
		return mosquitto_sub_topic_check(rest) == MOSQ_ERR_SUCCESS ? NULL
		                                                           : "wildcard inside a level";
	return declared(c, rest, use) ? NULL : "topic is not declared for that use";
}

static const char *owner_refusal(const struct account *who, const struct account *subject,
                                 enum owner owner, enum use use)
{
	if (subject == who)
		return NULL;
	if (owner == OWN_ONLY || subject->bound != who)
		return "topic of another device";
	return use == USE_READ || subject->online ? NULL : "subdevice is not online";
}

const char *acl_refusal(const struct cloud *c, const struct account *who, const char *topic,
                        enum use use)
{
	const struct service *s = service_of(topic);
	const struct account *subject;
	const char *rest = NULL;
	const char *why;

	if (!s && topic[0] == '$')
		return "unknown system topic";
	subject = named_at(c, s ? topic + strlen(s->prefix) : topic, &rest);
	if (!subject)
		return "no such device";
	why = owner_refusal(who, subject, s ? s->owner : PROXIED_TOO, use);
	if (why)
		return why;
	return s ? service_refusal(s, rest, use) : custom_refusal(c, rest, use);
}
