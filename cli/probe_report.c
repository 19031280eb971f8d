#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/probe.h"

/* --- for people --- */

void probe_report_print(const struct probe *p, const struct probe_result *all, size_t count)
{
	char *settings = p->settings && p->settings->child ? cJSON_Print(p->settings) : NULL;

	putchar('\n');
	for (size_t i = 0; i < count; i++) {
		const struct probe_answer *a = &all[i].answer;

		printf("%2u  %s\n    %s: %s\n", all[i].question->doubt, all[i].question->asks,
		       a->reading ? a->reading : "not asked", a->says);
		if (a->follows[0])
			printf("    -> %s\n", a->follows);
	}
	if (settings)
		printf("\nSettings of hubgate.json that follow:\n%s\n", settings);
	else
		printf("\nNo setting of hubgate.json has to change.\n");
	cJSON_free(settings);
}

/* --- the file --- */

/* The vendor's host begins with the product id. */
static void add_host(cJSON *root, const struct probe *p)
{
	const char *host = p->config.hub.host, *id = p->gateway.product_id;
	char text[300];

	if (strncasecmp(host, id, strlen(id)) == 0 && host[strlen(id)] == '.')
		snprintf(text, sizeof text, "{product_id}%s", host + strlen(id));
	else
		snprintf(text, sizeof text, "%s", host);
	cJSON_AddStringToObject(root, "host", text);
	cJSON_AddStringToObject(root, "limits_of", p->region ? p->region->name : "unknown");
}

static void add_answers(cJSON *root, const struct probe_result *all, size_t count)
{
	cJSON *list = cJSON_AddArrayToObject(root, "answers");

	for (size_t i = 0; i < count; i++) {
		const struct probe_answer *a = &all[i].answer;
		cJSON *entry = cJSON_CreateObject();

		cJSON_AddNumberToObject(entry, "doubt", all[i].question->doubt);
		cJSON_AddStringToObject(entry, "question", all[i].question->asks);
		cJSON_AddStringToObject(entry, "reading", a->reading ? a->reading : "not asked");
		cJSON_AddStringToObject(entry, "says", a->says);
		cJSON_AddStringToObject(entry, "follows", a->follows);
		cJSON_AddItemToArray(list, entry);
	}
}

static char *text_of(const struct probe *p, const struct probe_result *all, size_t count)
{
	cJSON *root = cJSON_CreateObject();
	time_t now = time(NULL);
	char date[32], *text;
	struct tm utc;

	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	cJSON_AddStringToObject(root, "date", date);
	add_host(root, p);
	add_answers(root, all, count);
	cJSON_AddItemToObject(root, "settings", cJSON_Duplicate(p->settings, true));
	text = cJSON_Print(root);
	cJSON_Delete(root);
	return text;
}

int probe_report_may(const struct cli_command *c, const char *path)
{
	if (access(path, F_OK) != 0)
		return CLI_OK;
	return cli_failed(c, "%s is there already: name another --report", path);
}

static bool write_all(int fd, const char *text)
{
	size_t len = strlen(text), done = 0;

	while (done < len) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0 && errno != EINTR)
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	return write(fd, "\n", 1) == 1;
}

int probe_report_write(const struct cli_command *c, const struct probe *p,
                       const struct probe_result *all, size_t count, const char *path)
{
	char *text = text_of(p, all, count);
	int fd = text ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
	int code = CLI_OK;

	if (fd < 0 || !write_all(fd, text))
		code =
			cli_failed(c, "%s cannot be written: %s", path, text ? strerror(errno) : "no memory");
	if (fd >= 0 && close(fd) != 0 && code == CLI_OK)
		code = cli_failed(c, "%s cannot be written: %s", path, strerror(errno));
	cJSON_free(text);
	return code;
}
