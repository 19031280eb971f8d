#include "bench/scene.h"

#include <string.h>

bool scene_connect(struct scene *s, uint32_t first, uint32_t publishers)
{
	const struct gen_opts gen = { side_port(s->side), first, publishers };

	gen_close(s->gen);
	s->gen = gen_open(&gen);
	return s->gen != NULL;
}

bool scene_open(struct scene *s, struct bench *b, const char *bench, const struct cloud_opts *cloud,
                const struct side_opts *side, uint32_t publishers)
{
	static const struct cloud_opts plain = { .refused = -1 };
	struct side_opts o = *side;
	uint32_t online = publishers;

	memset(s, 0, sizeof(*s));
	if (!cloud)
		cloud = &plain;
	if (cloud->refused >= 0 && online > 0)
		online--;
	s->cloud = cloud_start(cloud);
	if (s->cloud) {
		o.cloud_port = cloud_port(s->cloud);
		s->side = side_start(&o);
	}
	if (s->side && (publishers == 0 || scene_connect(s, 0, publishers)) &&
	    (o.kind != SIDE_PLUGIN || o.hub_host ||
	     cloud_await_online(s->cloud, online, BENCH_GATHER_MS)))
		return true;
	table_failed(b->table, bench, "the scene did not start");
	return false;
}

void scene_close(struct scene *s)
{
	gen_close(s->gen);
	side_stop(s->side);
	cloud_stop(s->cloud);
	memset(s, 0, sizeof(*s));
}

void scene_row(struct bench *b, const char *bench, const char *what, const char *unit, double value,
               enum bar_kind kind, double bar)
{
	table_add(b->table, &(struct result){ bench, what, unit, value, -1, 0, kind, bar });
}

double scene_lost(const struct scene *s, uint32_t publishers)
{
	double lost = 0;

	for (uint32_t i = 0; i < publishers; i++)
		lost += cloud_missing(s->cloud, i, gen_acked(s->gen, i));
	return lost;
}
