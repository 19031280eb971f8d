/* page_sample - the status page with made-up numbers, for `make screenshots`: no gateway runs.
 * Prints "page PORT" and ends with its input.
 */
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/admin/admin.h"
#include "core/base/clocks.h"
#include "tests/harness/harness.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof(array)[0]))

enum {
	DEVICES = 226,
	SECOND_MS = 1000,
};

static const char *const kinds[] = { "boiler", "door", "lamp", "meter", "pump", "sensor", "valve" };

static const char status[] =
	"{\"version\":\"0.9.0\",\"broker\":\"2.0.11\",\"gateway\":{\"product_id\":\"GWPRODUCT1\","
	"\"device_name\":\"plant-3\"},\"hub\":{\"state\":\"ready\",\"since_s\":81240,\"reason\":\"\","
	"\"fix\":\"\",\"host\":\"GWPRODUCT1.iotcloud.tencentdevices.com\",\"port\":8883,\"tls\":true,"
	"\"round_trip_ms\":38},\"queue\":{\"messages\":412,\"bytes\":61800,\"bound_messages\":100000,"
	"\"bound_bytes\":67108864,\"oldest_age_s\":31,\"inflow_per_minute\":702,\"drain_s\":64},"
	"\"drops\":{\"bound\":0,\"suspect\":0,\"unacknowledged\":1,\"age\":0,\"damaged\":0,\"live\":7},"
	"\"devices\":{\"known\":226,\"present\":219,\"online\":217,\"unbound\":2,\"unknown_names\":1},"
	"\"suspect_topics\":[\"SUBPRODUC1/vibration\"],\"unknown_names\":[\"SUBPRODUC1/meter-099\"],"
	"\"talkers\":[{\"name\":\"SUBPRODUC1/meter-004\",\"per_minute\":58},{\"name\":"
	"\"SUBPRODUC1/pump-002\",\"per_minute\":31},{\"name\":\"SUBPRODUC1/boiler-001\",\"per_minute\":"
	"12}],\"errors\":[{\"time\":\"2026-11-27T14:03:11Z\",\"level\":\"warn\",\"line\":\"the hub does not "
	"acknowledge topic vibration of product SUBPRODUC1: declare it in the console with permission to "
	"publish\"}]}";

static void put_history(struct history *h)
{
	struct history_now now = { .accepted = 0 };
	int64_t at_ms = 1;

	history_add(h, at_ms, &now);
	for (int i = 0; i < HISTORY_POINTS; i++) {
		bool away = i > 200 && i < 236;
		double in = 110 + 30 * sin(i / 25.0) + 12 * sin(i * 1.7);
		double out = away ? 0 : i < 300 && now.queued > 400 ? 180 : in;

		now.accepted += (uint64_t)in;
		now.delivered += (uint64_t)(out < (double)now.queued + in ? out : in);
		now.queued = now.accepted - now.delivered;
		now.round_trip_ms =
			away ? HISTORY_NONE : (uint32_t)(38 + 6 * sin(i / 9.0) + 3 * sin(i * 2.9));
		at_ms += HISTORY_STEP_MS;
		history_add(h, at_ms, &now);
	}
}

static void tell(struct admin *a)
{
	struct snapshot *s = snapshot_new();

	if (!s)
		exit(EXIT_FAILURE);
	buf_add_text(&s->status, status);
	s->ready = true;
	s->state = "ready";
	put_history(&s->history);
	admin_tell(a, s);
}

/* Of one device, some of which have something to tell. */
static void tell_one(struct device_rows *l, int i)
{
	struct device_row row = { .present = i % 31 != 5,
		                      .online = i % 31 != 5 && i % 90 != 11,
		                      .bound = i % 90 != 11,
		                      .queued = i % 17 == 3 ? i % 7 + 1 : 0 };
	char json[512], name[32];
	int len;

	snprintf(name, sizeof(name), "%s-%03d", kinds[i % LENGTH(kinds)], i / LENGTH(kinds));
	snprintf(row.name, sizeof(row.name), "SUBPRODUC1/%s", name);
	len = snprintf(
		json, sizeof(json),
		"{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"%s\",\"present\":%s,\"online\":%s,"
		"\"bound\":%s,\"queued\":%d,\"commands\":%d,\"refusal\":%s,\"shadow_version\":%d,"
		"\"firmware\":%s}",
		name, row.present ? "true" : "false", row.online ? "true" : "false",
		row.bound ? "true" : "false", (int)row.queued, i % 43 == 5,
		row.bound ? "null"
				  : "{\"op\":\"online\",\"code\":812,\"text\":\"not bound to this "
					"gateway\",\"fix\":\"bind it in the console\"}",
		i * 37 % 90 + 1, i % 29 == 4 ? "\"2.1.0 downloading 60 %\"" : "\"2.0.3\"");
	device_rows_add(l, &row, json, (size_t)len);
}

static void tell_devices(struct admin *a)
{
	struct device_rows *l = device_rows_new(DEVICES);

	for (int i = 0; l && i < DEVICES; i++)
		tell_one(l, i);
	if (l)
		admin_tell_devices(a, l);
}

static void ring(void *ctx)
{
	(void)ctx;
}

int main(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int port = port_free();
	char *listen = text_fmt("127.0.0.1:%d", port), why[LISTEN_SOCKET_WHY_MAX];
	const struct admin_conf conf = {
		.listen = listen, .token = "", .version = "0.9.0", .ring = ring
	};
	struct admin *a = NULL;

	if (admin_open(&conf, why, &a) != ST_OK || admin_start(a) != ST_OK)
		return EXIT_FAILURE;
	printf("page %d\n", port);
	fflush(stdout);
	do {
		admin_turn(a, clocks_monotonic_ms());
		tell(a);
		tell_devices(a);
	} while (poll(&input, 1, SECOND_MS) == 0);
	admin_stop(a, SECOND_MS);
	admin_close(a);
	free(listen);
	return EXIT_SUCCESS;
}
