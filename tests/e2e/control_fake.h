/* control_fake.h - something that listens like a broker with hubgate and gives prepared answers to the
 * commands on $CONTROL/hubgate/v1: for what a real one is hard to be brought to. */
#ifndef HUBGATE_TESTS_CONTROL_FAKE_H
#define HUBGATE_TESTS_CONTROL_FAKE_H

#include <stdbool.h>
#include <stddef.h>

struct control_answer {
	const char *command;
	const char *data; /* JSON; NULL: error */
	const char *error;
	const char *const *then; /* further data for the same question; NULL, or ended by NULL */
};

enum control_fault {
	CONTROL_FAULT_NONE,
	CONTROL_FAULT_MUTE,    /* takes the connection, says nothing */
	CONTROL_FAULT_REFUSES, /* the login */
	CONTROL_FAULT_ID,      /* the client id */
	CONTROL_FAULT_CROWDED, /* it has clients enough */
	CONTROL_FAULT_OLD,     /* it wants MQTT 3.1.1, and refuses that login */
	CONTROL_FAULT_DENIES,  /* the command */
	CONTROL_FAULT_HIDES,   /* the subscription of answers is denied */
	CONTROL_FAULT_SILENT,  /* hubgate is not there */
	CONTROL_FAULT_CLOSES,  /* at a command */
	CONTROL_FAULT_NOISE    /* before each answer: no JSON, and the answer to another question */
};

struct control_fake;

/* Answers to one command are given in their order, the last again and again. A command without one
 * is answered with an error. Borrowed until the stop. */
struct control_fake *control_fake_start(const struct control_answer *answers, size_t count,
                                        enum control_fault fault);
void control_fake_stop(struct control_fake *f);
int control_fake_port(const struct control_fake *f);
/* It was said by a client, in a login or a command. */
bool control_fake_heard(struct control_fake *f, const char *text);

#endif
