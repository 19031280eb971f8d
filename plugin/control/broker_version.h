/* broker_version.h - which Mosquitto this is. It tells a plugin by no function, but everybody by a
 * retained message, which the doorbell's connection subscribes for this.
 * Room:  BROKER.
 */
#ifndef HUBGATE_BROKER_VERSION_H
#define HUBGATE_BROKER_VERSION_H

#include "plugin/base/context.h"

enum status broker_version_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void broker_version_close(struct hubgate *h);
void broker_version_start(struct hubgate *h); /* the uplink is made: it is asked for */
/* The doorbell may subscribe this for it. */
bool broker_version_watches(const char *filter);
/* A message for the doorbell, as the broker asks whether it may have it. */
void broker_version_arrives(struct hubgate *h, const struct mosquitto_evt_acl_check *ed);
/* "2.0.11"; until the broker has told, what is known without: "2.0" or "2.1 or newer". */
const char *broker_version_text(const struct hubgate *h);

#endif
