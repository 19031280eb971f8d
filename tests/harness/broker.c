#include "tests/harness/harness.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "mosquitto version 2.1.2" is how its help begins. */
static void ask(char *version, size_t size)
{
	FILE *f = popen("PATH=/usr/sbin:$PATH mosquitto -h", "re");
	char line[256] = "";

	if (f && fgets(line, sizeof line, f))
		sscanf(line, "mosquitto version %63s", line);
	snprintf(version, size, "%s", line);
	if (f)
		pclose(f);
}

bool broker_is(const char *version)
{
	static char found[64];

	if (!found[0])
		ask(found, sizeof found);
	return strncmp(found, version, strlen(version)) == 0;
}

/* 2.0 puts them beside the libraries, 2.1 into a folder there. */
char *broker_plugin(const char *name)
{
	char *pattern = text_fmt("/usr/lib/*/mosquitto{,/mosquitto}_%s.so", name), *path = NULL;
	glob_t found = { 0 };

	if (glob(pattern, GLOB_BRACE, NULL, &found) == 0)
		path = strdup(found.gl_pathv[0]);
	globfree(&found);
	free(pattern);
	return path;
}
