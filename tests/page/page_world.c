/* page_world [TOKEN] - a gateway with its status page for tests/page/page_check.py: the simulator,
 *a LAN broker and two devices, with TOKEN as the content of admin.token_file. Prints "page PORT",
 *then does what the lines of its input say: leave NAME a device disconnects return NAME     and
 *comes back inject TEXT     clients and topics have this text in their names hub away|back   the
 *simulator is killed, or starts again and answers each with "done". Ends with its input.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/harness.h"

#define PRODUCT "SUBPRODUC1"

enum {
	DEVICES = 2,
	LINE_MAX_BYTES = 512,
	WAIT_MS = 10000,
	MESSAGES = 20,
	PAUSE_MS = 200, /* between two of them: a message is late after two seconds */
};

static const struct {
	const char *name, *secret;
} identities[DEVICES] = {
	{ "dev1", "ZGV2aWNlLW9uZS1wc2stLQ==" },
	{ "dev2", "ZGV2aWNlLXR3by1wc2stLQ==" },
};

struct world {
	struct sim *sim;
	struct lan *lan;
	struct dev *devices[DEVICES];
	char *dir; /* of the token; NULL: none */
};

/* A member of "admin" for the token; caller frees. */
static char *token_member(struct world *w, const char *token)
{
	char *path, *member;

	if (!token)
		return strdup("");
	w->dir = dir_make();
	path = text_fmt("%s/token", w->dir);
	member = text_fmt(",\"token_file\":\"%s\"", path);
	if (!file_write(path, token, 0600))
		exit(EXIT_FAILURE);
	free(path);
	return member;
}

static bool begin(struct world *w, int port, const char *token)
{
	char *member = token_member(w, token);
	char *patch = text_fmt("{\"hub\":{\"min_reconnect_s\":1,\"max_reconnect_s\":1},\"presence\":"
	                       "{\"grace_ms\":200},\"admin\":{\"http\":\"127.0.0.1:%d\"%s}}",
	                       port, member);
	struct lan_opts opts = { .patch = patch };
	bool ok;

	w->sim = sim_start(NULL);
	opts.hub_port = w->sim ? sim_port(w->sim) : 1;
	w->lan = w->sim ? lan_start(&opts) : NULL;
	ok = w->lan && lan_log_await(w->lan, "connected to the hub", 10000);
	for (int i = 0; i < DEVICES && ok; i++) {
		w->devices[i] =
			dev_connect(w->lan, PRODUCT, identities[i].name, identities[i].secret, NULL);
		ok = w->devices[i] && dev_code(w->devices[i]) == 0;
	}
	free(patch);
	free(member);
	return ok;
}

static void end(struct world *w)
{
	for (int i = 0; i < DEVICES; i++)
		dev_disconnect(w->devices[i]);
	lan_free(w->lan);
	sim_stop(w->sim);
	if (w->dir)
		dir_remove(w->dir);
	free(w->dir);
}

static struct dev *named(const struct world *w, const char *name)
{
	return w->devices[strcmp(name, identities[0].name) == 0 ? 0 : 1];
}

/* A topic that nobody declared: once the hub acknowledged later ones of others, the page and the
 * log name it. */
static bool inject(struct world *w, const char *text)
{
	char *topic = text_fmt(PRODUCT "/dev1/%s", text);
	bool ok = dev_publish(w->devices[0], topic, "{}", 1);

	for (int i = 0; i < MESSAGES && ok; i++) {
		ok = dev_publish_acked(w->devices[1], PRODUCT "/dev2/event", "{}", WAIT_MS);
		poll(NULL, 0, PAUSE_MS);
	}
	free(topic);
	return ok;
}

static bool hub(struct world *w, const char *how)
{
	if (strcmp(how, "back") == 0)
		return sim_restart(w->sim);
	sim_kill(w->sim);
	return true;
}

static bool obey(struct world *w, const char *verb, const char *rest)
{
	if (strcmp(verb, "leave") == 0)
		return dev_leave(named(w, rest));
	if (strcmp(verb, "return") == 0)
		return dev_reconnect(named(w, rest));
	if (strcmp(verb, "inject") == 0)
		return inject(w, rest);
	return strcmp(verb, "hub") == 0 && hub(w, rest);
}

int main(int argc, char **argv)
{
	struct world w = { .sim = NULL };
	char line[LINE_MAX_BYTES];
	int port = port_free();
	bool ok = begin(&w, port, argc > 1 ? argv[1] : NULL);

	printf("page %d\n", ok ? port : 0);
	fflush(stdout);
	while (ok && fgets(line, sizeof line, stdin)) {
		char *rest = strchr(line, ' ');

		line[strcspn(line, "\n")] = '\0';
		if (rest)
			*rest++ = '\0';
		ok = obey(&w, line, rest ? rest : "");
		printf("%s\n", ok ? "done" : "failed");
		fflush(stdout);
	}
	end(&w);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
