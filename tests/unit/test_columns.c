#include "cli/columns.h"

#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"

static const struct column columns[] = {
	{ "NAME", .gives = true },
	{ "N", .right = true },
	{ "WHY", .gives = true },
};

/* The table, printed; caller frees. */
static char *print(const char *const rows[][3], size_t count, size_t width)
{
	struct columns *t = columns_new(columns, 3);
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	CU_ASSERT_FATAL(t != NULL && f != NULL);
	for (size_t i = 0; i < count; i++)
		CU_ASSERT(columns_add(t, rows[i]));
	columns_print(t, f, width);
	columns_free(t);
	fclose(f);
	return text;
}

static const char *const rows[][3] = {
	{ "\xe4\xb8\xad", "12", "because of a long story" },
	{ "a-longer-name", "3", NULL },
};

static void columns_are_as_wide_as_what_stands_in_them(void)
{
	char *text = print(rows, 2, 0);

	CU_ASSERT_STRING_EQUAL(text, "NAME            N  WHY\n"
	                             "\xe4\xb8\xad             12  because of a long story\n"
	                             "a-longer-name   3  \n");
	free(text);
}

static void a_narrow_terminal_takes_from_the_widest_column_first(void)
{
	char *text = print(rows, 2, 32);

	CU_ASSERT_STRING_EQUAL(text, "NAME            N  WHY\n"
	                             "\xe4\xb8\xad             12  because of a\xe2\x80\xa6\n"
	                             "a-longer-name   3  \n");
	free(text);
}

static void columns_keep_eight_however_narrow_it_is(void)
{
	char *text = print(rows, 2, 5);

	CU_ASSERT_STRING_EQUAL(text, "NAME       N  WHY\n"
	                             "\xe4\xb8\xad        12  because\xe2\x80\xa6\n"
	                             "a-longe\xe2\x80\xa6   3  \n");
	free(text);
}

static void a_line_break_in_a_name_makes_no_second_row(void)
{
	static const char *const hostile[][3] = { { "a\nb", "1", "\x1b[2J" } };
	char *text = print(hostile, 1, 0);

	CU_ASSERT_STRING_EQUAL(text, "NAME  N  WHY\na?b   1  ?[2J\n");
	free(text);
}

SUITE(columns, TEST(columns_are_as_wide_as_what_stands_in_them),
      TEST(a_narrow_terminal_takes_from_the_widest_column_first),
      TEST(columns_keep_eight_however_narrow_it_is),
      TEST(a_line_break_in_a_name_makes_no_second_row))
