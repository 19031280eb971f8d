#include "tests/hubsim/account.h"

#include "tests/hubsim/subscriptions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char sample[] =
	"{\"accounts\":["
	"{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\",\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\"},"
	"{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\",\"secret\":\"ZGV2aWNlLW9uZS1wc2stLQ==\"},"
	"{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev2\",\"secret\":\"ZGV2aWNlLXR3by1wc2stLQ==\"}"
	"],\"bound\":["
	"{\"gateway\":\"GWPRODUCT1/gw1\",\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\"},"
	"{\"gateway\":\"GWPRODUCT1/gw1\",\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev2\"}]}";

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	ssize_t n;

	if (!f)
		return NULL;
	n = getdelim(&text, &room, '\0', f);
	fclose(f);
	if (n >= 0)
		return text;
	free(text);
	return NULL;
}

static const char *text_of(const cJSON *obj, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(obj, name));
}

static char *text_or_null(const cJSON *obj, const char *name)
{
	const char *text = text_of(obj, name);

	return text ? strdup(text) : NULL;
}

static double number_or(const cJSON *obj, const char *name, double otherwise)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(obj, name);

	return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}

static bool flag_or(const cJSON *obj, const char *name, bool otherwise)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(obj, name);

	return cJSON_IsBool(item) ? cJSON_IsTrue(item) : otherwise;
}

static bool make_key(char key[KEY_ROOM], const char *pid, const char *name)
{
	if (!pid || !name || strlen(pid) != PID_LEN || !*name || strlen(name) > NAME_MAX_LEN)
		return false;
	snprintf(key, KEY_ROOM, "%s/%s", pid, name);
	return true;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct account *)a)->key, ((const struct account *)b)->key);
}

static bool load_accounts(struct cloud *c, const cJSON *list)
{
	const cJSON *item;

	c->accounts = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *c->accounts);
	if (!c->accounts)
		return false;
	cJSON_ArrayForEach(item, list)
	{
		struct account *a = &c->accounts[c->count];

		if (!make_key(a->key, text_of(item, "product_id"), text_of(item, "device_name"))) {
			fprintf(stderr, "hubsim: account %zu: bad product_id or device_name\n", c->count);
			return false;
		}
		a->secret = text_or_null(item, "secret");
		a->bind_key = text_or_null(item, "bind_key");
		a->cert = flag_or(item, "cert", false);
		a->gateway = flag_or(item, "gateway", false);
		a->disabled = flag_or(item, "disabled", false);
		c->count++;
	}
	qsort(c->accounts, c->count, sizeof *c->accounts, by_key);
	return true;
}

static bool load_bound(struct cloud *c, const cJSON *list)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list)
	{
		const char *gw_key = text_of(item, "gateway");
		struct account *gw = gw_key ? account_find(c, gw_key) : NULL;
		struct account *sub =
			account_of(c, text_of(item, "product_id"), text_of(item, "device_name"));

		if (!gw || !sub) {
			fprintf(stderr, "hubsim: \"bound\" names an account that does not exist\n");
			return false;
		}
		gw->gateway = true;
		sub->bound = gw;
	}
	return true;
}

static struct declared *declared_of(const struct cloud *c, const char *name)
{
	for (size_t i = 0; i < c->declared_count; i++) {
		if (strcmp(c->declared[i].name, name) == 0)
			return &c->declared[i];
	}
	return NULL;
}

static struct declared *add_declared(struct cloud *c, const char *name)
{
	struct declared *all = realloc(c->declared, (c->declared_count + 1) * sizeof *all);
	char *copy = strdup(name);

	if (all)
		c->declared = all;
	if (!all || !copy) {
		free(copy);
		return NULL;
	}
	all[c->declared_count].name = copy;
	return &all[c->declared_count++];
}

bool cloud_declare(struct cloud *c, const char *name, bool publish, bool subscribe)
{
	struct declared *d = declared_of(c, name);

	if (!d)
		d = add_declared(c, name);
	if (!d)
		return false;
	d->publish = publish;
	d->subscribe = subscribe;
	return true;
}

static bool load_declared(struct cloud *c, const cJSON *list)
{
	const cJSON *item;
	bool ok = cloud_declare(c, "control", false, true) && cloud_declare(c, "event", true, false) &&
	          cloud_declare(c, "data", true, true);

	cJSON_ArrayForEach(item, list)
	{
		const char *name = text_of(item, "name");

		ok = ok && name &&
		     cloud_declare(c, name, flag_or(item, "publish", true),
		                   flag_or(item, "subscribe", true));
	}
	return ok;
}

/* docs/protocol/limits.md "Mainland and international differ". */
static const struct {
	const char *name;
	struct limits limits;
} sets[] = {
	{ "international", { .rate_up = 30, .slashes = 10, .keepalive_max = 900, .subdevices = 1500 } },
	{ "mainland",
	  { .rate_up = 20,
	    .slashes = 6,
	    .keepalive_min = 60,
	    .keepalive_max = 850,
	    .subscriptions = 100,
	    .subdevices = 500,
	    .attributes = 20 } },
};

/* The first, unless the configuration names another. NULL: no such set. */
static const struct limits *set_of(const cJSON *lim)
{
	const char *name = text_of(lim, "set");

	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
		if (!name || strcmp(sets[i].name, name) == 0)
			return &sets[i].limits;
	}
	fprintf(stderr, "hubsim: no set of limits is called %s\n", name);
	return NULL;
}

static bool is_per_device(const cJSON *lim, const char *name)
{
	const char *text = text_of(lim, name);

	return text && strcmp(text, "device") == 0;
}

static bool load_limits(struct cloud *c, const cJSON *root)
{
	const cJSON *lim = cJSON_GetObjectItemCaseSensitive(root, "limits");
	const struct limits *set = set_of(lim);

	if (!set)
		return false;
	c->limits = (struct limits){
		.connect_s = number_or(lim, "connect_s", 5),
		.rate_up = (int)number_or(lim, "rate_up", set->rate_up),
		.payload = (int)number_or(lim, "payload", 16384),
		.slashes = (int)number_or(lim, "slashes", set->slashes),
		.keepalive_min = (int)number_or(lim, "keepalive_min", set->keepalive_min),
		.keepalive_max = (int)number_or(lim, "keepalive_max", set->keepalive_max),
		.subscriptions = (int)number_or(lim, "subscriptions", set->subscriptions),
		.subscriptions_per_device = is_per_device(lim, "subscriptions_per"),
		.rate_per_device = is_per_device(lim, "rate_per"),
		.closes_over = flag_or(lim, "closes_over", false),
		.subdevices = (int)number_or(lim, "subdevices", set->subdevices),
		.attributes = (int)number_or(lim, "attributes", set->attributes),
		.bind_window_s = (int)number_or(lim, "bind_window_s", 600),
		.describe_bytes = (int)number_or(lim, "describe_bytes", 16384),
		.enforce = flag_or(root, "enforce", true),
		.ack_forbidden = flag_or(root, "ack_forbidden", false),
	};
	return true;
}

static bool load_all(struct cloud *c, const cJSON *root)
{
	const cJSON *admin = cJSON_GetObjectItemCaseSensitive(root, "admin");
	const char *user = text_of(admin, "username"), *password = text_of(admin, "password");
	const char *fault = text_of(root, "fault");

	c->admin_user = strdup(user ? user : "hubsim-admin");
	c->admin_password = strdup(password ? password : "hubsim");
	c->fault = fault ? strdup(fault) : NULL;
	c->product_secrets =
		cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(root, "product_secrets"), true);
	return load_limits(c, root) &&
	       load_accounts(c, cJSON_GetObjectItemCaseSensitive(root, "accounts")) &&
	       load_bound(c, cJSON_GetObjectItemCaseSensitive(root, "bound")) &&
	       load_declared(c, cJSON_GetObjectItemCaseSensitive(root, "custom_topics"));
}

/* The state file holds every binding there is, so it replaces those of the configuration. */
static void load_state(struct cloud *c)
{
	char *text = c->state_file ? read_file(c->state_file) : NULL;
	cJSON *root = text ? cJSON_Parse(text) : NULL;
	const cJSON *item;

	free(text);
	if (!root)
		return;
	for (size_t i = 0; i < c->count; i++)
		c->accounts[i].bound = NULL;
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "bound"))
	{
		const char *gw = text_of(item, "gateway"), *device = text_of(item, "device");
		struct account *a = device ? account_find(c, device) : NULL;

		if (!a || !gw)
			continue;
		a->bound = account_find(c, gw);
		a->online = flag_or(item, "online", false);
	}
	cJSON_Delete(root);
}

struct cloud *cloud_load(const char *config_file, const char *state_file)
{
	char *text = config_file ? read_file(config_file) : strdup(sample);
	cJSON *root = text ? cJSON_Parse(text) : NULL;
	struct cloud *c = calloc(1, sizeof *c);

	free(text);
	if (!root || !c || !load_all(c, root)) {
		fprintf(stderr, "hubsim: %s: cannot be used as configuration\n",
		        config_file ? config_file : "sample");
		cJSON_Delete(root);
		cloud_free(c);
		return NULL;
	}
	cJSON_Delete(root);
	c->state_file = state_file ? strdup(state_file) : NULL;
	load_state(c);
	return c;
}

void cloud_free(struct cloud *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++) {
		free(c->accounts[i].secret);
		free(c->accounts[i].bind_key);
		free(c->accounts[i].tally.seen);
		subscriptions_clear(&c->accounts[i]);
	}
	for (size_t i = 0; i < c->declared_count; i++)
		free(c->declared[i].name);
	free(c->accounts);
	free(c->declared);
	free(c->disliked);
	cJSON_Delete(c->product_secrets);
	free(c->admin_user);
	free(c->fault);
	free(c->admin_password);
	free(c->state_file);
	free(c);
}

void cloud_save(const struct cloud *c)
{
	cJSON *root, *list;
	char temp[4096];
	char *text;
	FILE *f;

	if (!c->state_file)
		return;
	root = cJSON_CreateObject();
	list = cJSON_AddArrayToObject(root, "bound");
	for (size_t i = 0; i < c->count; i++) {
		const struct account *a = &c->accounts[i];
		cJSON *item;

		if (!a->bound)
			continue;
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "gateway", a->bound->key);
		cJSON_AddStringToObject(item, "device", a->key);
		cJSON_AddBoolToObject(item, "online", a->online);
		cJSON_AddItemToArray(list, item);
	}
	text = cJSON_PrintUnformatted(root);
	cJSON_Delete(root);
	snprintf(temp, sizeof temp, "%s.new", c->state_file);
	f = fopen(temp, "we");
	if (f && text && fputs(text, f) >= 0 && fclose(f) == 0)
		rename(temp, c->state_file);
	free(text);
}

struct account *account_find(const struct cloud *c, const char *key)
{
	struct account wanted = { .secret = NULL };

	if (strlen(key) >= sizeof wanted.key)
		return NULL;
	strcpy(wanted.key, key);
	return bsearch(&wanted, c->accounts, c->count, sizeof *c->accounts, by_key);
}

struct account *account_of(const struct cloud *c, const char *pid, const char *name)
{
	char key[KEY_ROOM];

	return make_key(key, pid, name) ? account_find(c, key) : NULL;
}

struct account *account_of_client(const struct cloud *c, const char *client_id)
{
	char key[KEY_ROOM];

	if (!client_id || strlen(client_id) <= PID_LEN || strlen(client_id) > PID_LEN + NAME_MAX_LEN)
		return NULL;
	snprintf(key, sizeof key, "%.10s/%s", client_id, client_id + PID_LEN);
	return account_find(c, key);
}

bool limits_take_keepalive(const struct limits *l, unsigned keepalive)
{
	return keepalive >= (unsigned)l->keepalive_min && keepalive <= (unsigned)l->keepalive_max;
}

int64_t cloud_now_ms(const struct cloud *c)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + c->clock_offset_ms;
}
