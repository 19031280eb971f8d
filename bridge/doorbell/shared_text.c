#include "bridge/doorbell/shared_text.h"

#include <stdio.h>

void shared_text_init(struct shared_text *t)
{
	pthread_mutex_init(&t->lock, NULL);
	t->text[0] = '\0';
}

void shared_text_fini(struct shared_text *t)
{
	pthread_mutex_destroy(&t->lock);
}

void shared_text_set(struct shared_text *t, const char *text)
{
	pthread_mutex_lock(&t->lock);
	snprintf(t->text, sizeof t->text, "%s", text);
	pthread_mutex_unlock(&t->lock);
}

void shared_text_get(struct shared_text *t, char *out, size_t size)
{
	pthread_mutex_lock(&t->lock);
	snprintf(out, size, "%s", t->text);
	pthread_mutex_unlock(&t->lock);
}
