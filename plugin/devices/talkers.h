/* talkers.h - who sends how much: warns when more comes in than hub.rate_up lets out.
 * Room:  BROKER.
 */
#ifndef HUBGATE_TALKERS_H
#define HUBGATE_TALKERS_H

#include "plugin/base/context.h"

void talkers_run(struct hubgate *h, int64_t now_ms); /* cheap; does something once a minute */

#endif
