#include "core/hub/login_id.h"

#include <string.h>

const char *login_id_fault(const char *id, const struct login_id_use *use)
{
	if (!id)
		return "no client id";
	if (strnlen(id, LOGIN_ID_MAX + 1) > LOGIN_ID_MAX)
		return "a client id of more than 256 bytes";
	if (strcmp(id, "http-api") == 0)
		return "this client id is the broker's own";
	if (use->another_devices)
		return "the client id is another device's";
	if (use->held)
		return "another device, an application or a client of mappings[] holds this client id now: "
			   "two cannot have one id at a broker";
	return NULL;
}
