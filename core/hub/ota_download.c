#include "core/hub/ota_download.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum {
	HTTP_OK = 200,
	HTTP_PARTIAL = 206,
	HTTP_NOT_THERE = 416,
	HTTP_TIMEOUT = 408,
};

static bool digest_anew(struct ota_download *d)
{
	d->have = 0;
	d->resumed = 0;
	return EVP_DigestInit_ex(d->md5, EVP_md5(), NULL) == 1;
}

enum status ota_download_init(struct ota_download *d, const struct ota_image *image)
{
	memset(d, 0, sizeof(*d));
	d->image = *image;
	d->md5 = EVP_MD_CTX_new();
	if (d->md5 && digest_anew(d))
		return ST_OK;
	ota_download_fini(d);
	return ST_NOMEM;
}

void ota_download_fini(struct ota_download *d)
{
	EVP_MD_CTX_free(d->md5);
	d->md5 = NULL;
}

enum ota_step ota_download_fail(struct ota_download *d, enum ota_code code, const char *why)
{
	d->state = OTA_FAILED;
	d->code = code;
	if (why != d->why)
		snprintf(d->why, sizeof(d->why), "%s", why);
	return OTA_STEP_FAILED;
}

static enum ota_step again(struct ota_download *d, enum ota_step step)
{
	d->state = OTA_PAUSED;
	return step;
}

static enum ota_step anew(struct ota_download *d)
{
	digest_anew(d);
	d->idle++;
	return d->idle < OTA_TRIES_MAX
	           ? again(d, OTA_STEP_ANEW)
	           : ota_download_fail(d, OTA_TIMED_OUT, "the server does not send what is asked for");
}

/* What was read is of no use; it may be the disk's fault where some of it was there before. */
static enum ota_step mismatch(struct ota_download *d)
{
	bool resumed = d->resumed > 0;

	if (resumed)
		return anew(d);
	return ota_download_fail(d, OTA_BAD_MD5, "the MD5 of the file is another than announced");
}

static bool fits(struct ota_download *d)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[OTA_MD5_LEN + 1] = "";
	unsigned len = 0;

	if (EVP_DigestFinal_ex(d->md5, digest, &len) != 1)
		return false;
	for (unsigned i = 0; i < len && 2 * i < OTA_MD5_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return strcmp(hex, d->image.md5) == 0;
}

static void add(struct ota_download *d, const void *bytes, size_t len)
{
	EVP_DigestUpdate(d->md5, bytes, len);
	d->have += len;
}

/* --- what is there already --- */

enum ota_step ota_download_feed(struct ota_download *d, const void *bytes, size_t len)
{
	if (len > d->image.size - d->have) {
		digest_anew(d);
		return OTA_STEP_RESTART;
	}
	add(d, bytes, len);
	d->resumed = d->have;
	if (d->have < d->image.size)
		return OTA_STEP_ON;
	if (fits(d)) {
		d->state = OTA_WHOLE;
		return OTA_STEP_WHOLE;
	}
	digest_anew(d);
	return OTA_STEP_RESTART;
}

enum ota_step ota_download_fed(struct ota_download *d)
{
	if (d->state == OTA_RESUMING)
		d->state = OTA_PAUSED;
	return OTA_STEP_ON;
}

uint64_t ota_download_asked(struct ota_download *d)
{
	d->state = OTA_ASKED;
	if (d->have > d->most)
		d->most = d->have; /* what was there already is no progress */
	return d->have;
}

/* --- the reply --- */

static enum ota_step wrong_size(struct ota_download *d, uint64_t is)
{
	char why[OTA_WHY_MAX];

	snprintf(why, sizeof(why), "the file has %" PRIu64 " bytes, announced were %" PRIu64, is,
	         d->image.size);
	return ota_download_fail(d, OTA_BAD_MD5, why);
}

static enum ota_step whole_file(struct ota_download *d, const struct ota_reply *r)
{
	bool restart = d->have > 0; /* the server ignored Range */

	if (r->has_length && r->length != d->image.size)
		return wrong_size(d, r->length);
	d->state = OTA_READING;
	if (restart)
		digest_anew(d);
	return restart ? OTA_STEP_RESTART : OTA_STEP_ON;
}

static enum ota_step part_of_file(struct ota_download *d, const struct ota_reply *r)
{
	if (r->has_range && r->total > 0 && r->total != d->image.size)
		return wrong_size(d, r->total);
	if (!r->has_range || r->first != d->have) {
		return anew(d); /* another part than was asked for */
	}
	d->state = OTA_READING;
	return OTA_STEP_ON;
}

static enum ota_step no_url(struct ota_download *d, enum ota_code code, const char *why)
{
	d->code = code;
	snprintf(d->why, sizeof(d->why), "%s", why);
	d->state = OTA_PAUSED;
	return OTA_STEP_NO_URL;
}

enum ota_step ota_download_reply(struct ota_download *d, const struct ota_reply *r)
{
	char why[OTA_WHY_MAX];

	snprintf(why, sizeof(why), "HTTP status %ld", r->status);
	switch (r->status) {
	case HTTP_OK:
		return whole_file(d, r);
	case HTTP_PARTIAL:
		return part_of_file(d, r);
	case 403:
		return no_url(d, OTA_NOT_ALLOWED, "HTTP status 403: the URL is not valid any more");
	case 404:
		return no_url(d, OTA_NO_FILE, "HTTP status 404: no such file");
	case HTTP_NOT_THERE:
		if (d->have == 0)
			break;
		return anew(d);
	case HTTP_TIMEOUT:
		return ota_download_ended(d, OTA_END_SILENT, true, why);
	default:
		break;
	}
	return ota_download_ended(d, OTA_END_CUT, true, why);
}

enum ota_step ota_download_bytes(struct ota_download *d, const void *bytes, size_t len)
{
	if (len > d->image.size - d->have)
		return wrong_size(d, d->have + len);
	add(d, bytes, len);
	if (d->have < d->image.size)
		return OTA_STEP_ON;
	if (!fits(d))
		return mismatch(d);
	d->state = OTA_WHOLE;
	d->code = OTA_FINE;
	return OTA_STEP_WHOLE;
}

enum ota_step ota_download_ended(struct ota_download *d, enum ota_end end, bool counts,
                                 const char *why)
{
	if (why && *why)
		snprintf(d->why, sizeof(d->why), "%s", why);
	else
		snprintf(d->why, sizeof(d->why), "%s",
		         end == OTA_END_SILENT  ? "the server sends nothing"
		         : end == OTA_END_CLEAN ? "the file ends early"
		                                : "the connection ended early");
	if (d->have > d->most)
		d->idle = 0;
	else if (counts)
		d->idle++;
	if (d->have > d->most)
		d->most = d->have;
	if (d->idle >= OTA_TRIES_MAX)
		return ota_download_fail(d, OTA_TIMED_OUT, d->why);
	return again(d, OTA_STEP_AGAIN);
}

enum ota_step ota_download_give_up(struct ota_download *d)
{
	char why[OTA_WHY_MAX];

	snprintf(why, sizeof(why), "%s", d->why);
	return ota_download_fail(d, d->code != OTA_FINE ? d->code : OTA_TIMED_OUT, why);
}

uint32_t ota_download_pause_ms(const struct ota_download *d)
{
	uint32_t ms = OTA_PAUSE_MS;

	for (unsigned i = 1; i < d->idle && ms < OTA_PAUSE_MAX_MS; i++)
		ms *= 2;
	return ms < OTA_PAUSE_MAX_MS ? ms : OTA_PAUSE_MAX_MS;
}

int ota_download_percent(const struct ota_download *d)
{
	int percent = (int)(100.0 * (double)d->have / (double)d->image.size);

	return d->state == OTA_WHOLE ? 100 : percent > 99 ? 99 : percent;
}
