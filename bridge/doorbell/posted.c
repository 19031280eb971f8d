#include "bridge/doorbell/posted.h"

#include <stdio.h>
#include <string.h>

enum {
	TRIES = 3
};

_Static_assert(sizeof(unsigned long long) * POSTED_WORDS == POSTED_MAX, "words of eight bytes");

void posted_init(struct posted *p)
{
	atomic_init(&p->version, 0);
	for (size_t i = 0; i < POSTED_WORDS; i++)
		atomic_init(&p->words[i], 0);
}

/* All accesses are sequentially consistent: it is rare and easy to believe. */
void posted_set(struct posted *p, const char *text)
{
	unsigned long long words[POSTED_WORDS] = { 0 };

	snprintf((char *)words, sizeof words, "%s", text);
	atomic_fetch_add(&p->version, 1);
	for (size_t i = 0; i < POSTED_WORDS; i++)
		atomic_store(&p->words[i], words[i]);
	atomic_fetch_add(&p->version, 1);
}

static bool copy(const struct posted *p, unsigned long long *words)
{
	unsigned before = atomic_load(&p->version);

	for (size_t i = 0; i < POSTED_WORDS; i++)
		words[i] = atomic_load(&p->words[i]);
	return before % 2 == 0 && atomic_load(&p->version) == before;
}

bool posted_get(const struct posted *p, char *out, size_t size)
{
	unsigned long long words[POSTED_WORDS];

	for (int i = 0; i < TRIES; i++) {
		if (copy(p, words)) {
			snprintf(out, size, "%s", (const char *)words);
			return true;
		}
	}
	snprintf(out, size, "%s", "");
	return false;
}
