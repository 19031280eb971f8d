/* status.h - the answer of `status`, for people. */
#ifndef HUBGATE_CLI_STATUS_H
#define HUBGATE_CLI_STATUS_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "cli/cli.h"

void status_show(const cJSON *status);     /* on standard output */
bool status_is_ready(const cJSON *status); /* logged in at the hub */

#endif
