#include "core/hub/ota_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool is_host(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) && !strchr(".-_:%", text[i]))
			return false;
	}
	return len > 0 && len < OTA_HOST_MAX;
}

static void lower(const char *from, size_t len, char *to)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (char)tolower((unsigned char)from[i]);
	to[len] = '\0';
}

enum status ota_url_read(const char *text, struct ota_url *out)
{
	const char *host, *at;
	size_t len;

	out->https = strncasecmp(text, "https://", 8) == 0;
	if (!out->https && strncasecmp(text, "http://", 7) != 0)
		return ST_INVALID;
	host = text + (out->https ? 8 : 7);
	len = strcspn(host, "/?#");
	at = memrchr(host, '@', len);
	if (at) { /* name and password */
		len -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	if (*host == '[') {
		const char *end = memchr(host, ']', len);

		if (!end)
			return ST_INVALID;
		len = (size_t)(end - ++host);
	} else {
		const char *port = memchr(host, ':', len);

		len = port ? (size_t)(port - host) : len;
	}
	if (!is_host(host, len))
		return ST_INVALID;
	lower(host, len, out->host);
	return ST_OK;
}

bool ota_url_may_follow(const struct ota_url *from, const struct ota_url *to)
{
	return to->https || !from->https;
}

static bool host_fits(const char *rule, size_t len, const char *host)
{
	size_t host_len = strlen(host);

	if (len > 2 && rule[0] == '*' && rule[1] == '.') {
		rule++; /* ".example.com" */
		len--;
		return host_len > len && strncasecmp(host + host_len - len, rule, len) == 0;
	}
	return host_len == len && strncasecmp(host, rule, len) == 0;
}

bool ota_url_host_allowed(const char *hosts, const char *host)
{
	static const char between[] = " ,\t";
	bool any = false;

	for (const char *at = hosts ? hosts : ""; *(at += strspn(at, between)) != '\0';) {
		size_t len = strcspn(at, between);

		any = true;
		if (host_fits(at, len, host))
			return true;
		at += len;
	}
	return !any;
}

/* --- addresses --- */

static enum ota_address_kind kind_of_v4(const unsigned char *a)
{
	if (a[0] == 0 || a[0] == 127)
		return OTA_ADDRESS_LOCAL;
	return (a[0] == 169 && a[1] == 254) || a[0] >= 224 ? OTA_ADDRESS_LINK_LOCAL : OTA_ADDRESS_FINE;
}

enum ota_address_kind ota_address_kind(const unsigned char a[16])
{
	static const unsigned char zeros[15];

	if (memcmp(a, mapped, sizeof(mapped)) == 0)
		return kind_of_v4(a + sizeof(mapped));
	if (memcmp(a, zeros, sizeof(zeros)) == 0 && a[15] <= 1)
		return OTA_ADDRESS_LOCAL;
	return (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) || a[0] == 0xff ? OTA_ADDRESS_LINK_LOCAL
	                                                               : OTA_ADDRESS_FINE;
}

bool ota_address_read(const char *text, unsigned char out[16])
{
	char plain[64];
	size_t len = strcspn(text, "%");

	if (len >= sizeof(plain))
		return false;
	memcpy(plain, text, len);
	plain[len] = '\0';
	if (inet_pton(AF_INET6, plain, out) == 1)
		return true;
	memcpy(out, mapped, sizeof(mapped));
	return inet_pton(AF_INET, plain, out + sizeof(mapped)) == 1;
}
