/* rules.h - mappings[] from JSON, through the parser of hubgate.json.
 */
#ifndef HUBGATE_TESTS_RULES_H
#define HUBGATE_TESTS_RULES_H

#include "core/config/config.h"

/* The elements of mappings[]; ' stands for ". They are checked: a test that gives wrong ones ends.
 * config_free() frees. */
struct config rules_of(const char *elements);
/* The one error of a file with these elements and more members, from "mappings" on; "" when it
 * loads. Valid until the next call. */
const char *rules_fault(const char *elements, const char *more);

#endif
