#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/doorbell/posted.h"
#include "tests/runner.h"

enum {
	CHANGES = 20000
};

static struct posted shared;
static atomic_bool over;

static void set_then_get_gives_the_text_cut_to_size(void)
{
	char out[POSTED_MAX + 8], small[4], *longer = malloc(2 * POSTED_MAX);

	posted_init(&shared);
	CU_ASSERT(posted_get(&shared, out, sizeof out));
	CU_ASSERT_STRING_EQUAL(out, "");
	posted_set(&shared, "127.0.0.1");
	CU_ASSERT(posted_get(&shared, out, sizeof out));
	CU_ASSERT_STRING_EQUAL(out, "127.0.0.1");
	CU_ASSERT(posted_get(&shared, small, sizeof small));
	CU_ASSERT_STRING_EQUAL(small, "127");
	memset(longer, 'x', 2 * POSTED_MAX);
	longer[2 * POSTED_MAX - 1] = '\0';
	posted_set(&shared, longer);
	CU_ASSERT(posted_get(&shared, out, sizeof out));
	CU_ASSERT_EQUAL(strlen(out), POSTED_MAX - 1);
	free(longer);
}

static void *change(void *arg)
{
	(void)arg;
	for (int i = 0; i < CHANGES; i++)
		posted_set(&shared, i % 2 ? "aaaaaaaaaaaaaaaaaaaaaaaa" : "bbbbbbbbbbbbbbbbbbbbbbbb");
	atomic_store(&over, true);
	return NULL;
}

static void a_reader_never_sees_half_of_a_change(void)
{
	unsigned mixed = 0;
	pthread_t writer;
	char out[64];

	posted_init(&shared);
	posted_set(&shared, "aaaaaaaaaaaaaaaaaaaaaaaa");
	atomic_store(&over, false);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&writer, NULL, change, NULL), 0);
	while (!atomic_load(&over)) {
		if (posted_get(&shared, out, sizeof out) && (strlen(out) != 24 || out[0] != out[23]))
			mixed++;
	}
	pthread_join(writer, NULL);
	CU_ASSERT_EQUAL(mixed, 0);
}

SUITE(posted, TEST(set_then_get_gives_the_text_cut_to_size),
      TEST(a_reader_never_sees_half_of_a_change))
