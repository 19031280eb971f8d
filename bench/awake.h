/* awake.h - keeps the processors from sleeping while something is measured: threads that burn what
 * nobody else wants. Waking a sleeping (virtual) processor takes milliseconds on some machines, at
 * every hop, for any software. */
#ifndef HUBGATE_BENCH_AWAKE_H
#define HUBGATE_BENCH_AWAKE_H

/* One pair at a time. */
void awake_begin(void);
void awake_end(void);

#endif
