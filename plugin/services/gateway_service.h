/* gateway_service.h - the hub's $gateway topics for a gateway application on the LAN: a program
 * that logs in with the gateway's own identity, through a stock gateway SDK.
 * Room:  BROKER.
 * Keeps: every request gets one reply, in the hub's form; what the hub says decides. Devices that
 *        the application brought online are there while it is, its grace time included, and again
 *        when it comes back, also after a restart: stock SDKs do not announce them anew.
 * Facts: docs/protocol/gateway.md; docs/architecture.md 4 "Gateway operations from the LAN".
 *
 * Without the hub: what is known is answered (online of a device that is configured or was brought
 * online before, and of which the hub did not say that it is not bound; offline; the list of those
 * known as bound), the rest gets -2, "system error".
 */
#ifndef HUBGATE_GATEWAY_SERVICE_H
#define HUBGATE_GATEWAY_SERVICE_H

#include "plugin/base/context.h"

enum {
	GATEWAY_ASKS_MAX = 2048, /* without a reply; more get -2 at once */
	GATEWAY_LIST_MS = 2000,  /* parts of the hub's list come within (docs/protocol/gateway.md 4) */
	GATEWAY_SLACK_MS = 5000, /* for its turn, beside hub.request_timeout_s for the answer */
};

enum status gateway_service_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void gateway_service_close(struct hubgate *h);

/* A message of the application on $gateway/operation/. */
void gateway_service_request(struct hubgate *h, const void *payload, size_t len);
/* What the hub says of devices, and answers to what was asked. One device at most, so it is little
 * work. False: other news. */
bool gateway_service_take(struct hubgate *h, const struct uplink_down *news);
/* Requests whose time is over. */
void gateway_service_run(struct hubgate *h, int64_t now_ms);
int64_t gateway_service_due(const struct hubgate *h); /* INT64_MAX: no request waits */

/* The device in whose name the gateway's own session uses this topic or filter: one that it brought
 * online, else the gateway. */
struct device *gateway_service_speaker(struct hubgate *h, struct device *own, const char *topic);

#endif
