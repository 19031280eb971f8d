/* fuzz.h - what a fuzz target of this folder may offer to driver.c.
 * Every target defines LLVMFuzzerTestOneInput(), which aborts when a promise breaks,
 * and may define fuzz_samples: good inputs for the driver to mutate.
 */
#ifndef HUBGATE_TESTS_FUZZ_H
#define HUBGATE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_sample {
	const void *bytes; /* static */
	size_t len;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends with an element whose bytes are NULL; the symbol may be missing. */
extern const struct fuzz_sample fuzz_samples[] __attribute__((weak));

#endif
