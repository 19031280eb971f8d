/* credential.h - login strings and signatures of the hub.
 * Room:  any. Pure (HMAC from OpenSSL).
 * Facts: docs/protocol/connection.md 1, 4, 9; docs/protocol/gateway.md 3; vectors there.
 * Secrets pass as struct secret and are wiped by secret_wipe().
 */
#ifndef HUBGATE_CREDENTIAL_H
#define HUBGATE_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

enum {
	PRODUCT_ID_LEN = 10,
	DEVICE_NAME_MAX = 48,
	CLIENT_ID_MAX = PRODUCT_ID_LEN + DEVICE_NAME_MAX,
	SECRET_TEXT_MAX = 64,
	SECRET_KEY_MAX = 48,
	USERNAME_MAX = 160, /* of ours; a peer's longer one is malformed */
	PASSWORD_MAX = 80,
	CONNID_LEN = 5,
};

enum hash {
	HASH_SHA1,
	HASH_SHA256
};

struct secret {
	char text[SECRET_TEXT_MAX + 1];    /* Base64 as configured: bind signature key */
	unsigned char key[SECRET_KEY_MAX]; /* decoded: MQTT password and TLS-PSK key */
	size_t key_len;
};

struct device_certificate { /* digests of its file, in hex; "": none */
	char md5[33], sha1[41];
};

/* ST_OK; ST_MALFORMED: not 4..64 characters of standard Base64 with padding (*out
 * is then wiped). Unused low bits before the padding may be set, as in any client's
 * decoder; keys differing only there are the same key. */
enum status secret_parse(const char *text, struct secret *out);
void secret_wipe(struct secret *s); /* a wiped secret lets nobody in */

/* {pid}: exactly 10 of [A-Z0-9a-z]; {dname}: 1..48 of [A-Za-z0-9:_-]. */
bool credential_product_id_ok(const char *text, size_t len);
bool credential_device_name_ok(const char *text, size_t len);

/* The client id of a device, {pid}{dname} (docs/protocol/connection.md 1), and its length: over
 * CLIENT_ID_MAX when the two do not fit and *out was cut, which their grammar rules out. */
size_t credential_client_id(const char *product_id, const char *device_name,
                            char out[CLIENT_ID_MAX + 1]);
/* The other way: its product id, and the device name, which is the rest of client_id. NULL: too
 * short for both, *product_id is as it was. */
const char *credential_split(const char *client_id, char product_id[PRODUCT_ID_LEN + 1]);

struct login { /* the fields of a hub username */
	char product_id[PRODUCT_ID_LEN + 1];
	char device_name[DEVICE_NAME_MAX + 1];
	uint64_t expiry_s; /* Unix seconds; UINT64_MAX when absent or beyond 64 bits */
};

/* Splits {pid}{dname};{sdkappid};{connid}[;{expiry}] (3 fields: 2018 form). Any
 * sdkappid and connid are taken, also empty ones; expiry is decimal digits only.
 * ST_OK; ST_MALFORMED (also over USERNAME_MAX bytes; *out is then unspecified). */
enum status credential_parse_username(const char *username, struct login *out);

/* Such a user name begins with the device's client id: its length. 0: the name has no such form. */
size_t credential_username_id(const char *username);

/* Compares in constant time; expiry is the caller's to judge. ST_OK; ST_DENIED
 * (wrong digest, or secret wiped); ST_MALFORMED (not "{hex};hmacsha1|hmacsha256", a
 * digest length that is not the algorithm's, or username over USERNAME_MAX bytes);
 * ST_NOMEM. Algorithm names in any letter case (docs/protocol/connection.md 4). Hex digits too:
 * what the hub does with upper case is unpublished, and case holds no secret. */
enum status credential_check_password(const struct secret *s, const char *username,
                                      const char *password);

/* The connid that these bytes make, which the caller draws anew for each attempt. */
void credential_connid(const unsigned char random[CONNID_LEN], char out[CONNID_LEN + 1]);
/* expiry_s 0: never expires (9223372036854775807). connid: 5 of [A-Za-z0-9], fresh
 * for every attempt. ST_OK; ST_INVALID for values out of their grammar. */
enum status credential_username(const char *product_id, const char *device_name, const char *connid,
                                uint64_t expiry_s, char out[USERNAME_MAX + 1]);

/* The password that signs username with s->key: "{hex};{algorithm}". ST_OK;
 * ST_INVALID (username over USERNAME_MAX bytes, or secret wiped); ST_NOMEM. */
enum status credential_password(const struct secret *s, const char *username, enum hash hash,
                                char out[PASSWORD_MAX + 1]);

enum {
	BIND_SIGNATURE_SIZE = 48,
	BIND_RANDOM_MAX = 2147483647
};

/* Bind signature: Base64 of the raw digest, keyed with s->text, not with s->key
 * (docs/protocol/gateway.md 3). For authtype certificate s->text holds the hex digest of the file.
 * ST_OK; ST_INVALID (ids out of their grammar, random over BIND_RANDOM_MAX, or
 * secret wiped); ST_NOMEM. */
enum status credential_bind_signature(const struct secret *s, const char *product_id,
                                      const char *device_name, uint32_t random,
                                      uint64_t timestamp_s, enum hash hash,
                                      char out[BIND_SIGNATURE_SIZE]);

#endif
