/* What is read of a store of format 1 and of an export, any bytes: nothing is read or written
 * outside of them, bringing them along twice is bringing them along once, and no path leads out of
 * its place. */
#include <stdlib.h>
#include <string.h>

#include "core/export/archive.h"
#include "core/journal/record.h"
#include "core/journal/record_v1.h"
#include "tests/fuzz/fuzz.h"

/* Of tests/samples/store-02e6fb7/journal/acks. */
#define HEADER                                                                         \
	"\x48\x47\x41\x54\x45\x41\x43\x4b\x01\x00\x00\x00\x00\x00\x00\x00\x1b\x6e\x68\x23" \
	"\x09\xb5\x4e\x76\xbc\x38\x8b\xda\xfc\xb0\x6f\x4e\x01\x00\x00\x00\x00\x00\x00\x00" \
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
	"\xd2\x99\xdd\x71"
#define RECORD                                                                         \
	"\x30\x00\x00\x00\x51\xfe\xf3\x3a\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
	"\x00\x00\x00\x00\x00\x00\x00\x00"

#define SAMPLE(text)          \
	{                         \
		text, sizeof text - 1 \
	}

const struct fuzz_sample fuzz_samples[] = {
	SAMPLE(HEADER RECORD),
	SAMPLE(RECORD RECORD),
	SAMPLE("S\0\x0c\0\x80\x01\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	       "journal/acks"),
	SAMPLE("store_format 2\nstore_dir /var/lib/mosquitto/hubgate\n"),
	{ NULL, 0 },
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static size_t differing(const uint8_t *a, const uint8_t *b, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++)
		n += a[i] != b[i];
	return n;
}

static void check_lift(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size + 1), *again = malloc(size + 1);
	uint64_t lifted = 0, twice = 0;

	if (bytes && again && size > 0) {
		memcpy(bytes, data, size);
		require(record_v1_lift(bytes, size, false, &lifted) <= size);
		require(record_v1_lift(bytes, size, true, &lifted) == size);
		require(differing(bytes, data, size) <= 4 * lifted);
		memcpy(again, bytes, size);
		require(record_v1_lift(again, size, true, &twice) == size);
		require(twice == 0 && memcmp(again, bytes, size) == 0);
	}
	if (bytes && size >= RECORD_FILE_BYTES) {
		memcpy(bytes, data, size);
		record_v1_lift_file(bytes);
		require(!record_v1_lift_file(bytes));
	}
	free(bytes);
	free(again);
}

static void check_archive(const uint8_t *data, size_t size)
{
	struct archive_head h;
	char value[32];
	char *text = malloc(size + 1);
	size_t len = size > ARCHIVE_HEAD_BYTES ? size - ARCHIVE_HEAD_BYTES : 0;

	if (text) {
		if (size > 0)
			memcpy(text, data, size);
		text[size] = '\0';
		if (archive_info(text, "store_format", value, sizeof value))
			require(strlen(value) < sizeof value && !strchr(value, '\n'));
	}
	if (text && len > 0 && archive_get_head(data, &h) == ST_OK) {
		const char *path = text + ARCHIVE_HEAD_BYTES;

		if (archive_path_ok(h.kind, path, len))
			require(strlen(path) == len && !strstr(path, "/../") && strncmp(path, "../", 3) != 0);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_lift(data, size);
	check_archive(data, size);
	return 0;
}
