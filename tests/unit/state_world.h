/* state_world.h - a folder with a state store in it, and what a test knows must be there.
 * Room:  none.
 */
#ifndef HUBGATE_TESTS_STATE_WORLD_H
#define HUBGATE_TESTS_STATE_WORLD_H

#include "shadowstore/state/state.h"
#include "tests/runner.h"

enum {
	WORLD_KEYS = 24,
	WORLD_VALUE_MAX = 4096,
	WORLD_TEXT_MAX = 256,
};

struct world_value {
	bool set;
	size_t len;
	unsigned char bytes[WORLD_VALUE_MAX];
};

struct world {
	char dir[WORLD_TEXT_MAX];
	struct state *state;                  /* NULL: closed */
	uint32_t flush_ms, fold_ms;           /* for the next open; 0: 200, 1 */
	struct world_value want[WORLD_KEYS];  /* by the puts that said ST_OK */
	struct world_value found[WORLD_KEYS]; /* by the last open */
	size_t strange;                       /* entries that nobody put, or twice */
	size_t lines;                         /* that were logged */
	char last_line[LOG_LINE_MAX];         /* of these */
	struct log log;
};

void world_make(struct world *w);
void world_end(struct world *w); /* closes, deletes the folder */
void world_open(struct world *w);
void world_close(struct world *w);
/* As after kill -9: nothing is closed or synced. */
void world_drop(struct world *w);
void world_fold(struct world *w); /* DISK's rounds until nothing is left */
/* len < 0: deletes. */
enum status world_put(struct world *w, int key, int len, unsigned char fill);
size_t world_missing(const struct world *w); /* wanted and not found */
size_t world_wrong(const struct world *w);   /* found and not as wanted, or strange */
void world_expect_all(const struct world *w);
size_t world_count(const struct world *w, const char *folder, const char *part); /* file names */
/* The file in folder ("" or "state") whose name has part: its path. */
void world_file(const struct world *w, const char *folder, const char *part, char *out,
                size_t out_size);
void world_flip(const char *path, size_t at); /* a byte of the file */
size_t world_size(const char *path);

#endif
