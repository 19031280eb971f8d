/* control_letters.h - the commands about messages that were given up: listDeadLetters,
 * resendDeadLetters, dropDeadLetters.
 * Room:  BROKER; DISK reads and writes the files meanwhile.
 * Keeps: a letter that is sent again leaves the file only after it is in the journal. One command
 *        at a time; at most CONTROL_LETTERS_MAX wait.
 */
#ifndef HUBGATE_CONTROL_LETTERS_H
#define HUBGATE_CONTROL_LETTERS_H

#include "core/json/json.h"
#include "plugin/base/asker.h"
#include "plugin/base/context.h"

enum {
	CONTROL_LETTERS_MAX = 8,
};

struct control_letters; /* opaque */

struct control_letters *control_letters_new(struct hubgate *h); /* NULL: no memory */
void control_letters_free(struct control_letters *l);           /* DISK has ended; NULL is fine */
/* What came back from DISK; a slice of what is sent again. */
void control_letters_run(struct hubgate *h, struct control_letters *l);
bool control_letters_wait(const struct control_letters *l); /* a slice is left */

/* Each takes a. */
void control_letters_list(struct hubgate *h, struct control_letters *l, const cJSON *command,
                          struct asker *a);
void control_letters_resend(struct hubgate *h, struct control_letters *l, const cJSON *command,
                            struct asker *a);
void control_letters_drop(struct hubgate *h, struct control_letters *l, const cJSON *command,
                          struct asker *a);

#endif
