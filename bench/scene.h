/* scene.h - one cloud, one broker, its publishers: what the one-sided benchmarks share. */
#ifndef HUBGATE_BENCH_SCENE_H
#define HUBGATE_BENCH_SCENE_H

#include "bench/bench.h"
#include "bench/gen.h"

struct scene {
	struct cloud *cloud;
	struct side *side;
	struct gen *gen; /* NULL while nobody is connected */
};

/* cloud NULL: plain, near, forgets. side: cloud_port is filled in. publishers 0: none yet.
 * The plugin's devices are awaited online unless the cloud is not up. false: a row says so. */
bool scene_open(struct scene *s, struct bench *b, const char *bench, const struct cloud_opts *cloud,
                const struct side_opts *side, uint32_t publishers);
bool scene_connect(struct scene *s, uint32_t first, uint32_t publishers);
void scene_close(struct scene *s);
/* One row without a bridge. */
void scene_row(struct bench *b, const char *bench, const char *what, const char *unit, double value,
               enum bar_kind kind, double bar);
/* Messages acknowledged to the publishers that never reached the cloud. */
double scene_lost(const struct scene *s, uint32_t publishers);

#endif
