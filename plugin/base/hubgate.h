/* hubgate.h - the time as the plugin sees it; unit tests have a clock of their own in its place.
 * Room:  BROKER.
 */
#ifndef HUBGATE_HUBGATE_H
#define HUBGATE_HUBGATE_H

#include <stdint.h>

int64_t hubgate_now_ms(void); /* CLOCK_MONOTONIC */
int64_t hubgate_now_us(void);

#endif
