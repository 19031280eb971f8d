/* The memory backend. One lock, held for a copy of a pointer: BROKER appends at
 * one end while UPLINK reads and ends at the other. Slots stand in order of
 * sequence, in chunks; a chunk goes when its last message has ended, so that one
 * message that stays costs no more than its chunk and a few bits per successor. */
#include "shadowstore/journal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/table.h"
#include "shadowstore/journal_disk.h"
#include "shadowstore/journal_reader.h"

enum {
	CHUNK_SLOTS = 256,
	FIRST_CHUNKS = 16,    /* a power of two, as every later size */
	RECORD_OVERHEAD = 64, /* what a message counts besides its bytes */
	/* With JOURNAL_DROP_OLDEST the reader trims. Until it has run, so much over
	 * either bound is taken rather than refused: a quarter, and a burst. */
	SLACK_PERCENT = 25,
	SLACK_MESSAGES = 1000,
	SLACK_BYTES = 1024 * 1024,
};

struct share { /* live messages of one device, for JOURNAL_REFUSE */
	struct table_node node;
	uint64_t messages, bytes;
	char device[];
};

struct message {
	struct share *share;
	size_t len;
	uint32_t bytes;
	uint8_t qos;
	bool latest;
	char topic[]; /* NUL-terminated, the payload after it */
};

struct chunk {
	unsigned live; /* slots that hold a message */
	struct message *slots[CHUNK_SLOTS];
};

struct journal {
	struct journal_limits lim;
	pthread_mutex_t lock;
	struct chunk **chunks; /* ring by chunk number, which is seq / CHUNK_SLOTS */
	size_t chunk_count;    /* power of two */
	uint64_t first_chunk;  /* none before it exists */
	uint64_t next_seq;
	uint64_t read_seq; /* next to be handed out */
	struct table shares;
	struct journal_counts counts;
};

static struct chunk **chunk_of(const struct journal *j, uint64_t seq)
{
	return &j->chunks[seq / CHUNK_SLOTS & (j->chunk_count - 1)];
}

static enum status grow_ring(struct journal *j)
{
	size_t count = j->chunk_count * 2;
	struct chunk **chunks = calloc(count, sizeof(struct chunk *));

	if (!chunks)
		return ST_NOMEM;
	for (size_t i = 0; i < j->chunk_count; i++) {
		uint64_t number = j->first_chunk + i;

		chunks[number & (count - 1)] = j->chunks[number & (j->chunk_count - 1)];
	}
	free(j->chunks);
	j->chunks = chunks;
	j->chunk_count = count;
	return ST_OK;
}

/* The chunk that next_seq falls into, made when it is the first there. */
static struct chunk *next_chunk(struct journal *j)
{
	struct chunk **at;

	if (j->next_seq / CHUNK_SLOTS - j->first_chunk == j->chunk_count && grow_ring(j) != ST_OK)
		return NULL;
	at = chunk_of(j, j->next_seq);
	if (!*at)
		*at = calloc(1, sizeof(**at));
	return *at;
}

/* Takes the message out of its slot; the chunk goes with its last message,
 * except the newest, which is still being filled. */
static void empty_slot(struct journal *j, uint64_t seq)
{
	struct chunk **at = chunk_of(j, seq);

	(*at)->slots[seq % CHUNK_SLOTS] = NULL;
	if (--(*at)->live > 0 || seq / CHUNK_SLOTS == j->next_seq / CHUNK_SLOTS)
		return;
	free(*at);
	*at = NULL;
	while (j->first_chunk < j->next_seq / CHUNK_SLOTS &&
	       !*chunk_of(j, j->first_chunk * CHUNK_SLOTS))
		j->first_chunk++;
}

static bool same_device(const struct table_node *node, const void *key)
{
	return strcmp(table_entry(node, struct share, node)->device, key) == 0;
}

static struct share *share_of(struct journal *j, const char *device)
{
	size_t len = strlen(device);
	uint64_t hash = table_hash(0, device, len);
	struct table_node *node = table_find(&j->shares, hash, same_device, device);
	struct share *s;

	if (node)
		return table_entry(node, struct share, node);
	s = calloc(1, sizeof(*s) + len + 1);
	if (!s)
		return NULL;
	memcpy(s->device, device, len + 1);
	if (table_add(&j->shares, &s->node, hash) != ST_OK) {
		free(s);
		return NULL;
	}
	return s;
}

static bool over(uint64_t messages, uint64_t bytes, const struct journal_limits *lim,
                 unsigned percent)
{
	return messages > lim->max_messages * percent / 100 || bytes > lim->max_bytes * percent / 100;
}

/* However small the share, one message is within it. */
static bool over_share(uint64_t messages, uint64_t bytes, const struct journal_limits *lim)
{
	return messages > 1 && over(messages, bytes, lim, lim->device_share);
}

static bool limits_allow(const struct journal *j, const struct share *s, uint64_t bytes)
{
	const struct journal_counts *c = &j->counts;
	const struct journal_limits loose = {
		.max_messages = j->lim.max_messages * (100 + SLACK_PERCENT) / 100 + SLACK_MESSAGES,
		.max_bytes = j->lim.max_bytes * (100 + SLACK_PERCENT) / 100 + SLACK_BYTES,
	};

	/* Room for one more is not asked of the slack: a quarter of a small store may
	 * be less than one message, and then nothing would ever be over the bound. */
	if (j->lim.policy == JOURNAL_DROP_OLDEST)
		return bytes <= j->lim.max_bytes && !over(c->queued, c->queued_bytes, &loose, 100);
	return !over(c->queued + 1, c->queued_bytes + bytes, &j->lim, 100) &&
	       !over_share(s->messages + 1, s->bytes + bytes, &j->lim);
}

static struct message *message_new(const struct journal_msg *msg)
{
	size_t topic_size = strlen(msg->topic) + 1;
	struct message *m = malloc(sizeof(*m) + topic_size + msg->len);

	if (!m)
		return NULL;
	m->len = msg->len;
	m->bytes = (uint32_t)(topic_size + msg->len + RECORD_OVERHEAD);
	m->qos = msg->qos;
	m->latest = msg->latest;
	memcpy(m->topic, msg->topic, topic_size);
	if (msg->len > 0)
		memcpy(m->topic + topic_size, msg->payload, msg->len);
	return m;
}

/* Under the lock. Takes m on ST_OK. */
static enum status add(struct journal *j, struct message *m, const char *device)
{
	struct chunk *c;

	m->share = share_of(j, device);
	if (!m->share)
		return ST_NOMEM;
	if (!limits_allow(j, m->share, m->bytes))
		return ST_FULL;
	c = next_chunk(j);
	if (!c)
		return ST_NOMEM;
	c->slots[j->next_seq++ % CHUNK_SLOTS] = m;
	c->live++;
	m->share->messages++;
	m->share->bytes += m->bytes;
	j->counts.accepted++;
	j->counts.queued++;
	j->counts.queued_bytes += m->bytes;
	return ST_OK;
}

enum status journal_append(struct journal *j, const struct journal_msg *msg, uint64_t *seq,
                           bool *was_idle)
{
	struct message *m = message_new(msg);
	enum status st;

	if (!m)
		return ST_NOMEM;
	pthread_mutex_lock(&j->lock);
	if (was_idle)
		*was_idle = j->read_seq == j->next_seq;
	st = add(j, m, msg->device);
	if (st == ST_OK && seq)
		*seq = j->next_seq - 1;
	pthread_mutex_unlock(&j->lock);
	if (st != ST_OK)
		free(m);
	return st;
}

static enum status check_dir(const char *dir)
{
	struct stat info;

	if (stat(dir, &info) != 0)
		return ST_IO;
	if (!S_ISDIR(info.st_mode)) {
		errno = ENOTDIR;
		return ST_IO;
	}
	return access(dir, R_OK | W_OK | X_OK) == 0 ? ST_OK : ST_IO;
}

enum status journal_open(const char *dir, const struct journal_limits *lim, const struct log *log,
                         struct journal **out)
{
	enum status st = check_dir(dir);
	struct journal *j;

	(void)log;
	if (st != ST_OK)
		return st;
	j = calloc(1, sizeof(*j));
	if (!j)
		return ST_NOMEM;
	j->lim = *lim;
	j->next_seq = j->read_seq = 1;
	j->chunk_count = FIRST_CHUNKS;
	j->chunks = calloc(FIRST_CHUNKS, sizeof(struct chunk *));
	table_init(&j->shares);
	pthread_mutex_init(&j->lock, NULL);
	if (!j->chunks) {
		journal_close(j);
		return ST_NOMEM;
	}
	*out = j;
	return ST_OK;
}

static void chunk_free(struct chunk *c)
{
	for (size_t i = 0; c && i < CHUNK_SLOTS; i++)
		free(c->slots[i]);
	free(c);
}

void journal_close(struct journal *j)
{
	struct table_at at;

	if (!j)
		return;
	for (size_t i = 0; j->chunks && i < j->chunk_count; i++)
		chunk_free(j->chunks[i]);
	for (struct table_node *n = table_first(&j->shares, &at); n; n = table_next(&j->shares, &at)) {
		table_remove(&j->shares, n);
		free(table_entry(n, struct share, node));
	}
	table_fini(&j->shares);
	pthread_mutex_destroy(&j->lock);
	free(j->chunks);
	free(j);
}

void journal_counts(struct journal *j, struct journal_counts *out)
{
	pthread_mutex_lock(&j->lock);
	*out = j->counts;
	pthread_mutex_unlock(&j->lock);
}

enum status journal_reader_next(struct journal *j, struct journal_item *out)
{
	enum status st = ST_EMPTY;

	pthread_mutex_lock(&j->lock);
	if (j->read_seq < j->next_seq) {
		const struct message *m = (*chunk_of(j, j->read_seq))->slots[j->read_seq % CHUNK_SLOTS];

		out->seq = j->read_seq++;
		out->device = m->share->device; /* shares live as long as the journal */
		out->bytes = m->bytes;
		out->qos = m->qos;
		out->latest = m->latest;
		out->topic = m->topic;
		st = ST_OK;
	}
	pthread_mutex_unlock(&j->lock);
	return st;
}

/* Under the lock. NULL when ended or not handed out. */
static struct message *find(const struct journal *j, uint64_t seq)
{
	struct chunk *c;

	if (seq / CHUNK_SLOTS < j->first_chunk || seq >= j->read_seq)
		return NULL;
	c = *chunk_of(j, seq);
	return c ? c->slots[seq % CHUNK_SLOTS] : NULL;
}

enum status journal_reader_load(struct journal *j, uint64_t seq, const struct record_now *now,
                                struct journal_view *out)
{
	const struct message *m;

	(void)now;

	pthread_mutex_lock(&j->lock);
	m = find(j, seq);
	pthread_mutex_unlock(&j->lock);
	if (!m)
		return ST_NOTFOUND;
	out->topic = m->topic;
	out->payload = m->topic + strlen(m->topic) + 1;
	out->len = m->len;
	out->qos = m->qos;
	out->age_ms = -1;
	return ST_OK;
}

void journal_reader_end(struct journal *j, uint64_t seq, enum journal_end end)
{
	struct message *m;

	pthread_mutex_lock(&j->lock);
	m = find(j, seq);
	if (m) {
		empty_slot(j, seq);
		m->share->messages--;
		m->share->bytes -= m->bytes;
		j->counts.queued--;
		j->counts.queued_bytes -= m->bytes;
		j->counts.ended[end]++;
	}
	pthread_mutex_unlock(&j->lock);
	free(m);
}

uint64_t journal_reader_excess(struct journal *j)
{
	const struct journal_limits *lim = &j->lim;
	struct journal_counts c;
	uint64_t by_count, by_bytes = 0;

	if (lim->policy != JOURNAL_DROP_OLDEST)
		return 0;
	journal_counts(j, &c);
	by_count = c.queued > lim->max_messages ? c.queued - lim->max_messages : 0;
	if (c.queued_bytes > lim->max_bytes)
		by_bytes = (c.queued_bytes - lim->max_bytes) / (c.queued_bytes / c.queued) + 1;
	return by_count > by_bytes ? by_count : by_bytes;
}

bool journal_reader_over_share(const struct journal *j, uint64_t messages, uint64_t bytes)
{
	return j->lim.policy == JOURNAL_DROP_OLDEST && over_share(messages, bytes, &j->lim);
}

void journal_reader_log(struct journal *j, const struct log *log)
{
	(void)j;
	(void)log;
}

void journal_reader_flush(struct journal *j)
{
	(void)j;
}

enum status journal_reader_mark(struct journal *j, const char *client_id, bool online)
{
	(void)j;
	(void)client_id;
	(void)online;
	return ST_OK;
}

void journal_reader_marks(struct journal *j, void (*fn)(void *ctx, const char *client_id),
                          void *ctx)
{
	(void)j;
	(void)fn;
	(void)ctx;
}

void journal_reader_now(const struct journal *j, bool clock_trusted, struct record_now *out)
{
	static const uint8_t boot_id[RECORD_BOOT_BYTES];

	(void)j;
	*out = (struct record_now){ .boot_id = boot_id, .clock_trusted = clock_trusted };
}

void journal_disk_wake(struct journal *j, void (*wake)(void *ctx), void *ctx)
{
	(void)j;
	(void)wake;
	(void)ctx;
}

enum status journal_disk_run(struct journal *j, const struct log *log)
{
	(void)j;
	(void)log;
	return ST_OK;
}

const char *journal_end_text(enum journal_end end)
{
	static const char *const texts[] = {
#define X(name, text) [name] = text,
		JOURNAL_ENDS_TABLE(X)
#undef X
	};

	return texts[end];
}
