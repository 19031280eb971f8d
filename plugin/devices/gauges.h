/* gauges.h - metrics that are looked up when somebody wants them, not counted when they change.
 * Room:  BROKER.
 */
#ifndef HUBGATE_GAUGES_H
#define HUBGATE_GAUGES_H

#include "plugin/base/context.h"

/* h->metrics tells from then on what is so now. The journal's counts come in one, so that accepted
 * = delivered + queued + dropped holds among them. */
void gauges_measure(struct hubgate *h);

#endif
