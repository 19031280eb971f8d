/* config_load.h - what the files of the configuration reader share. Not for others.
 * Room:  as config.h. Pure.
 * Split: config.c walks the JSON tree by the table, config_value.c judges single
 *        values, config_check.c what keys mean to each other, config_remote.c what
 *        the hub adds, config_report.c writes down what is wrong.
 */
#ifndef HUBGATE_CONFIG_LOAD_H
#define HUBGATE_CONFIG_LOAD_H

#include <cjson/cJSON.h>

#include "core/config/config_table.h"

enum {
	CONFIG_PATH_MAX = 128,
	CONFIG_FAULT_MAX = 256
};

struct config_line {
	const cJSON *node;
	unsigned line;
	bool remote; /* of the remote configuration's text */
};

struct config_load {
	const struct config_source *src;
	struct config *cfg;
	struct config_report *report;
	cJSON *root;
	struct config_line *lines; /* of every node */
	size_t line_count, line_room;
	bool no_memory;
	cJSON *remote;                 /* what was not moved into root; NULL: none */
	bool reading_remote;           /* whose nodes config_note_line() gets */
	bool remote_rate;              /* hub.rate_up is the remote configuration's */
	size_t in_file[SECTION_COUNT]; /* elements of each list, before those that were added */
};

/* A json_line_fn. */
void config_note_line(void *ctx, const cJSON *node, unsigned line);

/* Adds an error about path; at: whose line is named, NULL: no line. */
void config_error(struct config_load *l, const cJSON *at, const char *path, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void config_warning(struct config_load *l, const cJSON *at, const char *path, const char *format,
                    ...) __attribute__((format(printf, 4, 5)));

/* Adds the error that node's name is not among known, with the nearest of them.
 * prefix: path of the object that holds node, "" for the root. */
void config_unknown(struct config_load *l, const cJSON *node, const char *prefix,
                    const char *const *known, size_t count);

/* text cut to what fits, characters that harm a log line replaced; returns out. */
const char *config_shown(const char *text, char out[64]);

/* Puts node's value into the field. false: fault says what is wrong and what to
 * write instead, or is "" when memory ran out (l->no_memory). */
bool config_set(struct config_load *l, const struct config_key *key, void *field, const cJSON *node,
                char fault[CONFIG_FAULT_MAX]);

/* Frees what a field owns; also of secrets, which it wipes. */
void config_unset(const struct config_key *key, void *field);

/* The table's default; true unless memory ran out. */
bool config_set_default(const struct config_key *key, void *field);

/* Secret text into the field of its kind; false: not of its form, field empty. */
bool config_set_secret(enum config_kind kind, void *field, const char *text);

/* What belongs there, as a phrase that follows "use ". */
const char *config_expected(const struct config_key *key, char out[CONFIG_FAULT_MAX]);

/* After all values were accepted: what depends on more than one key, defaults
 * that depend on others, secrets from files and environment, repeated devices. */
void config_check(struct config_load *l);

/* core/config/config_remote.c: what src->remote may say goes into the file's tree, and the file
 * wins. Anything else in it is an error. After the file's tree was read and before it is walked. */
void config_remote_merge(struct config_load *l);
/* After config_check(): its values, against the region's limits. */
void config_remote_check(struct config_load *l);

#endif
