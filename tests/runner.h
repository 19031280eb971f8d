/* runner.h - how a test file announces its tests to the CUnit runner.
 *
 *	static void full_queue_refuses(void) { CU_ASSERT_EQUAL(...); }
 *	SUITE(mailbox, TEST(full_queue_refuses), TEST(...))
 *
 * build/unit and build/e2e link every such file of their folder.
 * Arguments: [--list] [--count FILE] [--beside FILE] [part of "suite.test" ...]
 * --beside: programs that are given the same FILE, empty or absent at first, share the tests.
 */
#ifndef HUBGATE_TESTS_RUNNER_H
#define HUBGATE_TESTS_RUNNER_H

#include <CUnit/CUnit.h>
#include <stddef.h>

struct test_case {
	const char *name;
	void (*run)(void);
};

struct test_suite {
	const char *name;
	const struct test_case *cases;
	size_t count;
	struct test_suite *next;
};

void runner_add(struct test_suite *suite);

/* clear is called when a test has ended, whatever came of it; NULL: nothing is. */
void runner_after_each(void (*clear)(void));

/* How often a long test repeats what it does: `whole` times in `make soak` (HUBGATE_SOAK=1), a
 * tenth of that in all other runs. */
int runner_rounds(int whole);

#define TEST(function)      \
	{                       \
#function, function \
	}
#define SUITE(id, ...)                                            \
	static const struct test_case id##_cases[] = { __VA_ARGS__ }; \
	static struct test_suite id##_suite = {                       \
		.name = #id,                                              \
		.cases = id##_cases,                                      \
		.count = sizeof id##_cases / sizeof id##_cases[0],        \
	};                                                            \
	__attribute__((constructor)) static void id##_announce(void)  \
	{                                                             \
		runner_add(&id##_suite);                                  \
	}

#endif
