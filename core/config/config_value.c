#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config_load.h"
#include "core/hub/route_rules.h"
#include "core/json/json.h"

/* CHOICE fields are written as unsigned int. */
_Static_assert(sizeof(enum store_policy) == sizeof(unsigned), "enum size");
_Static_assert(sizeof(enum lan_acl) == sizeof(unsigned), "enum size");

static const char letters_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const char *config_shown(const char *text, char out[64])
{
	size_t len = strlen(text);

	snprintf(out, 64, "%.56s%s", text, len > 56 ? "..." : "");
	for (char *p = out; *p; p++) {
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7E)
			*p = '?';
	}
	return out;
}

static void choice_words(const char *words, char *out, size_t size)
{
	size_t used = 0;

	while (*words && used < size) {
		size_t len = strcspn(words, "|");

		used += (size_t)snprintf(out + used, size - used, "\"%.*s\"%s", (int)len, words,
		                         words[len] ? " or " : "");
		words += len + (words[len] == '|');
	}
}

static void listen_words(const char *words, char *out, size_t size)
{
	char choice[CONFIG_FAULT_MAX];

	choice_words(words, choice, sizeof choice);
	snprintf(out, size, "\"address:port\" or %.200s", choice);
}

const char *config_expected(const struct config_key *key, char out[CONFIG_FAULT_MAX])
{
	static const char *const fixed[KIND_COUNT] = {
		[KIND_HOST] = "a host name or address of A-Z a-z 0-9 . - _ :",
		[KIND_WAKER] = "\"auto\", \"off\", \"unix:/path\" or \"host:port\"",
		[KIND_FILTER] = "a topic filter: + alone in its level, # alone at the end",
		[KIND_FLAG] = "true or false, without quotes",
		[KIND_PRODUCT_ID] = "10 of A-Z a-z 0-9",
		[KIND_DEVICE_NAME] = "1-48 of A-Z a-z 0-9 : _ -",
		[KIND_SECRET] = "the device secret in Base64 as the console shows it",
		[KIND_PRODUCT_SECRET] = "the product secret of 16 to 32 characters",
		[KIND_ENV] = "the name of an environment variable, of A-Z a-z 0-9 _",
		[KIND_PARTS] = "a list of objects",
	};

	if (fixed[key->kind])
		return fixed[key->kind];
	if (key->kind == KIND_TEXTS)
		snprintf(out, CONFIG_FAULT_MAX, "a text or a list of texts, of %lld to %lld bytes each",
		         (long long)key->min, (long long)key->max);
	else if (key->kind == KIND_PAIRS)
		snprintf(out, CONFIG_FAULT_MAX, "an object of texts of %lld to %lld bytes",
		         (long long)key->min, (long long)key->max);
	if (key->kind == KIND_TEXTS || key->kind == KIND_PAIRS)
		return out;
	if (key->kind == KIND_CHOICE)
		choice_words(key->words, out, CONFIG_FAULT_MAX);
	else if (key->kind == KIND_LISTEN)
		listen_words(key->words, out, CONFIG_FAULT_MAX);
	else if (key->kind == KIND_NUMBER || key->kind == KIND_SIZE)
		snprintf(out, CONFIG_FAULT_MAX, "a whole number from %lld to %lld", (long long)key->min,
		         (long long)key->max);
	else
		snprintf(out, CONFIG_FAULT_MAX, "a text of %lld to %lld bytes", (long long)key->min,
		         (long long)key->max);
	return out;
}

/* ---- one function per kind: false when the value is not of its form ---- */

typedef bool set_fn(struct config_load *l, const struct config_key *key, void *field,
                    const cJSON *node);

static bool own(struct config_load *l, char **field, char *copy)
{
	free(*field);
	*field = copy;
	l->no_memory |= !copy;
	return copy != NULL;
}

static bool text_fits(const struct config_key *key, const char *text)
{
	size_t len = strlen(text);

	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7F)
			return false;
	}
	return len >= (size_t)key->min && len <= (size_t)key->max;
}

static bool set_text(struct config_load *l, const struct config_key *key, void *field,
                     const cJSON *node)
{
	return text_fits(key, node->valuestring) && own(l, field, strdup(node->valuestring));
}

/* One colon: an IPv6 address has more, a name has none. */
static bool has_port(const char *text)
{
	const char *colon = strchr(text, ':');

	return colon && !strchr(colon + 1, ':');
}

static bool set_host(struct config_load *l, const struct config_key *key, void *field,
                     const cJSON *node)
{
	const char *text = node->valuestring;
	size_t good = strspn(text, letters_digits);

	while (text[good] && strchr(".-_:", text[good]))
		good += 1 + strspn(text + good + 1, letters_digits);
	return text[good] == '\0' && !has_port(text) && set_text(l, key, field, node);
}

static bool set_filter(struct config_load *l, const struct config_key *key, void *field,
                       const cJSON *node)
{
	return route_filter_ok(node->valuestring) && set_text(l, key, field, node);
}

static bool is_host_port(const char *text)
{
	const char *colon = strrchr(text, ':');
	char *end;
	long port;

	if (!colon || colon == text || colon[1] < '1' || colon[1] > '9')
		return false;
	port = strtol(colon + 1, &end, 10);
	return *end == '\0' && port <= UINT16_MAX;
}

static bool set_waker(struct config_load *l, const struct config_key *key, void *field,
                      const cJSON *node)
{
	const char *text = node->valuestring;
	bool ok = strncmp(text, "unix:", 5) == 0
	              ? text[5] == '/'
	              : strcmp(text, "auto") == 0 || strcmp(text, "off") == 0 || is_host_port(text);

	return ok && set_text(l, key, field, node);
}

/* Which of the words it is, from 0 on; -1: none of them. */
static int word_of(const char *words, const char *text)
{
	size_t len = strlen(text);

	for (int i = 0; *words; i++) {
		size_t this = strcspn(words, "|");

		if (this == len && memcmp(text, words, len) == 0)
			return i;
		words += this + (words[this] == '|');
	}
	return -1;
}

static bool set_listen(struct config_load *l, const struct config_key *key, void *field,
                       const cJSON *node)
{
	const char *text = node->valuestring;

	return (word_of(key->words, text) >= 0 || is_host_port(text)) && set_text(l, key, field, node);
}

static bool set_path(struct config_load *l, const struct config_key *key, void *field,
                     const cJSON *node)
{
	const char *slash = strrchr(l->src->name, '/');
	const char *text = node->valuestring;
	char *joined;

	if (!text_fits(key, text))
		return false;
	if (*text == '/' || !slash)
		return own(l, field, strdup(text));
	if (asprintf(&joined, "%.*s/%s", (int)(slash - l->src->name), l->src->name, text) < 0)
		joined = NULL;
	return own(l, field, joined);
}

static bool set_env(struct config_load *l, const struct config_key *key, void *field,
                    const cJSON *node)
{
	const char *text = node->valuestring;

	for (const char *p = text; *p; p++) {
		if (*p != '_' && !strchr(letters_digits, *p))
			return false;
	}
	return set_text(l, key, field, node);
}

static bool set_number(struct config_load *l, const struct config_key *key, void *field,
                       const cJSON *node)
{
	int64_t n;

	(void)l;
	if (!json_int(node, false, &n) || n < key->min || n > key->max)
		return false;
	if (key->kind == KIND_SIZE)
		*(uint64_t *)field = (uint64_t)n;
	else
		*(uint32_t *)field = (uint32_t)n;
	return true;
}

static bool set_flag(struct config_load *l, const struct config_key *key, void *field,
                     const cJSON *node)
{
	(void)l;
	(void)key;
	*(bool *)field = cJSON_IsTrue(node);
	return true;
}

static bool set_choice(struct config_load *l, const struct config_key *key, void *field,
                       const cJSON *node)
{
	int word = word_of(key->words, node->valuestring);

	(void)l;
	if (word >= 0)
		*(unsigned *)field = (unsigned)word;
	return word >= 0;
}

static bool set_name(struct config_load *l, const struct config_key *key, void *field,
                     const cJSON *node)
{
	const char *text = node->valuestring;
	size_t len = strlen(text);
	bool ok = key->kind == KIND_PRODUCT_ID ? credential_product_id_ok(text, len)
	                                       : credential_device_name_ok(text, len);

	(void)l;
	if (ok)
		memcpy(field, text, len + 1);
	return ok;
}

bool config_set_secret(enum config_kind kind, void *field, const char *text)
{
	size_t len = strlen(text);

	if (kind == KIND_SECRET)
		return secret_parse(text, field) == ST_OK;
	if (len < 16 || len > PRODUCT_SECRET_MAX)
		return false;
	for (const char *p = text; *p; p++) {
		if (*p <= 0x20 || *p > 0x7E)
			return false;
	}
	memcpy(field, text, len + 1);
	return true;
}

static bool set_secret(struct config_load *l, const struct config_key *key, void *field,
                       const cJSON *node)
{
	l->cfg->inline_secrets = true;
	return config_set_secret(key->kind, field, node->valuestring);
}

static bool set_texts(struct config_load *l, const struct config_key *key, void *field,
                      const cJSON *node)
{
	size_t count = cJSON_IsArray(node) ? (size_t)cJSON_GetArraySize(node) : 1, i = 0;
	struct config_texts *texts = field;

	config_unset(key, field); /* the default */
	texts->count = 0;
	texts->at = calloc(count + 1, sizeof(*texts->at));
	l->no_memory |= !texts->at;
	for (const cJSON *n = cJSON_IsArray(node) ? node->child : node; texts->at && i < count;
	     n = n->next, i++) {
		const char *text = cJSON_IsBool(n) ? cJSON_IsTrue(n) ? "true" : "false" : n->valuestring;

		if (!(cJSON_IsString(n) || cJSON_IsBool(n)) || !text_fits(key, text) ||
		    !own(l, &texts->at[i], strdup(text)))
			return false;
		texts->count = i + 1;
	}
	return texts->at != NULL;
}

static bool set_pairs(struct config_load *l, const struct config_key *key, void *field,
                      const cJSON *node)
{
	struct config_pairs *pairs = field;
	const cJSON *n;

	pairs->at = calloc((size_t)cJSON_GetArraySize(node) + 1, sizeof(*pairs->at));
	l->no_memory |= !pairs->at;
	cJSON_ArrayForEach(n, node)
	{
		struct config_pair *pair = pairs->at ? &pairs->at[pairs->count++] : NULL;

		if (!pair || !cJSON_IsString(n) || !text_fits(key, n->valuestring) ||
		    !own(l, &pair->name, strdup(n->string)) ||
		    !own(l, &pair->value, strdup(n->valuestring)))
			return false;
	}
	return pairs->at != NULL;
}

enum json_type {
	JSON_TEXT,
	JSON_NUMBER,
	JSON_FLAG,
	JSON_TEXTS,
	JSON_PAIRS,
};

static const struct kind {
	enum json_type type;
	set_fn *set;
} kinds[KIND_COUNT] = {
	[KIND_HOST] = { JSON_TEXT, set_host },       [KIND_WAKER] = { JSON_TEXT, set_waker },
	[KIND_LISTEN] = { JSON_TEXT, set_listen },   [KIND_TEXT] = { JSON_TEXT, set_text },
	[KIND_FILTER] = { JSON_TEXT, set_filter },   [KIND_PATH] = { JSON_TEXT, set_path },
	[KIND_NUMBER] = { JSON_NUMBER, set_number }, [KIND_SIZE] = { JSON_NUMBER, set_number },
	[KIND_FLAG] = { JSON_FLAG, set_flag },       [KIND_CHOICE] = { JSON_TEXT, set_choice },
	[KIND_PRODUCT_ID] = { JSON_TEXT, set_name }, [KIND_DEVICE_NAME] = { JSON_TEXT, set_name },
	[KIND_SECRET] = { JSON_TEXT, set_secret },   [KIND_PRODUCT_SECRET] = { JSON_TEXT, set_secret },
	[KIND_ENV] = { JSON_TEXT, set_env },         [KIND_TEXTS] = { JSON_TEXTS, set_texts },
	[KIND_PAIRS] = { JSON_PAIRS, set_pairs },
};

/* ---- what is wrong ---- */

static bool type_fits(enum json_type type, const cJSON *node)
{
	switch (type) {
	case JSON_TEXT:
		return cJSON_IsString(node);
	case JSON_NUMBER:
		return json_is_number(node);
	case JSON_FLAG:
		return cJSON_IsBool(node);
	case JSON_TEXTS:
		return cJSON_IsString(node) || cJSON_IsArray(node) || cJSON_IsBool(node);
	case JSON_PAIRS:
		return cJSON_IsObject(node);
	}
	return false;
}

static const char *type_text(const cJSON *node)
{
	if (cJSON_IsString(node))
		return "is a text";
	if (json_is_number(node))
		return "is a number";
	if (cJSON_IsBool(node))
		return "is true or false";
	if (cJSON_IsNull(node))
		return "is null";
	return cJSON_IsArray(node) ? "is a list" : "is an object";
}

/* Never shows a secret. */
static void wrong_value(const struct config_key *key, const cJSON *node, char out[128])
{
	char shown[64];
	const char *text = config_shown(node->valuestring ? node->valuestring : "", shown);

	if (key->kind == KIND_SECRET || key->kind == KIND_PRODUCT_SECRET)
		snprintf(out, 128, "is not of the right form");
	else if (key->kind == KIND_NUMBER || key->kind == KIND_SIZE)
		snprintf(out, 128, "%s is not in range", text);
	else if (!node->valuestring)
		snprintf(out, 128, "has a value that is not possible here");
	else if (key->kind == KIND_DEVICE_NAME && strlen(node->valuestring) <= DEVICE_NAME_MAX &&
	         *node->valuestring)
		snprintf(out, 128, "\"%s\" has a character that a device name cannot have", text);
	else if (key->kind == KIND_HOST && has_port(node->valuestring))
		snprintf(out, 128, "\"%.48s\" has a port in it, which is a key of its own", text);
	else
		snprintf(out, 128, "\"%s\" is not possible here", text);
}

bool config_set(struct config_load *l, const struct config_key *key, void *field, const cJSON *node,
                char fault[CONFIG_FAULT_MAX])
{
	const struct kind *kind = &kinds[key->kind];
	char expected[CONFIG_FAULT_MAX], wrong[128];

	fault[0] = '\0';
	if (cJSON_IsNull(node) && key->deflt && strcmp(key->deflt, "null") == 0)
		return true;
	if (!type_fits(kind->type, node))
		snprintf(wrong, sizeof wrong, "%s", type_text(node));
	else if (kind->set(l, key, field, node))
		return true;
	else
		wrong_value(key, node, wrong);
	if (!l->no_memory)
		snprintf(fault, CONFIG_FAULT_MAX, "%s; use %.120s", wrong, config_expected(key, expected));
	return false;
}

void config_unset(const struct config_key *key, void *field)
{
	if (key->kind == KIND_SECRET) {
		secret_wipe(field);
	} else if (key->kind == KIND_PRODUCT_SECRET) {
		explicit_bzero(field, PRODUCT_SECRET_MAX + 1);
	} else if (config_kind_is_text(key->kind)) {
		free(*(char **)field);
	} else if (key->kind == KIND_TEXTS) {
		struct config_texts *texts = field;

		for (size_t i = 0; i < texts->count; i++)
			free(texts->at[i]);
		free(texts->at);
	} else if (key->kind == KIND_PAIRS) {
		struct config_pairs *pairs = field;

		for (size_t i = 0; i < pairs->count; i++) {
			free(pairs->at[i].name);
			free(pairs->at[i].value);
		}
		free(pairs->at);
	}
}

bool config_set_default(const struct config_key *key, void *field)
{
	struct config_source none = { .name = "" };
	struct config_load l = { .src = &none };
	struct json_limits lim = { .bytes = 256, .depth = 0, .values = 1 };
	char fault[CONFIG_FAULT_MAX];
	cJSON *node = NULL;
	bool ok;

	if (!key->deflt || strcmp(key->deflt, "null") == 0)
		return true;
	ok = json_parse(key->deflt, strlen(key->deflt), &lim, &node, NULL, NULL, NULL) == ST_OK &&
	     config_set(&l, key, field, node, fault);
	cJSON_Delete(node);
	return ok;
}
