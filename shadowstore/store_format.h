/* store_format.h - which programs may open a store: the file `format`, what keeps older ones out, and
 * MOVED, which keeps out all.
 * Room:  BROKER, at start, with the lock of the store where it writes; the command.
 * Facts: docs/store-format.md, Versions.
 */
#ifndef HUBGATE_STORE_FORMAT_H
#define HUBGATE_STORE_FORMAT_H

#include <stdbool.h>

#include "core/base/log.h"
#include "core/base/status.h"

enum {
	STORE_FORMAT = 2, /* of the store as a whole; 1 had no file `format` */
};

#define STORE_FORMAT_FILE "format"
#define STORE_MOVED_FILE  "MOVED"
/* An import that was decided on and is not finished (cli/import.c). */
#define STORE_ARRIVED_DIR "arrived"
/* A directory where format 1 had a file, and looks before all else: programs that know format 1
 * alone end their start there, instead of taking all that they cannot read for damaged. */
#define STORE_FORMAT_BAR "secrets.new"

/* dir: descriptor of the store, shown: its name in log lines. ST_OK; ST_DENIED: newer than this
 * program knows, moved away, or with an import under way; ST_IO (errno). Logged. */
enum status store_format_check(int dir, const char *shown, const struct log *log);
/* The format alone. */
enum status store_format_check_version(int dir, const char *shown, const struct log *log);
/* Says that the store has this format, and keeps older programs out. What cannot be written is
 * warned about: the files themselves say their versions too. */
void store_format_write(int dir, const char *shown, const struct log *log);

/* This store lives elsewhere from now on: a line for humans, "DATE HOST FILE". Lasting when it
 * returns ST_OK; ST_IO (errno): nothing changed. */
enum status store_format_move(int dir, const char *line);
enum status
store_format_move_back(int dir); /* ST_OK; ST_NOTFOUND: it was not moved; ST_IO (errno) */

#endif
