#include "plugin/control/letters_job.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "core/json/json.h"
#include "core/json/json_writer.h"
#include "plugin/base/asker.h"
#include "shadowstore/dead_letter.h"

enum {
	LINE_BYTES_MAX = 512 << 10,
	LETTER_BYTES = 1024, /* of one in a list, at most */
	TAIL_BYTES = 128,
	NAME_BYTES = 80,
	ID_BYTES = 24,
};

static const struct json_limits limits = { .bytes = LINE_BYTES_MAX, .depth = 2, .values = 32 };

static bool is_wanted(const struct letters_job *j, uint64_t id)
{
	for (size_t i = 0; !j->all && i < j->id_count; i++) {
		if (j->ids[i] == id)
			return true;
	}
	return j->all;
}

/* A line that was damaged is no letter. NULL: so, or no memory. Caller owns it. */
static cJSON *read_line(const char *line, size_t len)
{
	cJSON *root = NULL;

	if (json_parse_message(line, len, &limits, &root) != ST_OK)
		return NULL;
	if (json_text(root, "product_id") && json_text(root, "device_name") &&
	    json_text(root, "topic") &&
	    (json_text(root, "payload") || json_text(root, "payload_base64")))
		return root;
	cJSON_Delete(root);
	return NULL;
}

/* Bytes that Base64 text stands for. */
static size_t decoded_len(const char *text)
{
	size_t len = strlen(text), pad = 0;

	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	return len / 4 * 3 > pad ? len / 4 * 3 - pad : 0;
}

static size_t payload_len(const cJSON *letter)
{
	const char *text = json_text(letter, "payload");

	return text ? strlen(text) : decoded_len(json_text(letter, "payload_base64"));
}

/* --- list --- */

struct listing {
	struct letters_job *job;
	struct json_writer w;
	size_t total;
	unsigned written;
	uint64_t last;
	bool begun, more;
};

static void put_letter(struct json_writer *w, uint64_t id, const cJSON *letter)
{
	char name[NAME_BYTES];

	snprintf(name, sizeof(name), "%.10s/%.48s", json_text(letter, "product_id"),
	         json_text(letter, "device_name"));
	json_open(w, NULL, '{');
	json_put_count(w, "id", id);
	json_put_text(w, "time", json_text(letter, "time"));
	json_put_text(w, "name", name);
	json_put_text(w, "topic", json_text(letter, "topic"));
	json_put_text(w, "reason", json_text(letter, "reason"));
	json_put_count(w, "bytes", payload_len(letter));
	json_close(w, '}');
}

static bool list_line(void *ctx, uint64_t id, const char *line, size_t len)
{
	struct listing *l = ctx;
	struct letters_job *j = l->job;
	cJSON *letter = read_line(line, len);

	if (!letter)
		return true;
	l->total++;
	if (!l->begun) {
		l->begun = id == j->after;
	} else if (l->more || l->written == j->count ||
	           j->out.max - j->out.len < LETTER_BYTES + TAIL_BYTES) {
		l->more = true;
	} else {
		put_letter(&l->w, id, letter);
		l->written++;
		l->last = id;
	}
	cJSON_Delete(letter);
	return true;
}

static void list(struct letters_job *j)
{
	struct listing l = { .job = j, .begun = j->after == 0 };
	char next[ID_BYTES];

	j->out = (struct buf)BUF_MAX(ASKER_DATA_MAX);
	l.w = (struct json_writer)JSON_WRITER(&j->out);
	json_open(&l.w, NULL, '{');
	json_open(&l.w, "letters", '[');
	j->st = dead_letter_read(j->dir, list_line, &l);
	json_close(&l.w, ']');
	json_put_count(&l.w, "total", l.total);
	if (l.more) {
		snprintf(next, sizeof(next), "%llu", (unsigned long long)l.last);
		json_put_text(&l.w, "next", next);
	}
	json_close(&l.w, '}');
	if (j->st == ST_OK)
		j->st = l.w.st;
}

/* --- take --- */

static enum status copy_payload(struct letter *to, const cJSON *letter)
{
	const char *text = json_text(letter, "payload"), *coded = json_text(letter, "payload_base64");
	size_t room = strlen(text ? text : coded) + 4;

	to->payload = malloc(room);
	if (!to->payload)
		return ST_NOMEM;
	to->len = payload_len(letter);
	if (text)
		memcpy(to->payload, text, to->len);
	else if (EVP_DecodeBlock(to->payload, (const unsigned char *)coded, (int)strlen(coded)) < 0)
		return ST_MALFORMED;
	return ST_OK;
}

static enum status copy_letter(struct letter *to, uint64_t id, const cJSON *letter)
{
	const char *product_id = json_text(letter, "product_id");
	const char *device_name = json_text(letter, "device_name");
	int64_t qos = 1;

	if (!credential_product_id_ok(product_id, strlen(product_id)) ||
	    !credential_device_name_ok(device_name, strlen(device_name)))
		return ST_MALFORMED;
	credential_client_id(product_id, device_name, to->client_id);
	to->id = id;
	if (json_int(json_member(letter, "qos"), false, &qos) && qos == 0)
		to->qos = 0;
	else
		to->qos = 1;
	to->topic = strdup(json_text(letter, "topic"));
	return to->topic ? copy_payload(to, letter) : ST_NOMEM;
}

static void letter_free(struct letter *l)
{
	free(l->topic);
	free(l->payload);
	memset(l, 0, sizeof(*l));
}

/* One that cannot be read stays where it is. */
static bool take_line(void *ctx, uint64_t id, const char *line, size_t len)
{
	struct letters_job *j = ctx;
	struct letter *to = &j->letters[j->letter_count];
	cJSON *letter = is_wanted(j, id) ? read_line(line, len) : NULL;
	enum status st;

	if (!letter)
		return true;
	st = copy_letter(to, id, letter);
	cJSON_Delete(letter);
	if (st == ST_OK)
		j->letter_count++;
	else
		letter_free(to);
	if (st == ST_NOMEM)
		j->st = st;
	return st != ST_NOMEM && j->letter_count < LETTERS_TAKE_MAX;
}

static void take(struct letters_job *j)
{
	enum status st;

	j->st = ST_OK;
	st = dead_letter_read(j->dir, take_line, j);
	if (st != ST_OK)
		j->st = st;
}

/* --- drop --- */

static bool drop_line(void *ctx, uint64_t id, const char *line, size_t len)
{
	(void)line;
	(void)len;
	return is_wanted(ctx, id);
}

void letters_job_run(struct letters_job *j)
{
	IN_ROOM(ROOM_DISK);
	if (j->what == LETTERS_LIST)
		list(j);
	else if (j->what == LETTERS_TAKE)
		take(j);
	else
		j->st = dead_letter_drop(j->dir, drop_line, j, &j->dropped);
}

void letters_job_empty(struct letters_job *j)
{
	for (size_t i = 0; i < LETTERS_TAKE_MAX; i++)
		letter_free(&j->letters[i]);
	j->letter_count = 0;
	buf_free(&j->out);
}
