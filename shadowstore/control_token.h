/* control_token.h - DIR/control.token: with what it holds the command `hubgate` logs in at this
 * broker. One line of text, 0600, new at each start, gone after a clean stop.
 * Room:  BROKER, at start and end. Waits for the disk.
 * Keeps: nobody reads a half of it, or that of another start beside a new one: it is renamed when
 * it is whole.
 */
#ifndef HUBGATE_CONTROL_TOKEN_H
#define HUBGATE_CONTROL_TOKEN_H

#include "core/base/status.h"

/* ST_OK; ST_IO (errno): there is no such file now. */
enum status control_token_write(const char *dir, const char *token);
void control_token_remove(const char *dir); /* none is fine */

#endif
