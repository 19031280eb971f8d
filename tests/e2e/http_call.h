/* http_call.h - requests of tests to a listener for HTTP on this machine. */
#ifndef HUBGATE_TESTS_HTTP_CALL_H
#define HUBGATE_TESTS_HTTP_CALL_H

#include <stdbool.h>

struct http_reply {
	long status; /* 0: no reply */
	char *body;  /* never NULL */
	double ms;
};

/* token: shown as Bearer; NULL: none. */
struct http_reply http_call(int port, const char *path, const char *token);
void http_reply_free(struct http_reply *r);
/* The value of the line "series VALUE" of /metrics; -1: it is not there. */
double http_call_metric(const char *body, const char *series);
/* The data of the first event of that name in a stream of server-sent events that holds text;
 * caller frees. NULL: none came in timeout_ms. */
char *http_call_event(int port, const char *path, const char *event, const char *text,
                      int timeout_ms);

/* Opens a stream and waits for its first bytes; caller closes. -1: none came. */
int http_call_open(int port, const char *path);

#endif
