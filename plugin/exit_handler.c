#include "plugin/exit_handler.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct exit_handler {
	bool (*stop)(void *ctx); /* NULL: nothing to stop */
	void *ctx;
	bool left; /* threads hang */
	pid_t pid;
	pthread_t broker;
};

/* Beside the broker's running thread nothing can be put in order; what is acknowledged is as safe
 * as after kill -9. */
static bool stopped(const struct exit_handler *e)
{
	return pthread_equal(pthread_self(), e->broker) && e->stop(e->ctx);
}

static void on_process_exit(int status, void *arg)
{
	struct exit_handler *e = arg;

	/* The child of a fork has none of our threads. */
	if (getpid() != e->pid)
		return;
	if (e->stop && !stopped(e))
		e->left = true;
	e->stop = NULL;
	if (!e->left)
		return;
	fflush(NULL);
	_exit(status);
}

struct exit_handler *exit_handler_new(bool (*stop)(void *ctx), void *ctx)
{
	struct exit_handler *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	*e = (struct exit_handler){
		.stop = stop, .ctx = ctx, .pid = getpid(), .broker = pthread_self()
	};
	/* OpenSSL registers its handler when it is first used: let that be now. */
	if (OPENSSL_init_ssl(0, NULL) == 1 && on_exit(on_process_exit, e) == 0)
		return e;
	free(e);
	return NULL;
}

void exit_handler_done(struct exit_handler *e)
{
	if (e)
		e->stop = NULL;
}

void exit_handler_left(struct exit_handler *e)
{
	exit_handler_done(e);
	if (e)
		e->left = true;
}
