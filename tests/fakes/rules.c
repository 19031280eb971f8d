#include "tests/fakes/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"

static struct config_report report;

static enum status load(const char *elements, const char *more, struct config *out)
{
	char *text = NULL;
	struct config_source src = { .name = "x" };
	enum status st;

	CU_ASSERT_FATAL(asprintf(&text,
	                         "{'gateway':{'product_id':'GATEWAY001','device_name':'gw-1','secret':"
	                         "'Z2F0ZXdheS1vbmUtcHNrLQ=='},'store':{'dir':'/x'}%s,'mappings':[%s]}",
	                         more, elements) > 0);
	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	src.text = text;
	src.len = strlen(text);
	st = config_parse(&src, out, &report);
	free(text);
	return st;
}

struct config rules_of(const char *elements)
{
	struct config c;

	if (load(elements, "", &c) != ST_OK)
		fprintf(stderr, "%s\n", report.errors[0]);
	CU_ASSERT_EQUAL_FATAL(report.error_count, 0);
	return c;
}

const char *rules_fault(const char *elements, const char *more)
{
	struct config c;
	const char *at;

	if (load(elements, more, &c) == ST_OK) {
		config_free(&c);
		return "";
	}
	CU_ASSERT_EQUAL(report.error_count, 1);
	at = strstr(report.errors[0], "mappings");
	return at ? at : report.errors[0];
}
