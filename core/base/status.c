#include "core/base/status.h"

#include <stddef.h>

static const char *const texts[] = {
#define X(name, text) text,
	STATUS_TABLE(X)
#undef X
};

const char *status_text(enum status st)
{
	size_t i = (size_t)st;

	return i < sizeof texts / sizeof texts[0] ? texts[i] : "unknown status";
}
