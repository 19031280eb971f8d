/* config_files.h - which files hubgate.json names.
 * Room:  any. Pure.
 */
#ifndef HUBGATE_CONFIG_FILES_H
#define HUBGATE_CONFIG_FILES_H

#include "core/config/config.h"

/* Calls each for every file (secrets, certificates, keys, the program that installs firmware; no
 * directories) with the path as the file has it after the look at its own directory, until it says
 * false. The same path may come several times. False: each said so. */
bool config_files_each(const struct config *cfg, bool (*each)(void *ctx, const char *path),
                       void *ctx);

#endif
