/* broker_conf.h - finds and reads the configuration file of a running broker.
 * Room:  BROKER, at start; the command line tool. Reads files.
 */
#ifndef HUBGATE_BROKER_CONF_H
#define HUBGATE_BROKER_CONF_H

#include "core/config/mosquitto_conf.h"

/* Reads the file at path and what it includes. Caller owns *out
 * (mosquitto_conf_free) when ST_OK, else it is empty and why names file and cause.
 * ST_NOTFOUND; ST_DENIED; ST_TOOBIG (over 1 MiB); ST_IO; ST_NOMEM; ST_FULL. */
enum status broker_conf_read(const char *path, struct mosquitto_conf *out,
                             char why[MOSQUITTO_CONF_WHY_MAX]);

/* The same for the process whose directory below /proc is proc ("/proc/self": the
 * broker that loaded us), by its -c or --config-file arguments, in their order;
 * relative names start at its working directory. ST_NOTFOUND also when there is no
 * such argument. */
enum status broker_conf_find(const char *proc, struct mosquitto_conf *out,
                             char why[MOSQUITTO_CONF_WHY_MAX]);

#endif
