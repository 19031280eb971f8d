/* control_answer.h - the data of an answer that is written at once.
 * Room:  BROKER.
 * Usage: struct control_answer out;
 *        control_answer_begin(&out); write into out.w; control_answer_end(&out, a).
 */
#ifndef HUBGATE_CONTROL_ANSWER_H
#define HUBGATE_CONTROL_ANSWER_H

#include "core/json/json_writer.h"
#include "plugin/base/asker.h"

struct control_answer { /* it stays where it is */
	struct buf text;
	struct json_writer w; /* into text */
};

void control_answer_begin(struct control_answer *out);
size_t control_answer_room(const struct control_answer *out); /* bytes that still fit */
/* Sends it, or the error that it came to. Takes a; nothing is left in out. */
void control_answer_end(struct control_answer *out, struct asker *a);

#endif
