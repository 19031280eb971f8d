#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/doorbell/shared_text.h"
#include "tests/runner.h"

enum {
	CHANGES = 20000
};

static struct shared_text shared;
static atomic_bool over;

static void set_then_get_gives_the_text_cut_to_size(void)
{
	char out[SHARED_TEXT_MAX + 8], small[4], *longer = malloc(2 * SHARED_TEXT_MAX);

	shared_text_init(&shared);
	shared_text_get(&shared, out, sizeof out);
	CU_ASSERT_STRING_EQUAL(out, "");
	shared_text_set(&shared, "127.0.0.1");
	shared_text_get(&shared, out, sizeof out);
	CU_ASSERT_STRING_EQUAL(out, "127.0.0.1");
	shared_text_get(&shared, small, sizeof small);
	CU_ASSERT_STRING_EQUAL(small, "127");
	memset(longer, 'x', 2 * SHARED_TEXT_MAX);
	longer[2 * SHARED_TEXT_MAX - 1] = '\0';
	shared_text_set(&shared, longer);
	shared_text_get(&shared, out, sizeof out);
	CU_ASSERT_EQUAL(strlen(out), SHARED_TEXT_MAX - 1);
	free(longer);
}

static void *change(void *arg)
{
	(void)arg;
	for (int i = 0; i < CHANGES; i++)
		shared_text_set(&shared, i % 2 ? "aaaaaaaaaaaaaaaaaaaaaaaa" : "bbbbbbbbbbbbbbbbbbbbbbbb");
	atomic_store(&over, true);
	return NULL;
}

static void a_reader_never_sees_half_of_a_change(void)
{
	unsigned mixed = 0;
	pthread_t writer;
	char out[64];

	shared_text_init(&shared);
	shared_text_set(&shared, "aaaaaaaaaaaaaaaaaaaaaaaa");
	atomic_store(&over, false);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&writer, NULL, change, NULL), 0);
	while (!atomic_load(&over)) {
		shared_text_get(&shared, out, sizeof out);
		mixed += strlen(out) != 24 || out[0] != out[23];
	}
	pthread_join(writer, NULL);
	CU_ASSERT_EQUAL(mixed, 0);
}

SUITE(shared_text, TEST(set_then_get_gives_the_text_cut_to_size),
      TEST(a_reader_never_sees_half_of_a_change))
