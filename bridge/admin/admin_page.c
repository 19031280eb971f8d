#include <openssl/evp.h>
#include <stdio.h>

#include "bridge/admin/admin_impl.h"

enum {
	HTML_MAX = 256 * 1024,
	DIGEST_TEXT = 4 * ((32 + 2) / 3) + 1, /* SHA-256 in Base64 */
};

/* bridge/admin/page/, as bytes (make/page.mk). */
static const unsigned char head[] = {
#include <head.html.inc>
};
static const unsigned char style[] = {
#include <page.css.inc>
};
static const unsigned char body[] = {
#include <body.html.inc>
};
static const unsigned char script[] = {
#include <page.js.inc>
};

static enum status put(struct buf *out, const char *before, const unsigned char *bytes, size_t len,
                       const char *behind)
{
	enum status st = buf_add_text(out, before);

	if (st == ST_OK)
		st = buf_add(out, bytes, len);
	return st == ST_OK ? buf_add_text(out, behind) : st;
}

static bool digest(const unsigned char *bytes, size_t len, char out[DIGEST_TEXT])
{
	unsigned char sum[32];

	if (EVP_Digest(bytes, len, sum, NULL, EVP_sha256(), NULL) != 1)
		return false;
	EVP_EncodeBlock((unsigned char *)out, sum, sizeof(sum));
	return true;
}

/* The page runs the script and has the style that stand in it, and asks nobody else. */
static enum status make_policy(char out[ADMIN_POLICY_MAX])
{
	char of_script[DIGEST_TEXT], of_style[DIGEST_TEXT];

	if (!digest(script, sizeof(script), of_script) || !digest(style, sizeof(style), of_style))
		return ST_NOMEM;
	snprintf(out, ADMIN_POLICY_MAX,
	         "default-src 'none'; script-src 'sha256-%s'; style-src 'sha256-%s'; "
	         "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
	         "frame-ancestors 'none'",
	         of_script, of_style);
	return ST_OK;
}

enum status admin_page_init(struct admin_page *p)
{
	enum status st;

	p->html = (struct buf)BUF_MAX(HTML_MAX);
	st = put(&p->html, "", head, sizeof(head), "<style>");
	if (st == ST_OK)
		st = put(&p->html, "", style, sizeof(style), "</style></head>\n");
	if (st == ST_OK)
		st = put(&p->html, "", body, sizeof(body), "<script>");
	if (st == ST_OK)
		st = put(&p->html, "", script, sizeof(script), "</script></body></html>\n");
	return st == ST_OK ? make_policy(p->policy) : st;
}

void admin_page_fini(struct admin_page *p)
{
	buf_free(&p->html);
}

void admin_page_add_headers(const struct admin_page *p, struct MHD_Response *r, const char *type)
{
	MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, "Content-Security-Policy", p->policy);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, "X-Frame-Options", "DENY");
	MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin");
}
