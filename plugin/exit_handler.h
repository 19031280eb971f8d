/* exit_handler.h - the last word when the process ends without mosquitto_plugin_cleanup().
 * Room:  BROKER; what it calls runs in the thread that called exit().
 * Why:   2.0 calls no cleanup when a start fails after our init, nor does an exit() from anywhere
 *        inside the broker. exit() then tears down OpenSSL while our threads use it, which crashes.
 *        Handlers run in the reverse order of their registration, so ours, registered once OpenSSL
 *        is there, runs before OpenSSL's own.
 */
#ifndef HUBGATE_EXIT_HANDLER_H
#define HUBGATE_EXIT_HANDLER_H

#include <stdbool.h>

struct exit_handler; /* opaque; lives until the process ends */

/* stop(ctx) shall end our threads; it may use nothing of the broker's, whose main() may have
 * returned. It says false when a thread hangs; then the process ends without the handlers that
 * would run after ours, with the same exit status. NULL: no memory. */
struct exit_handler *exit_handler_new(bool (*stop)(void *ctx), void *ctx);
/* Everything was stopped without it: it does nothing. NULL is fine. */
void exit_handler_done(struct exit_handler *e);
/* The same, but for threads that hang: it ends the process as above. */
void exit_handler_left(struct exit_handler *e);

#endif
