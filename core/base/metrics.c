#include "core/base/metrics.h"

enum {
	NS_PER_US = 1000,
	LAST_BUCKET = HISTOGRAM_BUCKETS - 1
};

static const struct {
	const char *name, *help;
} metrics[METRIC_COUNT] = {
#define METRIC(id, name, help) [id] = { name, help },
#include "core/base/metrics.tbl"
#undef METRIC
};

static const char *const callbacks[CALLBACK_COUNT] = {
	[CALLBACK_AUTH] = "auth",         [CALLBACK_ACL] = "acl",   [CALLBACK_MESSAGE] = "message",
	[CALLBACK_PRESENCE] = "presence", [CALLBACK_TICK] = "tick", [CALLBACK_RELOAD] = "reload",
};

static void add(_Atomic uint64_t *to, uint64_t n)
{
	atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

static void raise_to(_Atomic uint64_t *to, uint64_t n)
{
	uint64_t old = get(to);

	while (old < n && !atomic_compare_exchange_weak_explicit(to, &old, n, memory_order_relaxed,
	                                                         memory_order_relaxed))
		;
}

void metric_add(struct metrics *m, enum metric id, uint64_t n)
{
	add(&m->value[id], n);
}

void metric_set(struct metrics *m, enum metric id, uint64_t n)
{
	atomic_store_explicit(&m->value[id], n, memory_order_relaxed);
}

uint64_t metric_get(const struct metrics *m, enum metric id)
{
	return get(&m->value[id]);
}

static void copy_histogram(struct histogram *to, const struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->bucket[i] = get(&from->bucket[i]);
	to->sum_ns = get(&from->sum_ns);
	to->max_ns = get(&from->max_ns);
}

void metrics_copy(struct metrics *to, const struct metrics *from)
{
	for (int i = 0; i < METRIC_COUNT; i++)
		metric_set(to, (enum metric)i, metric_get(from, (enum metric)i));
	for (int i = 0; i < CALLBACK_COUNT; i++)
		copy_histogram(&to->callbacks[i], &from->callbacks[i]);
}

const char *metric_name(enum metric id)
{
	return metrics[id].name;
}

const char *metric_help(enum metric id)
{
	return metrics[id].help;
}

const char *metric_callback(enum callback c)
{
	return callbacks[c];
}

void histogram_add(struct histogram *h, uint64_t ns)
{
	uint64_t us = ns / NS_PER_US;
	unsigned i = 0;

	while (i < LAST_BUCKET && us >> i)
		i++;
	add(&h->bucket[i], 1);
	add(&h->sum_ns, ns);
	raise_to(&h->max_ns, ns);
}

uint64_t histogram_count(const struct histogram *h)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += get(&h->bucket[i]);
	return count;
}

/* The last bucket has no bound of its own: the longest time stands for it. */
static uint64_t bucket_bound_us(const struct histogram *h, unsigned i)
{
	if (i < LAST_BUCKET)
		return UINT64_C(1) << i;
	return get(&h->max_ns) / NS_PER_US + 1;
}

uint64_t histogram_quantile_us(const struct histogram *h, double p)
{
	double want = p * (double)histogram_count(h);
	uint64_t seen = 0, bound = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t n = get(&h->bucket[i]);

		if (n == 0)
			continue;
		seen += n;
		bound = bucket_bound_us(h, i);
		if ((double)seen >= want)
			break;
	}
	return bound;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		add(&into->bucket[i], get(&from->bucket[i]));
	add(&into->sum_ns, get(&from->sum_ns));
	raise_to(&into->max_ns, get(&from->max_ns));
}
