/* uplink_impl.h - what the parts of the uplink share:
 *   uplink.c       life, and what other rooms ask
 *   mail.c         what crosses between the rooms
 *   uplink_orders.c what BROKER orders
 *   uplink_loop.c  the thread: poll, orders, timers
 *   connect.c  connecting, login, losing the link
 *   intake.c  from the journal to the devices' outboxes, bounds, ages
 *   send.c  what goes out, when and in whose turn
 *   judge.c  what it means that the hub does not acknowledge a message
 *   receive.c    what came in
 *   said.c   what the hub says about devices, told to BROKER one by one
 *   traced.c   what becomes of the messages of devices that somebody traces
 *   view.c   what is shown to people of all this
 * Room: UPLINK, except where a member says otherwise.
 */
#ifndef HUBGATE_UPLINK_IMPL_H
#define HUBGATE_UPLINK_IMPL_H

#include "bridge/gateway/aside.h"
#include "bridge/gateway/gateway.h"
#include "bridge/link/session.h"
#include "bridge/uplink/drop_report.h"
#include "bridge/uplink/flight.h"
#include "bridge/uplink/mail.h"
#include "bridge/uplink/uplink.h"
#include "bridge/uplink/view.h"
#include "core/base/repeats.h"
#include "core/base/thread.h"
#include "core/pace/backoff.h"
#include "core/pace/pacer.h"
#include "core/pace/permission.h"
#include "core/pace/stall_guard.h"

enum {
	SENDS_PER_TURN = 256, /* then the loop looks at everything else again */
	TAKES_PER_TURN = 2000,
	AGES_PER_TURN = 256,
	RESULT_TOPIC_MAX = 128,
	REASONS_MAX = 8,
	REASON_MAX = 256,
	LONGEST_SLEEP_S = 60,
	NOMEM_PAUSE_MS = 200, /* until what had no memory is tried again */
	RECONNECT_MAX_S = 3600,
};

struct said { /* one message on the gateway's channel, until BROKER was told all of it */
	struct gateway_msg msg;  /* owned */
	size_t at;               /* the next device */
	bool list_end;           /* to be told */
	struct uplink_down text; /* owned; topic NULL: nobody wants it */
};

struct traced { /* client ids; count is asked first, and is nearly always 0 */
	size_t count;
	bool told; /* BROKER is to be rung for. What it does not take any more rings for nobody */
	char ids[TRACES_MAX][CLIENT_ID_MAX + 1];
};

struct uplink {
	struct uplink_conf conf;
	char client_id[CLIENT_ID_MAX + 1];
	char operation_topic[RESULT_TOPIC_MAX], result_topic[RESULT_TOPIC_MAX];
	struct log log; /* mail.log */

	struct mail mail; /* what other rooms reach */
	struct view view;
	struct thread thread;
	uint32_t sleep_ms; /* at most, when nothing happens */

	/* UPLINK */
	struct session *session;
	struct packet_ids ids;
	struct flight flight;
	int64_t round_ms8; /* eight times what an answer takes, as measured; 0: nothing was */
	struct gateway gateway;
	struct permissions permissions;
	bool tried;     /* judge.c: who waits for a topic to be proven may look again */
	bool alone;     /* a probe is in flight that goes alone: nothing follows it */
	unsigned named; /* suspect topics that were named in the log, or would be, since named_ms */
	int64_t named_ms;
	bool hush; /* one waits too long for a quiet moment: nothing goes before it */
	struct bucket bucket;
	struct route_rules *routes; /* owned; NULL: none */
	struct stall_guard stall_guard;
	uint64_t heard; /* session_heard() when last looked */
	int64_t heard_ms;
	struct lanes lanes;
	bool call_turn; /* data sent the answer to a call last */
	struct backoff backoff;
	struct doorbell *doorbell;
	struct said said;
	uint32_t epoch;      /* one per connection */
	uint16_t prepare_id; /* SUBSCRIBE of the gateway's result topic */
	int64_t prepare_due_ms;
	int64_t attempt_ms, next_attempt_ms;
	int64_t login_ms;     /* when the hub accepted, 0: not */
	unsigned short_lives; /* connections lost at once, in a row */
	int64_t down_since_ms;
	uint64_t reasons[REASONS_MAX]; /* why the hub was lost: hashes of what is logged already */
	unsigned reason_count;
	bool stamp_failed;           /* last-connect cannot be written, which is logged */
	bool paused;                 /* the inbox is full: do not read */
	int64_t turn_us;             /* when the turn began */
	bool worked;                 /* it had messages to take or end */
	bool more;                   /* the journal has more than one turn takes in */
	bool left;                   /* it was not read to its end: what comes of it needed no wake */
	bool found;                  /* in this turn: mail that somebody must have rung for */
	int64_t look_ms;             /* wake_look(): the next turn at the latest */
	int64_t retry_ms;            /* something had no memory, then it is tried again */
	int64_t release_ms, ages_ms; /* intake_times(): next held message, next look at ages */
	uint64_t aged;               /* messages that were too old, since the last line about it */
	uint64_t untaken;            /* messages for which there was no memory */
	struct drop_report drops;
	struct traced traced;
	struct repeats repeats;
	bool up_unsaid; /* the hub took the login, as it did before it dropped us at once */
};

void connect_move(struct uplink *u, enum uplink_state to);

void uplink_thread(void *arg); /* uplink_loop.c */

/* News for programs that want all of it (conf.tells_all); topic is copied. */
void receive_tell(struct uplink *u, enum uplink_news kind, const char *topic, int64_t code);

/* connect.c */
void connect_init(struct uplink *u, int64_t now_ms);
void connect_run(struct uplink *u, int64_t now_ms); /* connect, progress, notice the end */
void connect_lost(struct uplink *u, enum status why, int64_t now_ms);
void connect_prepared(struct uplink *u, uint8_t code, int64_t now_ms);
int64_t connect_deadline(const struct uplink *u);

/* receive.c */
void receive_packets(struct uplink *u, int64_t now_ms); /* packets that arrived */
/* Answers, and what BROKER does not know of the shadows yet. */
void receive_news(struct uplink *u, int64_t now_ms);

/* said.c */
void said_take(struct uplink *u, const struct mqtt_publish *p,
               int64_t now_ms); /* after said_tell() */
/* As far as there is room; true: all of it, and the next may be taken. */
bool said_tell(struct uplink *u, int64_t now_ms);
void said_fini(struct uplink *u);

/* traced.c */
void traced_set(struct uplink *u, const char *client_id, bool on);
/* A step of d; if it is traced, BROKER hears of it. Called while u->traced.count > 0. */
void traced_tell(struct uplink *u, const struct subdev *d, enum trace_step step,
                 const struct trace_about *about);

/* intake.c */
/* What earlier runs left: devices that the hub may show online. */
void intake_start(struct uplink *u, int64_t now_ms);
/* Bounds or the longest age changed. */
void intake_limits(struct uplink *u, int64_t now_ms);
/* A message of d leaves outbox and journal. */
void intake_end(struct uplink *u, struct subdev *d, uint64_t seq, enum journal_end end);
/* The same for one that is given up: logged, and kept as a dead letter. */
void intake_bury(struct uplink *u, struct subdev *d, uint64_t seq, const char *reason);
/* How far d is known to be ours has changed: a stranger keeps little. */
void intake_standing(struct uplink *u, struct subdev *d);
/* Nothing of d waits any more. */
void intake_let_go(struct uplink *u, struct subdev *d);
/* The same for one that ended elsewhere. */
void intake_forget(struct uplink *u, struct subdev *d, const struct outbox_entry *e);
/* Takes in new messages, keeps the bounds. */
void intake_journal(struct uplink *u, int64_t now_ms);
/* Messages whose time has come, and those that are too old. */
void intake_times(struct uplink *u, int64_t now_ms);
int64_t intake_times_due(const struct uplink *u);

/* send.c */
void send_run(struct uplink *u, int64_t now_ms); /* as the pacer allows */
int64_t send_wait_us(struct uplink *u,
                     int64_t now_ms); /* until something may be sent; -1: nothing waits */

/* judge.c */
/* e went out under packet_id; its state is not looked at. ST_OK; ST_FULL: flight_full(). */
enum status judge_sent(struct uplink *u, struct subdev *d, const struct outbox_entry *e,
                       uint16_t packet_id, bool probe, int64_t now_ms);
/* The hub acknowledged it: it ends. Its device; NULL: no such message. */
struct subdev *judge_acked(struct uplink *u, uint16_t packet_id, int64_t now_ms);
void judge_run(struct uplink *u, int64_t now_ms);             /* verdicts over what is late */
int64_t judge_due_ms(const struct uplink *u, int64_t now_ms); /* when it wants to run again */
/* A mark of the journal that begins with JUDGE_MARK, which no client id does: an earlier run found
 * that the hub closes on a topic. */
enum {
	JUDGE_MARK = '!'
};
void judge_start(struct uplink *u);
/* The connection ended. True: because of a message, as it seems, which is dealt with. */
bool judge_lost(struct uplink *u, enum status why, int64_t now_ms);
bool judge_probe_waits(struct uplink *u, int64_t now_ms);
/* What goes as a probe now, of device *dev; NULL: nothing that could. */
struct outbox_entry *judge_probe(struct uplink *u, int64_t now_ms, struct subdev **dev);
bool judge_holds(const struct uplink *u); /* nothing else may go meanwhile */

#endif
