#include "bench/side.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/gen.h"
#include "bench/gen_wire.h"
#include "tests/harness/harness.h"

#define SYS_ROOT "$SYS/broker/hubgate/"

enum {
	START_MS = 60000,
	STOP_MS = 10000
};

struct side {
	struct side_opts opts; /* texts are not used after side_start() */
	char *dir, *conf, *json, *log, *store;
	struct proc *proc;
	int port;
};

static bool write_json(const struct side *s)
{
	const struct side_opts *o = &s->opts;
	FILE *f = fopen(s->json, "we");

	if (!f)
		return false;
	fprintf(
		f,
		"{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
		"\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\",\"bind\":false},\"hub\":{\"host\":\"%s\",\"port\":%d,"
		"\"tls\":%s,\"rate_up\":%d,\"window\":%d",
		o->hub_host ? o->hub_host : "127.0.0.1", o->cloud_port, o->ca ? "true" : "false",
		o->rate_up, o->window);
	if (o->ca)
		fprintf(f, ",\"ca_file\":\"%s\"", o->ca);
	fprintf(f,
	        "},\"metrics\":{\"sys_interval_s\":1},\"store\":{\"dir\":\"%s\","
	        "\"max_messages\":%llu,\"max_bytes\":10000000000,\"device_share\":100},\"devices\":[",
	        s->store, (unsigned long long)(o->max_messages ? o->max_messages : 10000000));
	for (uint32_t i = 0; i < o->devices; i++)
		fprintf(f,
		        "%s{\"product_id\":\"" GEN_PRODUCT "\",\"device_name\":\"d%04u\","
		        "\"secret\":\"" GEN_SECRET "\"}",
		        i ? "," : "", i);
	fprintf(f, "],\"mappings\":[%s]}\n", o->mappings ? o->mappings : "");
	fflush(f);
	return fchmod(fileno(f), 0640) == 0 && fclose(f) == 0;
}

static void write_bridge(FILE *f, const struct side *s)
{
	const struct side_opts *o = &s->opts;

	if (o->kind == SIDE_BRIDGE_STOCK)
		fputs("autosave_interval 1800\n", f);
	else
		fprintf(f, "max_inflight_messages %d\nmax_queued_messages 0\nmax_queued_bytes 0\n",
		        o->window);
	if (o->kind == SIDE_BRIDGE_KEPT)
		fputs("autosave_interval 1\n", f);
	if (o->kind != SIDE_BRIDGE)
		fprintf(f, "persistence true\npersistence_location %s/\n", s->dir);
	fprintf(f,
	        "connection cloud\naddress 127.0.0.1:%d\ntopic " GEN_PRODUCT "/# out 1\n"
	        "remote_clientid GWPRODUCT1gw1\ncleansession false\nnotifications false\n"
	        "try_private false\nbridge_protocol_version mqttv311\n",
	        o->cloud_port);
	if (o->kind != SIDE_BRIDGE_STOCK)
		fputs("restart_timeout 5\n", f);
	if (o->ca)
		fprintf(f, "bridge_cafile %s\n", o->ca);
}

static bool write_conf(const struct side *s)
{
	char plugin[PATH_MAX], *so = text_fmt("%s/mosquitto_hubgate.so", build_dir());
	bool found = realpath(so, plugin) != NULL;
	FILE *f = fopen(s->conf, "we");

	free(so);
	if (!f || !found) {
		if (f)
			fclose(f);
		return false;
	}
	if (geteuid() == 0)
		fputs("user root\n", f);
	fputs("log_dest stderr\nlog_type error\nlog_type warning\nset_tcp_nodelay true\n"
	      "allow_anonymous true\n",
	      f);
	if (s->opts.kind == SIDE_PLUGIN)
		fprintf(f, "plugin %s\nplugin_opt_config_file %s\n", plugin, s->json);
	fprintf(f, "listener %d 127.0.0.1\n", s->port);
	if (s->opts.kind != SIDE_PLUGIN)
		write_bridge(f, s);
	return fclose(f) == 0;
}

int side_start_again(struct side *s)
{
	static char debian[] = "/usr/sbin/mosquitto", in_path[] = "mosquitto", flag[] = "-c";
	char *argv[] = { access(debian, X_OK) == 0 ? debian : in_path, flag, s->conf, NULL };
	int64_t start_ms = now_ms();

	s->proc = proc_start(argv, NULL, s->log);
	if (!s->proc || !port_await(s->proc, s->port, NULL, START_MS))
		return -1;
	return (int)(now_ms() - start_ms);
}

struct side *side_start(const struct side_opts *opts)
{
	struct side *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->opts = *opts;
	s->dir = dir_make();
	s->conf = text_fmt("%s/mosquitto.conf", s->dir);
	s->json = text_fmt("%s/hubgate.json", s->dir);
	s->log = text_fmt("%s/mosquitto.log", s->dir);
	s->store = text_fmt("%s/store", s->dir);
	s->port = port_free();
	if (write_json(s) && write_conf(s) && side_start_again(s) >= 0)
		return s;
	side_stop(s);
	return NULL;
}

void side_kill(struct side *s)
{
	proc_free(s->proc);
	s->proc = NULL;
}

void side_stop(struct side *s)
{
	if (!s)
		return;
	if (s->proc) {
		proc_signal(s->proc, SIGTERM);
		proc_wait(s->proc, STOP_MS, NULL);
		side_kill(s);
	}
	dir_remove(s->dir);
	free(s->dir);
	free(s->conf);
	free(s->json);
	free(s->log);
	free(s->store);
	free(s);
}

int side_port(const struct side *s)
{
	return s->port;
}

pid_t side_pid(const struct side *s)
{
	return proc_pid(s->proc);
}

const char *side_store(const struct side *s)
{
	return s->store;
}

double side_metric(const struct side *s, const char *name)
{
	char *topic = text_fmt(SYS_ROOT "%s", name);
	char *text = gen_retained(s->port, topic);
	double value = text ? strtod(text, NULL) : -1;

	free(topic);
	free(text);
	return value;
}

double side_callback_us(const struct side *s, const char *which)
{
	char name[64];

	snprintf(name, sizeof(name), "callback_us/all/%s", which);
	return side_metric(s, name);
}
