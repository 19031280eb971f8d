#include "tests/hubsim/shadow.h"

#include "tests/hubsim/send.h"

#include <mosquitto_broker.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers keep their spelling: inside the documents they are texts that begin with this. */
#define MARK           '\x01'
#define MARK_TEXT      "\\u0001"
#define CONFLICT       5005
#define REFUSED        5002
#define SIZE_MAX_BYTES 16384

struct document {
	struct document *next;
	char key[KEY_ROOM];
	cJSON *reported, *desired;
	int64_t timestamp_ms;
	unsigned version, updates;
};

struct shadows {
	struct cloud *cloud;
	struct events *events;
	struct document *all;
	int mute;
	struct shadow_habits habits;
	unsigned gets, updates, conflicts, refused;
};

struct shadows *shadows_new(struct cloud *c, struct events *e)
{
	struct shadows *s = calloc(1, sizeof *s);

	if (s) {
		s->cloud = c;
		s->events = e;
		s->habits = (struct shadow_habits){ .first_version = 1, .tail = '\n' };
	}
	return s;
}

static void document_free(struct document *d)
{
	cJSON_Delete(d->reported);
	cJSON_Delete(d->desired);
	free(d);
}

void shadows_free(struct shadows *s)
{
	while (s && s->all) {
		struct document *d = s->all;

		s->all = d->next;
		document_free(d);
	}
	free(s);
}

/* --- text with numbers as they are spelled --- */

static cJSON *parse(const char *text, size_t len)
{
	char *marked = malloc(len * 9 + 1);
	bool in_string = false;
	size_t n = 0;
	cJSON *out;

	for (size_t i = 0; marked && i < len; i++) {
		size_t digits = in_string || !strchr("-0123456789", text[i]) || text[i] == '\0'
		                    ? 0
		                    : strspn(text + i, "-+.eE0123456789");

		if (digits > 0 && digits <= len - i) {
			n += (size_t)sprintf(marked + n, "\"" MARK_TEXT "%.*s\"", (int)digits, text + i);
			i += digits - 1;
			continue;
		}
		if (text[i] == '"')
			in_string = !in_string;
		marked[n++] = text[i];
		if (in_string && text[i] == '\\' && i + 1 < len)
			marked[n++] = text[++i];
	}
	out = marked ? cJSON_ParseWithLength(marked, n) : NULL;
	free(marked);
	return out;
}

/* Caller frees. */
static char *print(const cJSON *tree)
{
	char *text = cJSON_PrintUnformatted(tree), *to = text;

	for (const char *from = text; from && *from;) {
		size_t mark = strlen("\"" MARK_TEXT);

		if (strncmp(from, "\"" MARK_TEXT, mark) == 0) {
			size_t len = strcspn(from + mark, "\"");

			memmove(to, from + mark, len);
			to += len;
			from += mark + len + 1;
		} else {
			*to++ = *from++;
		}
	}
	if (to)
		*to = '\0';
	return text;
}

static bool is_number(const cJSON *node)
{
	return cJSON_IsString(node) && node->valuestring[0] == MARK;
}

static int64_t number(const cJSON *node, int64_t otherwise)
{
	return is_number(node) ? strtoll(node->valuestring + 1, NULL, 10) : otherwise;
}

static bool has_fraction(const cJSON *number)
{
	return strpbrk(number->valuestring, ".eE") != NULL;
}

/* Doubles as the hub writes them. */
static void respell(cJSON *tree)
{
	char text[40] = { MARK };
	cJSON *m;

	cJSON_ArrayForEach(m, tree) respell(m);
	if (!is_number(tree) || !has_fraction(tree))
		return;
	snprintf(text + 1, sizeof text - 4, "%.17g", strtod(tree->valuestring + 1, NULL));
	if (!strpbrk(text, ".e"))
		strcat(text, ".0");
	free(tree->valuestring);
	tree->valuestring = strdup(text);
	if (!tree->valuestring)
		abort();
}

static bool equal(const cJSON *a, const cJSON *b)
{
	const cJSON *x, *y;

	if (is_number(a) && is_number(b))
		return strcmp(a->valuestring, b->valuestring) == 0 ||
		       ((has_fraction(a) || has_fraction(b)) &&
		        strtod(a->valuestring + 1, NULL) == strtod(b->valuestring + 1, NULL));
	if (!cJSON_IsArray(a) && !cJSON_IsObject(a))
		return cJSON_Compare(a, b, true);
	if ((a->type & 0xff) != (b->type & 0xff) || cJSON_GetArraySize(a) != cJSON_GetArraySize(b))
		return false;
	for (x = a->child, y = b->child; x; x = x->next, y = y->next) {
		const cJSON *other = cJSON_IsArray(a) ? y : cJSON_GetObjectItemCaseSensitive(b, x->string);

		if (!other || !equal(x, other))
			return false;
	}
	return true;
}

/* --- documents --- */

static void path_of(const struct shadows *s, const char *key, char out[512])
{
	snprintf(out, 512, "%.400s.shadow.%.10s.%s", s->cloud->state_file, key, key + PID_LEN + 1);
}

static void save(const struct shadows *s, const struct document *d)
{
	char path[512], *reported = print(d->reported), *desired = print(d->desired);
	FILE *f;

	path_of(s, d->key, path);
	f = s->cloud->state_file ? fopen(path, "we") : NULL;
	if (f) {
		fprintf(f, "{\"version\":%u,\"time\":%lld,\"reported\":%s,\"desired\":%s}", d->version,
		        (long long)d->timestamp_ms, reported, desired);
		fclose(f);
	}
	free(reported);
	free(desired);
}

static void load(const struct shadows *s, struct document *d)
{
	char path[512], *text = NULL;
	size_t room = 0;
	FILE *f;
	cJSON *root;

	path_of(s, d->key, path);
	f = s->cloud->state_file ? fopen(path, "re") : NULL;
	if (!f)
		return;
	if (getdelim(&text, &room, '\0', f) > 0 && (root = parse(text, strlen(text)))) {
		cJSON_Delete(d->reported);
		cJSON_Delete(d->desired);
		d->reported = cJSON_DetachItemFromObject(root, "reported");
		d->desired = cJSON_DetachItemFromObject(root, "desired");
		d->version = (unsigned)number(cJSON_GetObjectItem(root, "version"), 0);
		d->timestamp_ms = number(cJSON_GetObjectItem(root, "time"), 0);
		cJSON_Delete(root);
	}
	free(text);
	fclose(f);
}

static struct document *document_of(struct shadows *s, const char *key)
{
	struct document *d = s->all;

	while (d && strcmp(d->key, key) != 0)
		d = d->next;
	if (d)
		return d;
	d = calloc(1, sizeof *d);
	if (!d)
		abort();
	snprintf(d->key, sizeof d->key, "%s", key);
	d->reported = cJSON_CreateObject();
	d->desired = cJSON_CreateObject();
	load(s, d);
	d->next = s->all;
	s->all = d;
	return d;
}

static void merge(cJSON *dst, const cJSON *src)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, src)
	{
		cJSON *old = cJSON_GetObjectItemCaseSensitive(dst, m->string);

		if (cJSON_IsObject(m)) {
			if (!cJSON_IsObject(old)) {
				cJSON_DeleteItemFromObjectCaseSensitive(dst, m->string);
				old = cJSON_AddObjectToObject(dst, m->string);
			}
			merge(old, m);
			continue;
		}
		if (!cJSON_IsNull(m) && old)
			cJSON_ReplaceItemInObjectCaseSensitive(dst, m->string, cJSON_Duplicate(m, true));
		else if (!cJSON_IsNull(m))
			cJSON_AddItemToObject(dst, m->string, cJSON_Duplicate(m, true));
		else
			cJSON_DeleteItemFromObjectCaseSensitive(dst, m->string);
	}
}

/* Members of want that are not so in have. */
static cJSON *differing(const cJSON *have, const cJSON *want)
{
	cJSON *out = cJSON_CreateObject();
	const cJSON *m;

	cJSON_ArrayForEach(m, want)
	{
		const cJSON *old = cJSON_GetObjectItemCaseSensitive(have, m->string);
		cJSON *inner;

		if (old && equal(old, m))
			continue;
		inner =
			cJSON_IsObject(old) && cJSON_IsObject(m) ? differing(old, m) : cJSON_Duplicate(m, true);
		cJSON_AddItemToObject(out, m->string, inner);
	}
	return out;
}

/* The document was changed. */
static void written(const struct shadows *s, struct document *d)
{
	d->version = d->timestamp_ms ? d->version + 1 : s->habits.first_version;
	d->timestamp_ms = cloud_now_ms(s->cloud);
	save(s, d);
}

/* --- messages --- */

/* text ends with the newline that becomes the tail. */
static void send_text(struct shadows *s, const struct document *d, char *text)
{
	size_t len = strlen(text);

	char topic[sizeof "$shadow/operation/result/" + KEY_ROOM];

	if (s->mute != 0) {
		s->mute -= s->mute > 0;
		return;
	}
	snprintf(topic, sizeof topic, "$shadow/operation/result/%s", d->key);
	text[len - 1] = s->habits.tail;
	send_message(topic, text, len, 0);
}

/* Takes state. */
static void answer(struct shadows *s, const struct document *d, const cJSON *request, int result,
                   int64_t outer, cJSON *state)
{
	const cJSON *token = cJSON_GetObjectItem(request, "clientToken");
	char *token_text = token ? print(token) : NULL, *state_text = print(state), *text = NULL;
	long long inner = d->timestamp_ms ? d->timestamp_ms : cloud_now_ms(s->cloud) / 1000;

	if (asprintf(&text,
	             "{%s%s%s\"payload\":{\"state\":%s,\"timestamp\":%lld,\"version\":%u},"
	             "\"result\":%d,\"timestamp\":%lld,\"type\":\"%s\"}\n",
	             token ? "\"clientToken\":" : "", token ? token_text : "", token ? "," : "",
	             state_text, inner, d->version, result, (long long)outer,
	             cJSON_GetStringValue(cJSON_GetObjectItem(request, "type"))) > 0)
		send_text(s, d, text);
	free(text);
	free(token_text);
	free(state_text);
	cJSON_Delete(state);
}

static cJSON *whole(const struct document *d)
{
	cJSON *state = cJSON_CreateObject(), *delta;

	if (d->desired->child) {
		delta = differing(d->reported, d->desired);
		if (delta->child)
			cJSON_AddItemToObject(state, "delta", delta);
		else
			cJSON_Delete(delta);
		cJSON_AddItemToObject(state, "desired", cJSON_Duplicate(d->desired, true));
	}
	cJSON_AddItemToObject(state, "reported", cJSON_Duplicate(d->reported, true));
	return state;
}

static void report(struct shadows *s, const struct document *d, const char *type, int result)
{
	cJSON *ev = event_new("shadow");

	cJSON_AddStringToObject(ev, "device", d->key);
	cJSON_AddStringToObject(ev, "type", type);
	cJSON_AddNumberToObject(ev, "result", result);
	cJSON_AddNumberToObject(ev, "version", d->version);
	event_push(s->events, ev);
}

/* Nobody but the application may set a desired value. */
static bool clears_only(const cJSON *desired)
{
	const cJSON *m;

	if (!desired || cJSON_IsNull(desired))
		return true;
	if (cJSON_IsString(desired))
		return desired->valuestring[0] == '\0';
	cJSON_ArrayForEach(m, desired)
	{
		if (!cJSON_IsNull(m) && !(cJSON_IsObject(m) && m->child && clears_only(m)))
			return false;
	}
	return cJSON_IsObject(desired);
}

static size_t leaves_of(const cJSON *node)
{
	const cJSON *child;
	size_t n = 0;

	cJSON_ArrayForEach(child, node)
	{
		n += cJSON_IsObject(child) ? leaves_of(child) : 1;
	}
	return n;
}

static bool too_many(const struct shadows *s, const cJSON *reported)
{
	const struct limits *lim = &s->cloud->limits;

	return lim->enforce && lim->attributes > 0 && leaves_of(reported) > (size_t)lim->attributes;
}

static void update(struct shadows *s, struct document *d, const cJSON *request)
{
	cJSON *state = cJSON_GetObjectItem(request, "state");
	const cJSON *reported = cJSON_GetObjectItem(state, "reported");
	const cJSON *desired = cJSON_GetObjectItem(state, "desired");
	int64_t version = number(cJSON_GetObjectItem(request, "version"), 0);
	cJSON *changed, *before;

	if (version != 0 && version != d->version) {
		s->conflicts++;
		report(s, d, "update", CONFLICT);
		answer(s, d, request, CONFLICT, d->timestamp_ms, whole(d));
		return;
	}
	if (!state || (reported && !cJSON_IsObject(reported)) || !clears_only(desired) ||
	    too_many(s, reported)) {
		s->refused++;
		report(s, d, "update", REFUSED);
		answer(s, d, request, REFUSED, cloud_now_ms(s->cloud), cJSON_CreateObject());
		return;
	}
	if (s->habits.digits17)
		respell(state);
	before = cJSON_Duplicate(d->reported, true);
	merge(d->reported, reported);
	if (cJSON_IsObject(desired)) {
		merge(d->desired, desired);
	} else if (desired) {
		cJSON_Delete(d->desired);
		d->desired = cJSON_CreateObject();
	}
	written(s, d);
	d->updates++;
	s->updates++;
	changed = cJSON_CreateObject();
	if (desired)
		cJSON_AddItemToObject(changed, "desired",
		                      cJSON_IsObject(desired) ? cJSON_Duplicate(desired, true)
		                                              : cJSON_CreateNull());
	if (reported)
		cJSON_AddItemToObject(changed, "reported", differing(before, d->reported));
	cJSON_Delete(before);
	report(s, d, "update", 0);
	answer(s, d, request, 0, d->timestamp_ms, changed);
}

void shadows_message(struct shadows *s, const char *topic, const void *payload, size_t len)
{
	static const char tree[] = "$shadow/operation/";
	const char *key = topic + sizeof tree - 1, *type;
	struct document *d;
	cJSON *request;

	if (strncmp(topic, tree, sizeof tree - 1) != 0 || !account_find(s->cloud, key) ||
	    len > SIZE_MAX_BYTES)
		return;
	request = parse(payload, len);
	type = cJSON_GetStringValue(cJSON_GetObjectItem(request, "type"));
	d = document_of(s, key);
	if (type && strcmp(type, "get") == 0) {
		s->gets++;
		report(s, d, "get", 0);
		answer(s, d, request, 0, cloud_now_ms(s->cloud) / 1000, whole(d));
	} else if (type && strcmp(type, "update") == 0) {
		update(s, d, request);
	}
	cJSON_Delete(request);
}

/* --- control --- */

void shadows_mute(struct shadows *s, int count)
{
	s->mute = count;
}

void shadows_behave(struct shadows *s, const struct shadow_habits *habits)
{
	s->habits = *habits;
}

const char *shadows_desire(struct shadows *s, const char *device, const cJSON *desired)
{
	struct document *d;
	char *text, *delta_text, *message = NULL;
	cJSON *marked, *delta;

	if (!account_find(s->cloud, device) || !cJSON_IsObject(desired))
		return "unknown device, or desired is no object";
	d = document_of(s, device);
	text = cJSON_PrintUnformatted(desired);
	marked = parse(text, strlen(text));
	if (s->habits.digits17)
		respell(marked);
	merge(d->desired, marked);
	written(s, d);
	delta = differing(d->reported, d->desired);
	delta_text = print(delta);
	if (delta->child &&
	    asprintf(&message,
	             "{\"payload\":{\"state\":%s,\"timestamp\":%lld,\"version\":%u},\"timestamp\":%lld,"
	             "\"type\":\"delta\"}\n",
	             delta_text, (long long)d->timestamp_ms, d->version,
	             (long long)d->timestamp_ms) > 0)
		send_text(s, d, message);
	free(message);
	free(delta_text);
	free(text);
	cJSON_Delete(delta);
	cJSON_Delete(marked);
	return NULL;
}

void shadows_show(struct shadows *s, const char *device, cJSON *out)
{
	struct document *d = document_of(s, device);
	char *reported = print(d->reported), *desired = print(d->desired);

	cJSON_AddNumberToObject(out, "version", d->version);
	cJSON_AddNumberToObject(out, "updates", d->updates);
	cJSON_AddStringToObject(out, "reported", reported);
	cJSON_AddStringToObject(out, "desired", desired);
	free(reported);
	free(desired);
}

void shadows_forget(struct shadows *s, const char *device)
{
	for (struct document **at = &s->all; *at;) {
		struct document *d = *at;

		if (*device && strcmp(d->key, device) != 0) {
			at = &d->next;
			continue;
		}
		if (s->cloud->state_file) {
			char path[512];

			path_of(s, d->key, path);
			remove(path);
		}
		*at = d->next;
		document_free(d);
	}
}

cJSON *shadows_stats(const struct shadows *s)
{
	cJSON *obj = cJSON_CreateObject();
	unsigned most = 0;

	for (const struct document *d = s->all; d; d = d->next)
		most = d->updates > most ? d->updates : most;
	cJSON_AddNumberToObject(obj, "gets", s->gets);
	cJSON_AddNumberToObject(obj, "updates", s->updates);
	cJSON_AddNumberToObject(obj, "conflicts", s->conflicts);
	cJSON_AddNumberToObject(obj, "refused", s->refused);
	cJSON_AddNumberToObject(obj, "per_device_max", most);
	return obj;
}
