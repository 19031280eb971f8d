/* Runs a fuzz target without libFuzzer. With files: each once. Without: count inputs,
 * random ones and mutated samples in turn, all following from one seed.
 *
 *	driver [-n count] [-s seed] [file ...]
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	INPUT_MAX = 4096,
	FILE_MAX = 1 << 24,
	MUTATIONS_MAX = 8,
	COUNT = 100000
};

static uint64_t state;

static uint32_t draw(uint32_t below)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((state >> 32) % below);
}

/* On the heap at its exact size, so that a sanitizer sees reads beyond the end. */
static void run(const unsigned char *bytes, size_t len)
{
	unsigned char *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, bytes, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static size_t make_random(unsigned char *out)
{
	size_t len = draw(draw(4) ? 32 : INPUT_MAX);

	for (size_t i = 0; i < len; i++)
		out[i] = (unsigned char)draw(256);
	return len;
}

static size_t count_samples(void)
{
	size_t count = 0;

	while (fuzz_samples && fuzz_samples[count].bytes)
		count++;
	return count;
}

static size_t add_sample(unsigned char *out, size_t len, const struct fuzz_sample *sample)
{
	size_t room = INPUT_MAX - len, take = sample->len < room ? sample->len : room;

	memcpy(out + len, sample->bytes, take);
	return len + take;
}

enum mutation {
	FLIP_BIT,
	SET_BYTE,
	CUT_END,
	REMOVE_BYTE,
	INSERT_BYTE,
	COPY_BYTE,
	MUTATIONS
};

static size_t mutate_once(unsigned char *out, size_t len)
{
	static const unsigned char borders[] = { 0, 1, 0x7f, 0x80, 0xff, '"', '{', ';' };
	size_t at;

	if (len == 0)
		return 0;
	at = draw((uint32_t)len);
	switch ((enum mutation)draw(MUTATIONS)) {
	case FLIP_BIT:
		out[at] ^= (unsigned char)(1u << draw(8));
		return len;
	case SET_BYTE:
		out[at] = borders[draw(sizeof borders)];
		return len;
	case CUT_END:
		return at;
	case REMOVE_BYTE:
		memmove(out + at, out + at + 1, len - at - 1);
		return len - 1;
	case INSERT_BYTE:
		if (len == INPUT_MAX)
			return len;
		memmove(out + at + 1, out + at, len - at);
		out[at] = (unsigned char)draw(256);
		return len + 1;
	case COPY_BYTE:
	case MUTATIONS:
	default:
		out[at] = out[draw((uint32_t)len)];
		return len;
	}
}

/* One to three samples behind each other, with some damage. */
static size_t make_mutated(unsigned char *out, size_t samples)
{
	size_t len = 0, joined = 1 + draw(3), mutations = draw(MUTATIONS_MAX);

	while (joined-- > 0)
		len = add_sample(out, len, &fuzz_samples[draw((uint32_t)samples)]);
	while (mutations-- > 0)
		len = mutate_once(out, len);
	return len;
}

static void run_made(unsigned long count, uint64_t seed)
{
	unsigned char input[INPUT_MAX];
	size_t samples = count_samples();

	printf("seed %" PRIu64 ", %lu inputs\n", seed, count);
	fflush(stdout); /* known also when an input kills us */
	state = seed;
	for (size_t i = 0; i < samples; i++)
		run(fuzz_samples[i].bytes, fuzz_samples[i].len);
	for (unsigned long i = 0; i < count; i++) {
		size_t len = samples && i % 4 != 0 ? make_mutated(input, samples) : make_random(input);

		run(input, len);
	}
}

static int run_file(const char *path)
{
	unsigned char *bytes = malloc(FILE_MAX);
	FILE *f = fopen(path, "rb");
	int rc = EXIT_FAILURE;

	if (f && bytes) {
		size_t len = fread(bytes, 1, FILE_MAX, f);

		if (!ferror(f)) {
			run(bytes, len);
			rc = EXIT_SUCCESS;
		}
	}
	if (rc != EXIT_SUCCESS)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	if (f)
		fclose(f);
	free(bytes);
	return rc;
}

int main(int argc, char **argv)
{
	uint64_t seed = (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
	unsigned long count = COUNT;
	int option, rc = EXIT_SUCCESS;

	while ((option = getopt(argc, argv, "n:s:")) != -1) {
		if (option == 'n') {
			count = strtoul(optarg, NULL, 10);
		} else if (option == 's') {
			seed = strtoull(optarg, NULL, 10);
		} else {
			fprintf(stderr, "usage: %s [-n count] [-s seed] [file ...]\n", argv[0]);
			return EXIT_FAILURE;
		}
	}
	if (optind == argc)
		run_made(count, seed);
	for (int i = optind; i < argc; i++) {
		if (run_file(argv[i]) != EXIT_SUCCESS)
			rc = EXIT_FAILURE;
	}
	return rc;
}
