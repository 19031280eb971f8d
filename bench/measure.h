/* measure.h - what a process used, and what many samples say. */
#ifndef HUBGATE_BENCH_MEASURE_H
#define HUBGATE_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* CPU time of all threads of the process, nanoseconds; 0: cannot be read. */
int64_t measure_cpu_ns(pid_t pid);
/* Resident memory, bytes; 0: cannot be read. */
int64_t measure_rss(pid_t pid);
/* Milliseconds that the host gave to others since it started, of all processors. */
int64_t measure_stolen_ms(void);
/* Bytes that the process gave to block devices, or will; 0: cannot be read. */
int64_t measure_written(pid_t pid);
/* Bytes that the files below a directory fill, room reserved behind their ends left out; 0 when
 * there is none. */
int64_t measure_disk(const char *dir);
/* Sorts. 0 when there are no samples. */
double measure_quantile(double *samples, size_t count, double q);
double measure_quantile_ns(int64_t *samples, size_t count, double q);

#endif
