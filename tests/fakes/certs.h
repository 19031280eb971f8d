/* certs.h - certificates for tests, made on the spot, written as PEM files.
 * Room:  any. A failure here is a broken test machine: it aborts.
 */
#ifndef HUBGATE_TESTS_CERTS_H
#define HUBGATE_TESTS_CERTS_H

struct cert_wish {
	const char *name;      /* file name without ending, and the common name */
	const char *issuer;    /* name of a CA made before; NULL: a self-signed CA */
	const char *alt_names; /* NULL, or "DNS:hub.test,IP:127.0.0.1" */
	long from_s, to_s;     /* validity relative to now */
};

/* A new directory that certs_remove() empties and removes. Caller owns the text. */
char *certs_dir(void);
void certs_remove(char *dir); /* takes dir; only plain files in it */

/* Writes dir/NAME.pem and dir/NAME.key. */
void certs_make(const char *dir, const struct cert_wish *wish);
/* "dir/NAME.ending" in one of a few static places, good for that many calls. */
const char *certs_path(const char *dir, const char *name, const char *ending);

#endif
