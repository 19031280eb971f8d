#include "core/base/utf8.h"

/* Well-formed UTF-8 by first and second byte; the others are 80..bf. Without U+0000,
 * which neither MQTT nor C allow in text. */
static const struct sequence {
	unsigned char first_low, first_high, second_low, second_high, len;
} sequences[] = {
	{ 0x01, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static const struct sequence *find_sequence(unsigned char first)
{
	for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
		if (first >= sequences[i].first_low && first <= sequences[i].first_high)
			return &sequences[i];
	}
	return NULL;
}

size_t utf8_next(const char *text, size_t len)
{
	const unsigned char *at = (const unsigned char *)text;
	const struct sequence *seq = len > 0 ? find_sequence(at[0]) : NULL;

	if (!seq || seq->len > len)
		return 0;
	if (seq->len > 1 && (at[1] < seq->second_low || at[1] > seq->second_high))
		return 0;
	for (size_t i = 2; i < seq->len; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return seq->len;
}

bool utf8_ok(const char *text, size_t len)
{
	while (len > 0) {
		size_t step = utf8_next(text, len);

		if (step == 0)
			return false;
		text += step;
		len -= step;
	}
	return true;
}
