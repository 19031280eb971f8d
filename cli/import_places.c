#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/import_impl.h"

void import_folder_of(const char *path, char out[IMPORT_PATH])
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		snprintf(out, IMPORT_PATH, ".");
	else
		snprintf(out, IMPORT_PATH, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

void import_target(const struct import *i, enum archive_kind kind, const char *path,
                   char out[IMPORT_PATH])
{
	char folder[IMPORT_PATH];
	size_t len;

	if (kind == ARCHIVE_FILE) {
		snprintf(out, IMPORT_PATH, "%s", path);
		return;
	}
	import_folder_of(i->config, folder);
	len = strlen(folder);
	snprintf(out, IMPORT_PATH, "%.*s/%.*s", (int)len, folder, (int)(IMPORT_PATH - len - 2), path);
}

int import_broken(const struct import *i, enum status st)
{
	if (st == ST_IO)
		return cli_failed(i->command, "%s cannot be read: %s", i->name, strerror(errno));
	if (st == ST_NOMEM)
		return cli_failed(i->command, "no memory");
	return cli_failed(i->command,
	                  "%s is damaged or not whole: take another copy of it; nothing was written",
	                  i->name);
}
