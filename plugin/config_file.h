/* config_file.h - reads hubgate.json, the secret files and certificates it names.
 * Room:  BROKER at start, DISK at a reload; the command line tool. Reads files, so never
 *        while LAN clients wait for an answer.
 * Keeps: a file that holds a secret and that others (mode & 007) may read or write
 *        is refused.
 */
#ifndef HUBGATE_CONFIG_FILE_H
#define HUBGATE_CONFIG_FILE_H

#include <stdbool.h>

#include "core/config/config.h"
#include "shadowstore/journal/journal.h"

/* Links are followed, as Docker and Kubernetes lay out secrets; what they lead to
 * must be a regular file. Statuses and ownership as config_parse, and ST_NOTFOUND,
 * ST_DENIED (not readable, or open to others), ST_IO; report then holds one line. */
enum status config_file_load(const char *path, struct config *out, struct config_report *report);
/* The same with what the hub adds, struct config_source.remote. NULL: nothing. */
enum status config_file_load_with(const char *path, const char *remote, size_t remote_len,
                                  struct config *out, struct config_report *report);

/* The journal's bounds, as the file gives them. */
struct journal_limits config_file_limits(const struct config_store *c);

/* Nobody else is where this process runs, as the container's image says (HUBGATE_CONTAINER=1). */
bool config_file_in_container(void);

#endif
