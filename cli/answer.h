/* answer.h - looking at what the plugin answered: members by path ("hub.state"), in trees of
 * core/json/json. What is missing is "", 0 or false: an older or newer plugin is no fault. */
#ifndef HUBGATE_CLI_ANSWER_H
#define HUBGATE_CLI_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

enum {
	ANSWER_NAME_MAX = 160, /* of answer_name(), with NUL */
	ANSWER_NUMBER_MAX = 32
};

const cJSON *answer_at(const cJSON *data, const char *path); /* NULL: missing */
const char *answer_text(const cJSON *data, const char *path);
bool answer_is(const cJSON *data, const char *path);                     /* true */
bool answer_number(const cJSON *data, const char *path, double *number); /* false: missing, null */
double answer_count(const cJSON *data, const char *path);
/* The number's text; `none` when there is none. */
void answer_number_text(const cJSON *data, const char *path, const char *none,
                        char out[ANSWER_NUMBER_MAX]);
/* "PRODUCT_ID/DEVICE_NAME" of an object that has both, else its "name". */
void answer_name(const cJSON *device, char out[ANSWER_NAME_MAX]);

/* One line on standard output, for --json. Returns an exit code. */
struct cli_command;
int answer_print_json(const struct cli_command *c, const cJSON *data);

#endif
