#include "bridge/uplink/mail.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/clocks.h"

/* --- log lines --- */

/* Lines of this room and of NET and HTTP wait in a mailbox: only BROKER may call the broker's log,
 * and UPLINK rings for it. */
static void to_logs(void *ctx, enum log_level level, const char *line)
{
	struct mail *m = ctx;
	struct uplink_log item = { .level = level };
	bool was_empty = false;

	snprintf(item.line, sizeof(item.line), "%s", line);
	if (mailbox_put(m->logs, &item, &was_empty) != ST_OK)
		atomic_fetch_add(&m->logs_lost, 1);
	else if (was_empty)
		wake_ring(&m->wake);
}

enum status mail_take_line(struct mail *m, struct uplink_log *out)
{
	return mailbox_take(m->logs, out);
}

/* --- life --- */

enum status mail_init(struct mail *m, struct metrics *metrics)
{
	enum status st;

	m->log = (struct log){ to_logs, m };
	atomic_init(&m->broker_due_ms, INT64_MAX);
	shared_text_init(&m->login);
	st = wake_init(&m->wake, &(struct wake_watch){ "UPLINK", &m->log, metrics });
	if (st == ST_OK)
		st = mailbox_new(sizeof(struct order), MAIL_ORDERS_MAX, &m->orders);
	if (st == ST_OK)
		st = mailbox_new(sizeof(struct uplink_down), MAIL_INBOX_MAX, &m->inbox);
	if (st == ST_OK)
		st = mailbox_new(sizeof(struct uplink_log), MAIL_LOGS_MAX, &m->logs);
	if (st == ST_OK)
		st = mailbox_new(sizeof(struct trace_event), MAIL_TRACES_MAX, &m->traces);
	return st;
}

static void drop_order(void *item)
{
	mail_free_order(item);
}

static void drop_news(void *item)
{
	mail_free_news(item);
}

void mail_fini(struct mail *m)
{
	mailbox_free(m->orders, drop_order);
	mailbox_free(m->inbox, drop_news);
	mailbox_free(m->logs, NULL);
	mailbox_free(m->traces, NULL);
	wake_fini(&m->wake);
	shared_text_fini(&m->login);
}

/* --- orders --- */

enum status mail_put_order(struct mail *m, struct order *o)
{
	bool was_empty = false;
	enum status st = mailbox_put(m->orders, o, &was_empty);

	if (st == ST_OK && was_empty)
		wake_ring(&m->wake);
	return st;
}

size_t mail_order_space(const struct mail *m)
{
	return mailbox_space(m->orders);
}

enum status mail_take_order(struct mail *m, struct order *out)
{
	return mailbox_take(m->orders, out);
}

size_t mail_order_count(const struct mail *m)
{
	return mailbox_count(m->orders);
}

void mail_free_order(struct order *o)
{
	if (o->kind == ORDER_SECRET && o->payload)
		secret_wipe(o->payload);
	free(o->topic);
	free(o->payload);
}

/* --- news --- */

enum status mail_put_news(struct mail *m, const struct uplink_down *news)
{
	return mailbox_put(m->inbox, news, NULL);
}

size_t mail_news_space(const struct mail *m)
{
	return mailbox_space(m->inbox);
}

enum status mail_take_news(struct mail *m, struct uplink_down *out)
{
	enum status st = mailbox_take(m->inbox, out);

	/* UPLINK stops reading while the inbox is full, and looks again in the turn after this. It
	 * alone puts, so the count cannot pass the half unseen. */
	if (st == ST_OK && mailbox_count(m->inbox) == MAIL_INBOX_MAX / 2)
		wake_ring(&m->wake);
	return st;
}

void mail_free_news(struct uplink_down *news)
{
	free(news->topic);
	free(news->payload);
	news->topic = NULL;
	news->payload = NULL;
}

/* --- traces --- */

void mail_put_trace(struct mail *m, const struct trace_event *e)
{
	if (mailbox_put(m->traces, e, NULL) != ST_OK)
		atomic_fetch_add(&m->traces_lost, 1);
}

enum status mail_take_trace(struct mail *m, struct trace_event *out)
{
	return mailbox_take(m->traces, out);
}

bool mail_waits(const struct mail *m)
{
	return mailbox_count(m->inbox) > 0 || mailbox_count(m->logs) > 0;
}

/* --- BROKER's timer --- */

void mail_set_timer(struct mail *m, int64_t due_ms)
{
	int64_t before = atomic_exchange(&m->broker_due_ms, due_ms);

	/* A later one needs no wake: UPLINK looks again when the earlier would have come. */
	if (due_ms < before)
		wake_ring(&m->wake);
}

int64_t mail_timer(const struct mail *m)
{
	return atomic_load(&m->broker_due_ms);
}

bool mail_timer_came(struct mail *m, int64_t now_ms)
{
	int64_t due_ms = atomic_load(&m->broker_due_ms);

	return now_ms >= due_ms &&
	       atomic_compare_exchange_strong(&m->broker_due_ms, &due_ms, INT64_MAX);
}

uint64_t mail_hub_time_s(const struct mail *m)
{
	return (uint64_t)(clocks_realtime_ms() / 1000 + atomic_load(&m->hub_offset_ms) / 1000);
}

enum uplink_state mail_state(const struct mail *m)
{
	return (enum uplink_state)atomic_load(&m->state);
}
