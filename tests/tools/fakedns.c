/* Preloaded into the command: names resolve as HUBGATE_FAKEDNS says, "name=address name=address".
 * Others are asked for as ever. */
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The address of name in the list; NULL: it is not there. */
static const char *fake(const char *name, char *list)
{
	char *rest = list, *word;

	while ((word = strsep(&rest, " "))) {
		char *address = strchr(word, '=');

		if (!address)
			continue;
		*address++ = '\0';
		if (strcmp(word, name) == 0)
			return address;
	}
	return NULL;
}

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
	static int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	const char *all = getenv("HUBGATE_FAKEDNS");
	char *list = strdup(all ? all : "");
	const char *address = list && name ? fake(name, list) : NULL;
	void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
	int rc;

	memcpy(&next, &symbol, sizeof next);
	/* A name stays none where only addresses are wanted. */
	if (hints && (hints->ai_flags & AI_NUMERICHOST))
		address = NULL;
	rc = next(address ? address : name, service, hints, out);
	free(list);
	return rc;
}
