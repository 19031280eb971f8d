/* clocks.h - what the machine's clocks say now, named as POSIX names them.
 * Room:  any. Code that decides takes times as arguments; who calls it reads them here.
 */
#ifndef HUBGATE_CLOCKS_H
#define HUBGATE_CLOCKS_H

#include <stdint.h>

int64_t clocks_monotonic_us(void);
int64_t clocks_monotonic_ms(void);
int64_t clocks_boottime_ms(void); /* goes on while the machine sleeps */
int64_t clocks_realtime_ms(void); /* since 1970; may be wrong, and may jump */

#endif
