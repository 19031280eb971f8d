#include "core/hub/ota_task.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEAD_MAX = 192
};

enum status ota_task_ordered(struct ota_task *t, const struct ota_command *c, const void *text,
                             size_t len, int64_t now_s)
{
	char *copy = malloc(len + 1);
	bool same_version = strcmp(t->command.version, c->version) == 0;
	bool same = t->open && same_version && ota_image_same(&t->command.image, &c->image);

	if (!copy)
		return ST_NOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';
	free(t->text);
	t->text = copy;
	t->len = len;
	t->command = *c;
	t->at_s = now_s;
	t->open = true;
	t->doubted = false;
	if (!same_version)
		t->offline = 0;
	if (!same) {
		t->told = -1;
		t->told_ms = 0;
		t->name[0] = '\0';
	}
	return ST_OK;
}

bool ota_task_doubt(struct ota_task *t)
{
	bool news = t->open && !t->doubted;

	t->doubted = t->open;
	return news;
}

bool ota_task_reported(struct ota_task *t, const struct ota_report *r)
{
	bool same = strcmp(r->version, t->command.version) == 0;
	bool ends = r->kind == OTA_REPORT_VERSION
	                ? same
	                : (r->kind == OTA_REPORT_DONE || r->kind == OTA_REPORT_FAIL) &&
	                      (same || r->version[0] == '\0');

	if (!t->open || !ends)
		return false;
	t->open = false;
	return true;
}

bool ota_task_may_offer_offline(const struct ota_task *t, int64_t now_s, uint32_t ttl_s)
{
	return t->open && !t->doubted && now_s - t->at_s < (int64_t)ttl_s &&
	       now_s >= t->at_s - (int64_t)ttl_s && t->offline < OTA_OFFLINE_OFFERS;
}

int ota_task_progress(struct ota_task *t, bool of_gateway, int percent, int64_t now_ms)
{
	int all = of_gateway ? percent / 2 : 50 + percent / 2;

	if (all <= t->told)
		return -1;
	if (all < 100 && t->told >= 0 && now_ms - t->told_ms < OTA_PROGRESS_MS)
		return -1;
	t->told = all;
	t->told_ms = now_ms;
	return all;
}

/* "AT OPEN DOUBTED OFFLINE NAME ADDRESS" and a line end, then the command as it came; - stands for
 * what is empty. */
enum status ota_task_put(struct buf *out, const struct ota_task *t)
{
	enum status st =
		buf_addf(out, "%" PRId64 " %d %d %u %s %s\n", t->at_s, t->open, t->doubted, t->offline,
	             t->name[0] ? t->name : "-", t->address[0] ? t->address : "-");

	return st == ST_OK ? buf_add(out, t->text, t->len) : st;
}

/* The first line. */
static bool read_head(struct ota_task *t, const char *line)
{
	int open, doubted;

	if (sscanf(line, "%" SCNd64 " %d %d %u %32s %63s", &t->at_s, &open, &doubted, &t->offline,
	           t->name, t->address) != 6)
		return false;
	t->open = open != 0;
	t->doubted = doubted != 0;
	if (strcmp(t->name, "-") == 0)
		t->name[0] = '\0';
	if (strcmp(t->address, "-") == 0)
		t->address[0] = '\0';
	return true;
}

enum status ota_task_read(struct ota_task *t, const void *text, size_t len)
{
	const char *line_end = memchr(text, '\n', len);
	size_t head_len = line_end ? (size_t)(line_end - (const char *)text) : HEAD_MAX;
	struct ota_task head = { .told = -1 };
	struct ota_command c;
	enum ota_down_kind kind;
	char line[HEAD_MAX];
	enum status st;

	if (head_len >= sizeof(line))
		return ST_MALFORMED;
	memcpy(line, text, head_len);
	line[head_len] = '\0';
	if (!read_head(&head, line))
		return ST_MALFORMED;
	st = ota_read_down(line_end + 1, len - head_len - 1, &kind, &c);
	if (st == ST_NOMEM)
		return st;
	if (st != ST_OK || kind != OTA_UPDATE)
		return ST_MALFORMED;
	st = ota_task_ordered(&head, &c, line_end + 1, len - head_len - 1, head.at_s);
	if (st != ST_OK)
		return st;
	read_head(&head, line); /* again: an order clears it */
	*t = head;
	return ST_OK;
}

void ota_task_fini(struct ota_task *t)
{
	free(t->text);
	t->text = NULL;
}
