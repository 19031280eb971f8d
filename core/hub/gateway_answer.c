#include "core/hub/gateway_answer.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/json.h"

enum {
	SIGNATURE_MAX = 64, /* more than any in Base64 */
	AUTHTYPE_MAX = 16,
};

static const struct json_limits limits = { .bytes = 64 * 1024, .depth = 16, .values = 2048 };

struct bind_fields { /* borrowed text */
	const char *signature, *signmethod, *authtype;
	int64_t random, timestamp_s;
};

static bool with_devices(enum gateway_op op)
{
	return op == GATEWAY_ONLINE || op == GATEWAY_OFFLINE || op == GATEWAY_BIND ||
	       op == GATEWAY_UNBIND;
}

static enum gateway_op op_named(const char *type)
{
	for (int op = GATEWAY_UNKNOWN + 1; op <= GATEWAY_SEARCH; op++) {
		if (strcmp(gateway_op_name((enum gateway_op)op), type) == 0)
			return (enum gateway_op)op;
	}
	return GATEWAY_UNKNOWN;
}

static void read_wish(const cJSON *from, struct gateway_wish *w)
{
	const char *product_id = json_text(from, "product_id");
	const char *device_name = json_text(from, "device_name");

	w->from = from;
	w->done = true;
	w->result = CODE_BAD_PARAMETER;
	if (!product_id || !device_name)
		return;
	w->result = CODE_NO_DEVICE;
	if (!credential_product_id_ok(product_id, strlen(product_id)) ||
	    !credential_device_name_ok(device_name, strlen(device_name)))
		return;
	memcpy(w->product_id, product_id, strlen(product_id) + 1);
	memcpy(w->device_name, device_name, strlen(device_name) + 1);
	credential_client_id(product_id, device_name, w->client_id);
	w->done = false;
	w->result = CODE_OK;
}

static enum status read_wishes(const cJSON *list, struct gateway_request *out)
{
	int count = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
	const cJSON *one;

	if (count == 0 || count > GATEWAY_WISHES_MAX)
		return ST_INVALID;
	out->wishes = calloc((size_t)count, sizeof(*out->wishes));
	if (!out->wishes)
		return ST_NOMEM;
	cJSON_ArrayForEach(one, list)
	{
		read_wish(one, &out->wishes[out->count++]);
	}
	return ST_OK;
}

enum status gateway_request_parse(const void *text, size_t len, struct gateway_request *out)
{
	const char *type;
	enum status st;

	memset(out, 0, sizeof(*out));
	st = json_parse_message(text, len, &limits, &out->root);
	if (st != ST_OK)
		return st;
	type = json_text(out->root, "type");
	st = type ? ST_OK : ST_MALFORMED;
	if (type)
		out->op = op_named(type);
	if (with_devices(out->op))
		st = read_wishes(json_member(json_member(out->root, "payload"), "devices"), out);
	if (st != ST_OK && st != ST_INVALID)
		gateway_request_free(out);
	return st;
}

void gateway_request_free(struct gateway_request *r)
{
	cJSON_Delete(r->root);
	free(r->wishes);
	memset(r, 0, sizeof(*r));
}

/* --- bind --- */

static bool number_of(const cJSON *from, const char *name, int64_t most, int64_t *out)
{
	const cJSON *member = json_member(from, name);

	return member && json_int(member, true, out) && *out >= 0 && *out <= most;
}

static bool read_bind(const struct gateway_wish *w, struct bind_fields *out)
{
	out->signature = json_text(w->from, "signature");
	out->signmethod = json_text(w->from, "signmethod");
	out->authtype = json_text(w->from, "authtype");
	return out->signature && strlen(out->signature) <= SIGNATURE_MAX && out->signmethod &&
	       out->authtype && strlen(out->authtype) <= AUTHTYPE_MAX &&
	       number_of(w->from, "random", BIND_RANDOM_MAX, &out->random) &&
	       number_of(w->from, "timestamp", INT64_MAX, &out->timestamp_s);
}

static bool hash_named(const char *signmethod, enum hash *out)
{
	*out = strcmp(signmethod, "hmacsha256") == 0 ? HASH_SHA256 : HASH_SHA1;
	return *out == HASH_SHA256 || strcmp(signmethod, "hmacsha1") == 0;
}

static bool base64_text(const char *text)
{
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") ==
	       strlen(text);
}

int64_t gateway_check_bind(const struct gateway_wish *w, const struct secret *secret)
{
	char expected[BIND_SIGNATURE_SIZE];
	struct bind_fields f;
	enum hash hash;
	size_t len;

	if (!read_bind(w, &f))
		return CODE_BAD_PARAMETER;
	if (!hash_named(f.signmethod, &hash))
		return CODE_BAD_METHOD;
	if (strcmp(f.authtype, "certificate") == 0)
		return base64_text(f.signature) ? CODE_OK : CODE_BAD_SIGNATURE;
	if (strcmp(f.authtype, "psk") != 0)
		return CODE_BAD_PARAMETER;
	if (!base64_text(f.signature))
		return CODE_BAD_SIGNATURE;
	if (!secret || secret->key_len == 0)
		return CODE_OK;
	if (credential_bind_signature(secret, w->product_id, w->device_name, (uint32_t)f.random,
	                              (uint64_t)f.timestamp_s, hash, expected) != ST_OK)
		return CODE_SYSTEM;
	len = strlen(expected);
	return len == strlen(f.signature) && CRYPTO_memcmp(expected, f.signature, len) == 0
	           ? CODE_OK
	           : CODE_BAD_SIGNATURE;
}

/* Ids, Base64 and the words checked above hold nothing that JSON would escape. */
enum status gateway_put_bind_as(struct buf *out, const struct gateway_wish *w)
{
	struct bind_fields f;

	if (gateway_check_bind(w, NULL) != CODE_OK || !read_bind(w, &f))
		return ST_INVALID;
	return buf_addf(out,
	                "{\"type\":\"bind\",\"payload\":{\"devices\":["
	                "{\"product_id\":\"%s\",\"device_name\":\"%s\",\"signature\":\"%s\","
	                "\"random\":%" PRId64 ",\"timestamp\":%" PRId64
	                ",\"signmethod\":\"%s\",\"authtype\":\"%s\"}]}}",
	                w->product_id, w->device_name, f.signature, f.random, f.timestamp_s,
	                f.signmethod, f.authtype);
}

/* --- replies --- */

static bool is_id(const cJSON *member)
{
	return member->string && (strcmp(member->string, "product_id") == 0 ||
	                          strcmp(member->string, "device_name") == 0);
}

/* Whatever stood there comes back, so that its sender recognises it. */
static cJSON *answered(const struct gateway_wish *w)
{
	cJSON *out = cJSON_CreateObject();
	const cJSON *member;

	cJSON_ArrayForEach(member, w->from)
	{
		if (is_id(member))
			cJSON_AddItemToObject(out, member->string, cJSON_Duplicate(member, true));
	}
	cJSON_AddNumberToObject(out, "result", (double)w->result);
	return out;
}

enum status gateway_put_reply(struct buf *out, const struct gateway_request *r)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *devices;
	char *text;
	enum status st = ST_NOMEM;

	cJSON_AddStringToObject(root, "type", gateway_op_name(r->op));
	devices = cJSON_AddArrayToObject(cJSON_AddObjectToObject(root, "payload"), "devices");
	for (size_t i = 0; i < r->count; i++)
		cJSON_AddItemToArray(devices, answered(&r->wishes[i]));
	if (r->count == 0)
		cJSON_AddNumberToObject(root, "result", CODE_BAD_PARAMETER);
	text = devices ? cJSON_PrintUnformatted(root) : NULL;
	if (text)
		st = buf_add_text(out, text);
	cJSON_free(text);
	cJSON_Delete(root);
	return st;
}

enum status gateway_put_list_begin(struct buf *out)
{
	return buf_add_text(out, "{\"type\":\"describe_sub_devices\",\"payload\":{\"devices\":[");
}

enum status gateway_put_list_device(struct buf *out, const char *product_id,
                                    const char *device_name, bool first)
{
	return buf_addf(out, "%s{\"product_id\":\"%s\",\"device_name\":\"%s\"}", first ? "" : ",",
	                product_id, device_name);
}

enum status gateway_put_list_end(struct buf *out)
{
	return buf_add_text(out, "]}}");
}
