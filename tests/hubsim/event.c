#include "tests/hubsim/event.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct item {
	struct item *next;
	char *text;
};

struct events {
	pthread_mutex_t lock;
	struct item *head, **tail;
	uint64_t next_n;
	bool muted;
	uint64_t counts[VIOLATION_COUNT];
	void (*rouse)(void *);
	void *arg;
};

static const char *const names[] = {
#define X(id, name, text) name,
	VIOLATIONS(X)
#undef X
};

struct events *events_new(void (*rouse)(void *), void *arg)
{
	struct events *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	pthread_mutex_init(&e->lock, NULL);
	e->tail = &e->head;
	e->next_n = 1;
	e->rouse = rouse;
	e->arg = arg;
	return e;
}

void events_free(struct events *e)
{
	char *text;

	if (!e)
		return;
	while ((text = event_pop(e)))
		free(text);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

cJSON *event_new(const char *ev)
{
	cJSON *obj = cJSON_CreateObject();

	cJSON_AddStringToObject(obj, "ev", ev);
	return obj;
}

static void append(struct events *e, cJSON *obj)
{
	struct item *it = calloc(1, sizeof *it);

	if (!it)
		return;
	cJSON_AddNumberToObject(obj, "n", (double)e->next_n++);
	it->text = cJSON_PrintUnformatted(obj);
	if (!it->text) {
		free(it);
		return;
	}
	*e->tail = it;
	e->tail = &it->next;
}

void event_push(struct events *e, cJSON *obj)
{
	bool pushed = false;

	cJSON_AddNumberToObject(obj, "t", (double)monotonic_ms());
	pthread_mutex_lock(&e->lock);
	if (!e->muted) {
		append(e, obj);
		pushed = true;
	}
	pthread_mutex_unlock(&e->lock);
	cJSON_Delete(obj);
	if (pushed)
		e->rouse(e->arg);
}

char *event_pop(struct events *e)
{
	struct item *it;
	char *text = NULL;

	pthread_mutex_lock(&e->lock);
	it = e->head;
	if (it) {
		e->head = it->next;
		if (!e->head)
			e->tail = &e->head;
		text = it->text;
		free(it);
	}
	pthread_mutex_unlock(&e->lock);
	return text;
}

void events_publishing(struct events *e, bool on)
{
	pthread_mutex_lock(&e->lock);
	e->muted = !on;
	pthread_mutex_unlock(&e->lock);
}

void violation(struct events *e, enum violation what, const char *client, const char *detail)
{
	cJSON *obj = event_new("violation");

	pthread_mutex_lock(&e->lock);
	e->counts[what]++;
	pthread_mutex_unlock(&e->lock);
	cJSON_AddStringToObject(obj, "what", names[what]);
	cJSON_AddStringToObject(obj, "client", client ? client : "");
	cJSON_AddStringToObject(obj, "detail", detail ? detail : "");
	event_push(e, obj);
}

cJSON *violations_json(struct events *e)
{
	cJSON *obj = cJSON_CreateObject();

	pthread_mutex_lock(&e->lock);
	for (int i = 0; i < VIOLATION_COUNT; i++)
		cJSON_AddNumberToObject(obj, names[i], (double)e->counts[i]);
	pthread_mutex_unlock(&e->lock);
	return obj;
}

void violations_clear(struct events *e)
{
	pthread_mutex_lock(&e->lock);
	for (int i = 0; i < VIOLATION_COUNT; i++)
		e->counts[i] = 0;
	pthread_mutex_unlock(&e->lock);
}
