#include "tests/harness/harness.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_WAIT_MS 20000
#define STOP_WAIT_MS  10000
#define ACCUSATION    "hubgate: internal:" /* a fault that hubgate found in itself */

struct lan {
	struct lan_opts opts; /* texts are not used after lan_start() */
	char *dir, *conf, *json, *log, *unix_path, *defaults;
	struct proc *proc;
	int port, tls_port;
	long log_at;
};

/* RFC 7396, in place. */
static void merge(cJSON *target, const cJSON *patch)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, patch)
	{
		cJSON *there = cJSON_GetObjectItemCaseSensitive(target, item->string);

		if (cJSON_IsObject(item) && cJSON_IsObject(there)) {
			merge(there, item);
			continue;
		}
		cJSON_DeleteItemFromObjectCaseSensitive(target, item->string);
		if (!cJSON_IsNull(item))
			cJSON_AddItemToObject(target, item->string, cJSON_Duplicate(item, true));
	}
}

static char *default_json(const struct lan *l)
{
	const struct lan_opts *o = &l->opts;
	char *ca = o->hub_ca ? text_fmt("\"ca_file\":\"%s\",", o->hub_ca) : strdup("");
	char *text = text_fmt("{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
	                      "\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\"},"
	                      "\"hub\":{\"host\":\"127.0.0.1\",\"port\":%d,\"tls\":%s,%s"
	                      "\"keepalive\":240,\"rate_up\":25,\"min_reconnect_s\":5},"
	                      "\"store\":{\"dir\":\"%s/store\"},\"products\":[],\"devices\":["
	                      "{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\","
	                      "\"secret\":\"ZGV2aWNlLW9uZS1wc2stLQ==\"},"
	                      "{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev2\","
	                      "\"secret\":\"ZGV2aWNlLXR3by1wc2stLQ==\"}]}",
	                      o->hub_port, o->hub_tls ? "true" : "false", ca, l->dir);

	free(ca);
	return text;
}

bool lan_configure(struct lan *l, const char *patch)
{
	cJSON *root = cJSON_Parse(l->defaults);
	cJSON *over = patch ? cJSON_Parse(patch) : NULL;
	char *text;
	bool ok;

	if (patch && !over) {
		cJSON_Delete(root);
		return harness_failed("not JSON: %s", patch);
	}
	merge(root, over);
	text = cJSON_Print(root);
	ok = text && file_write(l->json, text, 0640);
	free(text);
	cJSON_Delete(root);
	cJSON_Delete(over);
	return ok;
}

static void write_tls(FILE *f, const struct lan *l)
{
	const struct lan_opts *o = &l->opts;

	fprintf(f, "listener %d 127.0.0.1\ncertfile %s\nkeyfile %s\n", l->tls_port, o->tls_cert,
	        o->tls_key);
	if (o->tls_ca)
		fprintf(f, "cafile %s\nrequire_certificate true\n", o->tls_ca);
}

static bool write_conf(const struct lan *l)
{
	const struct lan_opts *o = &l->opts;
	char plugin[PATH_MAX], *so = text_fmt("%s/mosquitto_hubgate.so", build_dir());
	FILE *f = fopen(l->conf, "we");

	if (!f || (!o->no_plugin && !realpath(so, plugin))) {
		harness_failed("%s or %s cannot be used", l->conf, so);
		free(so);
		if (f)
			fclose(f);
		return false;
	}
	free(so);
	if (geteuid() == 0)
		fputs("user root\n", f);
	fprintf(f, "log_dest stderr\nlog_type all\nset_tcp_nodelay true\nallow_anonymous %s\n",
	        o->deny_anonymous ? "false" : "true");
	if (!o->no_plugin)
		fprintf(f, "plugin %s\nplugin_opt_config_file %s\n", plugin, l->json);
	if (!o->no_plain)
		fprintf(f, "listener %d 127.0.0.1\n", l->port);
	if (o->tls_cert)
		write_tls(f, l);
	if (o->unix_socket)
		fprintf(f, "listener 0 %s\n", l->unix_path);
	if (o->extra_conf)
		fprintf(f, "%s\n", o->extra_conf);
	return fclose(f) == 0;
}

static long log_size(const struct lan *l)
{
	char *text = file_read(l->log);
	long size = text ? (long)strlen(text) : 0;

	free(text);
	return size;
}

/* A broker that is told to end before it says that it runs dies of it. */
static bool runs(const struct lan *l, long from)
{
	return file_await(l->log, " running\n", &from, START_WAIT_MS) ||
	       harness_failed("the broker does not say that it runs");
}

static bool launch(struct lan *l)
{
	const struct lan_opts *o = &l->opts;
	long from = log_size(l);
	static char debian[] = "/usr/sbin/mosquitto", in_path[] = "mosquitto", flag[] = "-c";
	char *argv[] = { access(debian, X_OK) == 0 ? debian : in_path, flag, l->conf, NULL };

	l->proc = proc_start(argv, NULL, l->log);
	if (!l->proc)
		return harness_failed("mosquitto cannot be started");
	if (!o->no_plain && !port_await(l->proc, l->port, NULL, START_WAIT_MS))
		return false;
	if (o->tls_cert && !port_await(l->proc, l->tls_port, NULL, START_WAIT_MS))
		return false;
	if (o->unix_socket && !port_await(l->proc, 0, l->unix_path, START_WAIT_MS))
		return false;
	return runs(l, from);
}

struct lan *lan_start(const struct lan_opts *opts)
{
	struct lan *l = calloc(1, sizeof *l);
	bool ok;

	l->opts = *opts;
	l->dir = dir_make();
	l->conf = text_fmt("%s/mosquitto.conf", l->dir);
	l->json = text_fmt("%s/hubgate.json", l->dir);
	l->log = text_fmt("%s/mosquitto.log", l->dir);
	l->unix_path = text_fmt("%s/broker.sock", l->dir);
	l->port = port_free();
	l->tls_port = port_free();
	l->defaults = default_json(l);
	ok = lan_configure(l, opts->patch) && write_conf(l) && launch(l);
	if (ok)
		return l;
	lan_free(l);
	return NULL;
}

static void drop_proc(struct lan *l)
{
	if (l->proc) {
		proc_signal(l->proc, SIGKILL);
		proc_wait(l->proc, STOP_WAIT_MS, NULL);
		proc_never_said(l->proc, ACCUSATION);
	}
	proc_free(l->proc);
	l->proc = NULL;
}

int lan_stop(struct lan *l)
{
	int ms;

	if (!l->proc)
		return 0;
	proc_signal(l->proc, SIGTERM);
	ms = proc_wait(l->proc, STOP_WAIT_MS, NULL);
	if (ms < 0)
		harness_failed("the LAN broker did not end");
	else if (!proc_ended_well(l->proc))
		ms = -1;
	drop_proc(l);
	return ms;
}

int lan_await_end(struct lan *l)
{
	int status = -1;

	if (proc_wait(l->proc, STOP_WAIT_MS, &status) < 0)
		harness_failed("the LAN broker did not end");
	drop_proc(l);
	return status;
}

void lan_kill(struct lan *l)
{
	drop_proc(l);
}

bool lan_restart(struct lan *l)
{
	lan_stop(l);
	return launch(l);
}

void lan_reload(struct lan *l)
{
	proc_signal(l->proc, SIGHUP);
}

void lan_free(struct lan *l)
{
	if (!l)
		return;
	if (l->proc)
		lan_stop(l);
	dir_remove(l->dir);
	free(l->dir);
	free(l->conf);
	free(l->json);
	free(l->log);
	free(l->unix_path);
	free(l->defaults);
	free(l);
}

bool lan_log_await(struct lan *l, const char *substring, int timeout_ms)
{
	return file_await(l->log, substring, &l->log_at, timeout_ms) ||
	       harness_failed("not logged in %d ms: %s", timeout_ms, substring);
}

bool lan_log_has(struct lan *l, const char *substring)
{
	return file_await(l->log, substring, NULL, 0);
}

int lan_port(const struct lan *l)
{
	return l->port;
}

int lan_tls_port(const struct lan *l)
{
	return l->tls_port;
}

const char *lan_unix_path(const struct lan *l)
{
	return l->unix_path;
}

const char *lan_dir(const struct lan *l)
{
	return l->dir;
}

pid_t lan_pid(const struct lan *l)
{
	return l->proc ? proc_pid(l->proc) : -1;
}
