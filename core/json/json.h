/* json.h - the bounded reader through which all JSON from outside enters: json_parse() for files,
 * which people can mend, json_parse_message() for what devices, applications and the hub send.
 * Room:  any. Pure.
 * Keeps: number tokens keep their text (cJSON_Raw nodes), strings are valid
 *        UTF-8 without NUL, member names are unique, nothing follows the value.
 * Facts: docs/architecture.md 12 - cJSON's own parser turns 0.0 into 0.
 */
#ifndef HUBGATE_JSON_H
#define HUBGATE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

struct json_limits {
	size_t bytes;    /* of the text */
	unsigned depth;  /* nested arrays and objects; a bare scalar is 0 */
	unsigned values; /* nodes in all */
};

enum {
	JSON_PATH_MAX = 128,
	JSON_VALID_DEPTH = 16384, /* deeper than any message of the hub can be */
};

struct json_error {           /* where and why; text is static */
	unsigned line, column;    /* from 1 */
	const char *what;         /* the cause, and what to do */
	char path[JSON_PATH_MAX]; /* of the member that is meant, as devices[3].secret; "" for none */
};

/* Called for every node with the line its value starts on; NULL: not wanted. */
typedef void json_line_fn(void *ctx, const cJSON *node, unsigned line);

/* Caller owns *out (cJSON_Delete). err may be NULL. ST_OK; ST_MALFORMED;
 * ST_TOOBIG (a limit); ST_NOMEM. White space around the value is allowed.
 * Never deeper than 128 and never over 2 GiB, whatever lim says. on_node is
 * called as each node is made, containers before their content; when json_parse
 * then fails, the nodes announced are gone. */
enum status json_parse(const char *text, size_t len, const struct json_limits *lim, cJSON **out,
                       struct json_error *err, json_line_fn *on_node, void *ctx);

/* The same for messages, which are taken as other readers take them: of a repeated member name the
 * last counts, and one NUL, CR, LF or 0x1A behind the text is left out, which is how C programs,
 * terminals and the hub (docs/protocol/shadow.md 2) end theirs. */
enum status json_parse_message(const char *text, size_t len, const struct json_limits *lim,
                               cJSON **out);
/* len without that byte: where the JSON of a message ends that is sent on as it came. */
size_t json_message_len(const char *text, size_t len);

/* Whether a message is JSON, by the grammar alone: as many values, as deep and as large as it likes
 * (repeated names included). Allocates nothing; time grows with len. */
bool json_valid(const char *text, size_t len);

/* Numbers of such trees. false: not a number token, or not an exact integer in
 * range (5, 5.0, 5e0 are; 5.5 is not); json_int() also takes a string of digits when lenient is
 * true (docs/protocol/README.md: numbers as strings). */
bool json_is_number(const cJSON *node);
bool json_int(const cJSON *node, bool lenient, int64_t *out);
/* Whether two number tokens are equal (docs/protocol/shadow.md 1, Numbers). Without point and
 * exponent in both: when their digits are, however many; -0 is 0. Else: when both read as the same
 * double, so 23.699999999999999 is 23.7, and 1e2 is 100. */
bool json_number_equal(const char *a, const char *b);
/* Member of an object, case-sensitive; NULL when absent or obj is no object. */
const cJSON *json_member(const cJSON *obj, const char *name);
/* Text of a string member; NULL when absent or not a string. */
const char *json_text(const cJSON *obj, const char *name);

/* Appends text as a JSON string with its quotes. struct buf from core/base/buf.h. */
struct buf;
enum status json_add_string(struct buf *out, const char *text);

#endif
