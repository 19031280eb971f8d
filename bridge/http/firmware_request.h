/* firmware_request.h - one request for a file of firmware: from the URL, over redirects, into the
 * file, judged by core/hub/ota_download.h.
 * Room:  NET.
 * Keeps: every URL is judged by scheme and host, every connection by its address; a MiB at a time
 *        goes to the disk.
 */
#ifndef HUBGATE_FIRMWARE_REQUEST_H
#define HUBGATE_FIRMWARE_REQUEST_H

#include "bridge/http/firmware_fetch.h"
#include "bridge/http/net_impl.h"
#include "core/hub/ota_download.h"
#include "core/hub/ota_url.h"

struct firmware_request {         /* embedded; zeroed, then up to progress set by its owner */
	struct net_transfer transfer; /* first: it is the request */
	struct net *net;
	const struct firmware_fetch_conf *conf;
	struct ota_download *download; /* knows how far the file is */
	int fd;                        /* of the file */
	uint64_t synced;               /* bytes of which writing was begun */
	/* It is over; what is to be done next. NO_URL: with code and why in download. */
	void (*done)(struct firmware_request *r, enum ota_step verdict);
	void (*progress)(struct firmware_request *r); /* there are more bytes */
	bool under_way;
	/* firmware_request.c's */
	char *location; /* where a redirect led; owned */
	struct ota_url at;
	unsigned redirects;
	struct ota_reply reply;
	enum ota_step verdict;   /* ON: none yet */
	bool forbidden, allowed; /* such an address was among those that it came to */
	bool judged;
	char why[CURL_ERROR_SIZE];
};

/* Asks for what is missing. ON: under way; NO_URL: refused, code and why are set; AGAIN: it cannot
 * begin now. done() is not called but for ON. */
enum ota_step firmware_request_ask(struct firmware_request *r, const char *url);
void firmware_request_close(struct firmware_request *r); /* done() is not called */
/* The file begins anew. ON; FAILED: with code and why. */
enum ota_step firmware_request_cut_file(struct firmware_request *r);

#endif
