/* Check of what stands in store.dir: is it a store that may be started here? */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/check.h"
#include "shadowstore/store_format.h"

/* "not started: CAUSE: FIX" of the start becomes the finding. */
static void take_line(void *ctx, enum log_level level, const char *line)
{
	static const char start[] = "not started: ";
	struct finding *out = ctx;
	const char *fix = NULL;

	(void)level;
	if (strncmp(line, start, sizeof start - 1) == 0)
		line += sizeof start - 1;
	for (const char *colon = line; (colon = strstr(colon, ": ")) != NULL; colon += 2)
		fix = colon;
	check_says(out, VERDICT_FAIL, fix ? fix + 2 : "", "%.*s",
	           fix ? (int)(fix - line) : (int)strlen(line), line);
}

static void store_lives_here(const struct check_facts *f, struct finding *out)
{
	const struct log log = { .sink = take_line, .ctx = out };
	int dir;

	if (!f->have_config) {
		check_says(out, VERDICT_SKIP, "", "hubgate.json has faults");
		return;
	}
	dir = open(f->config.store.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return; /* store-dir tells */
	store_format_check(dir, f->config.store.dir, &log);
	close(dir);
}

static const struct check checks[] = {
	{ "store-here", store_lives_here },
};

const struct check_table check_store = { checks, sizeof checks / sizeof checks[0] };
