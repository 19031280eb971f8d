/* Subdevices of a program: what it is told about them, and what it asks for them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "bridge/sdk/sdk_impl.h"
#include "core/base/clocks.h"

static bool ids_ok(const char *product_id, const char *device_name)
{
	return credential_product_id_ok(product_id, strlen(product_id)) &&
	       credential_device_name_ok(device_name, strlen(device_name));
}

/* --- the list --- */

static struct subdev_entry *find(const struct sdk *p, const char *product_id,
                                 const char *device_name)
{
	for (size_t i = 0; i < p->subdev_count; i++) {
		struct subdev_entry *e = &p->subdevs[i];

		if (strcmp(e->product_id, product_id) == 0 && strcmp(e->device_name, device_name) == 0)
			return e;
	}
	return NULL;
}

enum status gateway_subdev_add(struct sdk *p, const char *product_id, const char *device_name)
{
	struct subdev_entry *list;

	if (!ids_ok(product_id, device_name))
		return ST_INVALID;
	if (find(p, product_id, device_name))
		return ST_OK;
	list = realloc(p->subdevs, (p->subdev_count + 1) * sizeof(*list));
	if (!list)
		return ST_NOMEM;
	p->subdevs = list;
	list += p->subdev_count++;
	memset(list, 0, sizeof(*list));
	memcpy(list->product_id, product_id, strlen(product_id) + 1);
	memcpy(list->device_name, device_name, strlen(device_name) + 1);
	return ST_OK;
}

const struct subdev_entry *gateway_subdev_list(const struct sdk *p, size_t *count)
{
	*count = p->subdev_count;
	return p->subdevs;
}

bool gateway_subdev_is_online(const struct sdk *p, const char *product_id, const char *device_name)
{
	const struct subdev_entry *e = find(p, product_id, device_name);

	return e && e->status == SUBDEV_STATUS_ONLINE;
}

enum status gateway_subdev_set_status(struct sdk *p, const char *product_id,
                                      const char *device_name, enum subdev_status status)
{
	struct subdev_entry *e = find(p, product_id, device_name);

	if (!e)
		return ST_NOTFOUND;
	e->status = status;
	return ST_OK;
}

/* --- requests --- */

static enum status ask(struct sdk *p, enum gateway_op op, const char *product_id,
                       const char *device_name, const struct buf *bind, int timeout_ms,
                       int64_t *code)
{
	int64_t end_ms = clocks_monotonic_ms() + timeout_ms;
	enum status st;

	if (!ids_ok(product_id, device_name))
		return ST_INVALID;
	credential_client_id(product_id, device_name, p->asked_id);
	st = uplink_ask(p->uplink, p->asked_id, op, bind ? bind->data : NULL, bind ? bind->len : 0);
	if (st != ST_OK)
		return st;
	p->asked = op;
	while (p->asked != GATEWAY_UNKNOWN && clocks_monotonic_ms() < end_ms)
		sdk_run(p, (int)(end_ms - clocks_monotonic_ms()));
	st = p->asked == GATEWAY_UNKNOWN ? ST_OK : ST_TIMEOUT;
	p->asked = GATEWAY_UNKNOWN;
	*code = p->code;
	return st;
}

enum status gateway_subdev_online(struct sdk *p, const char *product_id, const char *device_name,
                                  int timeout_ms, int64_t *code)
{
	enum status st = ask(p, GATEWAY_ONLINE, product_id, device_name, NULL, timeout_ms, code);

	if (st == ST_OK && *code == 0)
		gateway_subdev_set_status(p, product_id, device_name, SUBDEV_STATUS_ONLINE);
	return st;
}

enum status gateway_subdev_offline(struct sdk *p, const char *product_id, const char *device_name,
                                   int timeout_ms, int64_t *code)
{
	enum status st = ask(p, GATEWAY_OFFLINE, product_id, device_name, NULL, timeout_ms, code);

	if (st == ST_OK && *code == 0)
		gateway_subdev_set_status(p, product_id, device_name, SUBDEV_STATUS_OFFLINE);
	return st;
}

static uint32_t bind_random(void)
{
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		random = (uint32_t)clocks_monotonic_ms();
	return random & BIND_RANDOM_MAX;
}

enum status gateway_subdev_bind(struct sdk *p, const char *product_id, const char *device_name,
                                const struct secret *secret, int timeout_ms, int64_t *code)
{
	struct buf text = BUF_MAX(1024);
	enum status st = gateway_put_bind(&text, product_id, device_name, secret, bind_random(),
	                                  (uint64_t)time(NULL), HASH_SHA1, BIND_PSK);

	if (st == ST_OK)
		st = ask(p, GATEWAY_BIND, product_id, device_name, &text, timeout_ms, code);
	buf_free(&text);
	return st;
}

enum status gateway_subdev_unbind(struct sdk *p, const char *product_id, const char *device_name,
                                  int timeout_ms, int64_t *code)
{
	return ask(p, GATEWAY_UNBIND, product_id, device_name, NULL, timeout_ms, code);
}

enum status gateway_subdev_subscribe(struct sdk *p, const char *product_id, const char *device_name,
                                     const char *filter, uint8_t qos)
{
	char client_id[CLIENT_ID_MAX + 1];

	if (!ids_ok(product_id, device_name))
		return ST_INVALID;
	credential_client_id(product_id, device_name, client_id);
	return uplink_subscribe(p->uplink, client_id, filter, qos);
}
