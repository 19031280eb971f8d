#include "core/hub/gateway_msg.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/json.h"

enum {
	RANDOM_MAX = INT32_MAX,
	DEVICES_MAX = 8192
};

/* A describe reply for 1,500 devices takes about 100 KB and 4,500 values, and
 * the hub's way of splitting it is unpublished (docs/protocol/gateway.md 4). */
static const struct json_limits limits = { .bytes = 512 * 1024, .depth = 16, .values = 32768 };

static const char *const op_names[] = {
	[GATEWAY_UNKNOWN] = "unknown", [GATEWAY_ONLINE] = "online",
	[GATEWAY_OFFLINE] = "offline", [GATEWAY_BIND] = "bind",
	[GATEWAY_UNBIND] = "unbind",   [GATEWAY_DESCRIBE] = "describe_sub_devices",
	[GATEWAY_CHANGE] = "change",   [GATEWAY_SEARCH] = "search_devices",
};

enum {
	OP_COUNT = sizeof op_names / sizeof op_names[0]
};

static const struct code {
	int64_t code;
	enum gateway_verdict verdict;
	const char *text;
} codes[] = {
	{ 0, VERDICT_OK, "success" },
	{ -1, VERDICT_UNBOUND, "not bound to this gateway: bind it in the console or with bind" },
	{ -2, VERDICT_RETRY, "system error of the hub: tried again later" },
	{ 801, VERDICT_PERMANENT, "bad parameter: the hub does not accept the request" },
	{ 802, VERDICT_PERMANENT,
	  "illegal device name or no such device: create it in the console or register it" },
	{ 803, VERDICT_PERMANENT, "wrong bind signature: correct the device's secret" },
	{ 804, VERDICT_PERMANENT, "signature method not supported: use the other hash" },
	{ 805, VERDICT_RETRY, "bind signature expired: correct the gateway's clock" },
	{ 806, VERDICT_PERMANENT, "bound to another gateway: unbind it there first" },
	{ 807, VERDICT_PERMANENT, "not a plain device: gateways cannot be bound" },
	{ 808, VERDICT_PERMANENT,
	  "not permitted: add the device's product to the gateway's product in the console" },
	{ 809, VERDICT_RETRY, "already bound to this gateway" },
	{ 810, VERDICT_PERMANENT, "the device is not supported as a subdevice" },
};

/* Where an answer means something else for one operation: there is nothing left
 * to bind after 809, and a bind cannot be mended by a bind. */
static const struct {
	enum gateway_op op;
	int64_t code;
	enum gateway_verdict verdict;
} special[] = {
	{ GATEWAY_BIND, 809, VERDICT_OK },
	{ GATEWAY_BIND, -1, VERDICT_PERMANENT },
};

static const struct code *find_code(int64_t code)
{
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		if (codes[i].code == code)
			return &codes[i];
	}
	return NULL;
}

const char *gateway_op_name(enum gateway_op op)
{
	return op_names[(size_t)op < OP_COUNT ? op : GATEWAY_UNKNOWN];
}

enum gateway_verdict gateway_verdict(enum gateway_op op, int64_t code)
{
	const struct code *known = find_code(code);

	for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
		if (special[i].op == op && special[i].code == code)
			return special[i].verdict;
	}
	return known ? known->verdict : VERDICT_RETRY;
}

const char *gateway_code_text(int64_t code)
{
	const struct code *known = find_code(code);

	return known ? known->text : "a code that the hub's documents do not list";
}

static bool ids_ok(const char *product_id, const char *device_name)
{
	return credential_product_id_ok(product_id, strlen(product_id)) &&
	       credential_device_name_ok(device_name, strlen(device_name));
}

/* Neither ids nor Base64 hold anything that JSON would escape. */
enum status gateway_put_request(struct buf *out, enum gateway_op op, const char *product_id,
                                const char *device_name)
{
	if (op != GATEWAY_ONLINE && op != GATEWAY_OFFLINE && op != GATEWAY_UNBIND)
		return ST_INVALID;
	if (!ids_ok(product_id, device_name))
		return ST_INVALID;
	return buf_addf(out,
	                "{\"type\":\"%s\",\"payload\":{\"devices\":["
	                "{\"product_id\":\"%s\",\"device_name\":\"%s\"}]}}",
	                op_names[op], product_id, device_name);
}

enum status gateway_put_bind(struct buf *out, const char *product_id, const char *device_name,
                             const struct secret *secret, uint32_t random, uint64_t timestamp_s,
                             enum hash hash, enum bind_auth auth)
{
	char signature[48];
	enum status st;

	if (random > RANDOM_MAX || !ids_ok(product_id, device_name))
		return ST_INVALID;
	st = credential_bind_signature(secret, product_id, device_name, random, timestamp_s, hash,
	                               signature);
	if (st != ST_OK)
		return st;
	return buf_addf(out,
	                "{\"type\":\"bind\",\"payload\":{\"devices\":["
	                "{\"product_id\":\"%s\",\"device_name\":\"%s\",\"signature\":\"%s\","
	                "\"random\":%" PRIu32 ",\"timestamp\":%" PRIu64
	                ",\"signmethod\":\"%s\",\"authtype\":\"%s\"}]}}",
	                product_id, device_name, signature, random, timestamp_s,
	                hash == HASH_SHA256 ? "hmacsha256" : "hmacsha1",
	                auth == BIND_CERTIFICATE ? "certificate" : "psk");
}

enum status gateway_put_describe(struct buf *out)
{
	return buf_add_text(out, "{\"type\":\"describe_sub_devices\"}");
}

enum status gateway_put_change_ack(struct buf *out, int result)
{
	return buf_addf(out, "{\"type\":\"change\",\"result\":%d}", result);
}

static enum gateway_op op_of(const char *type)
{
	for (size_t i = GATEWAY_UNKNOWN + 1; i < OP_COUNT; i++) {
		if (strcmp(op_names[i], type) == 0)
			return (enum gateway_op)i;
	}
	return GATEWAY_UNKNOWN;
}

/* False: no device that we could mean. */
static bool read_device(const cJSON *from, struct gateway_device *to)
{
	const char *product_id = json_text(from, "product_id");
	const char *device_name = json_text(from, "device_name");
	const cJSON *result = json_member(from, "result");

	if (!product_id || !device_name || !ids_ok(product_id, device_name))
		return false;
	memcpy(to->product_id, product_id, strlen(product_id) + 1);
	memcpy(to->device_name, device_name, strlen(device_name) + 1);
	to->has_result = result && json_int(result, true, &to->result);
	return true;
}

/* The hub writes an empty list as [], null or not at all (docs/protocol/gateway.md 4). */
static enum status read_devices(const cJSON *list, struct gateway_msg *out)
{
	const cJSON *one;
	size_t count;

	if (!list || cJSON_IsNull(list))
		return ST_OK;
	if (!cJSON_IsArray(list))
		return ST_MALFORMED;
	count = (size_t)cJSON_GetArraySize(list);
	if (count == 0)
		return ST_OK;
	if (count > DEVICES_MAX)
		return ST_TOOBIG;
	out->devices = calloc(count, sizeof(*out->devices));
	if (!out->devices)
		return ST_NOMEM;
	cJSON_ArrayForEach(one, list)
	{
		if (read_device(one, &out->devices[out->count]))
			out->count++;
	}
	return ST_OK;
}

static enum status read_message(const cJSON *root, struct gateway_msg *out)
{
	const char *type = json_text(root, "type");
	const cJSON *payload = json_member(root, "payload"), *status;

	if (!type)
		return ST_MALFORMED;
	out->op = op_of(type);
	if (out->op == GATEWAY_UNKNOWN || out->op == GATEWAY_SEARCH || !payload ||
	    cJSON_IsNull(payload))
		return ST_OK;
	if (!cJSON_IsObject(payload))
		return ST_MALFORMED;
	status = json_member(payload, "status");
	out->has_status = status && json_int(status, true, &out->status);
	return read_devices(json_member(payload, "devices"), out);
}

enum status gateway_parse(const void *text, size_t len, struct gateway_msg *out)
{
	cJSON *root = NULL;
	enum status st;

	memset(out, 0, sizeof(*out));
	st = json_parse_message(text, len, &limits, &root);
	if (st != ST_OK)
		return st;
	st = read_message(root, out);
	cJSON_Delete(root);
	return st;
}

void gateway_msg_free(struct gateway_msg *m)
{
	free(m->devices);
	memset(m, 0, sizeof(*m));
}
