/* store_upgrade.h - brings the files of records (core/journal/record.h) that an older version wrote to
 * this one.
 * Room:  who opens the store, before the other rooms begin.
 * Keeps: a file is written anew beside itself, synced, and takes its own place by a rename: whoever
 * is killed at any moment has the old file or the new one, and goes on at the next start. Bytes
 *        keep their places, so that what points into a file stays true. What is damaged stays as it
 *        is, for those who read the file; what the disk does not give becomes zeros, and the old
 *        file stays as NAME.damaged-1.
 * Stays: as long as core/journal/record_v1.
 */
#ifndef HUBGATE_STORE_UPGRADE_H
#define HUBGATE_STORE_UPGRADE_H

#include <stdbool.h>

#include "core/base/log.h"
#include "core/base/status.h"

/* Which names in the directory are such files. */
typedef bool store_upgrade_fn(const char *name);

/* Looks at the header of every file in dir (a descriptor; shown is its name in log lines) that is
 * wanted, and brings those of version 1 to this one; says so when there was one. When there is no
 * room the file `spare` in dir gives its own. ST_OK; ST_IO (errno; logged): a file cannot be read,
 * written, or is of a newer version than this program knows (EPROTONOSUPPORT); ST_NOMEM. */
enum status store_upgrade(int dir, const char *shown, store_upgrade_fn *wanted,
                          const struct log *log);

#endif
