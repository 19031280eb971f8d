/* list.h - lists whose links stand in their elements: a member `next`.
 * Room:  any; one owner. Pure.
 * Keeps: zeroed they are empty, and they own nothing: who takes an element out frees it.
 * Usage: walked by hand, for (e = head; e; e = e->next). Arguments are evaluated more than once.
 *
 *   list   struct lamp *lamps;           the newest is first
 *   links  the same, and the elements have `struct lamp **at`: any of them leaves at once
 *   queue  QUEUE_OF(struct lamp) lamps;  the oldest is first
 *   line   LINE_OF(struct lamp) lamps;   with `struct lamp *prev` in them: any leaves at once
 */
#ifndef HUBGATE_LIST_H
#define HUBGATE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* head: its address. */
#define LIST_PUSH(head, e) ((e)->next = *(head), *(head) = (e))
/* The first one leaves and is e. False: there is none, and e is NULL. */
#define LIST_TAKE(head, e) (((e) = *(head)) != NULL && (*(head) = (e)->next, true))

#define LINKS_PUSH(head, e)             \
	do {                                \
		LIST_PUSH(head, e);             \
		(e)->at = (head);               \
		if ((e)->next)                  \
			(e)->next->at = &(e)->next; \
	} while (0)
/* e may be the head itself. */
#define LINKS_REMOVE(e)              \
	do {                             \
		if ((e)->next)               \
			(e)->next->at = (e)->at; \
		*(e)->at = (e)->next;        \
	} while (0)

#define QUEUE_OF(type)      \
	struct {                \
		type *first, *last; \
	}
#define QUEUE_PUT(queue, e)            \
	do {                               \
		(e)->next = NULL;              \
		if ((queue)->first)            \
			(queue)->last->next = (e); \
		else                           \
			(queue)->first = (e);      \
		(queue)->last = (e);           \
	} while (0)
/* As LIST_TAKE(). */
#define QUEUE_TAKE(queue, e) LIST_TAKE(&(queue)->first, e)

/* The last of an empty line is NULL, so it needs no look at the first. */
#define LINE_OF(type) QUEUE_OF(type)
#define LINE_PUT(line, e)                                       \
	do {                                                        \
		(e)->next = NULL;                                       \
		(e)->prev = (line)->last;                               \
		*((e)->prev ? &(e)->prev->next : &(line)->first) = (e); \
		(line)->last = (e);                                     \
	} while (0)
#define LINE_REMOVE(line, e)                                          \
	do {                                                              \
		*((e)->prev ? &(e)->prev->next : &(line)->first) = (e)->next; \
		*((e)->next ? &(e)->next->prev : &(line)->last) = (e)->prev;  \
	} while (0)

#endif
