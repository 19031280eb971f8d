#include "tests/crash/report.h"

#include "tests/crash/faults.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* An acknowledged message that is not at the hub. */
static void count_one(const struct world *w, int dev, int seq, struct row *row)
{
	int before_ms;
	bool excused = power_excuses(w, load_acked_ms(w->load, dev, seq), &before_ms);

	row->lost++;
	row->excused += excused || w->may_miss[dev][seq];
	if (before_ms > row->lost_ms)
		row->lost_ms = before_ms;
}

static void count_lost(struct world *w, struct row *row)
{
	for (int dev = 1; dev <= LOAD_DEVICES; dev++) {
		for (int seq = 1; seq <= load_made(w->load, dev); seq++) {
			if (load_acked_ms(w->load, dev, seq) == 0)
				continue;
			row->acked++;
			if (!seen_has(w->seen, dev, seq))
				count_one(w, dev, seq, row);
		}
	}
}

static void judge_loss(struct world *w, const struct world_numbers *n, struct row *row)
{
	double most_dropped = (double)row->lost + (double)row->duplicates_most;

	if (w->scenario->loss == LOSS_DROPPED) {
		row->excused = row->lost;
		if ((double)row->lost > n->bound || n->bound > most_dropped)
			world_broken(w, "%" PRIu64 " lost, and hubgate says it dropped %.0f", row->lost,
			             n->bound);
		return;
	}
	if (row->lost > row->excused)
		world_broken(w, "%" PRIu64 " acknowledged messages lost", row->lost - row->excused);
	if (n->bound > 0)
		world_broken(w, "%.0f messages dropped at a bound that was not reached", n->bound);
	if (w->scenario->loss == LOSS_DAMAGED && (double)row->lost > n->damaged)
		world_broken(w, "%" PRIu64 " lost by damage, and hubgate counts %.0f", row->lost,
		             n->damaged);
}

static void judge_account(struct world *w, const struct world_numbers *n)
{
	double ended =
		n->delivered + n->superseded + n->bound + n->suspect + n->poison + n->age + n->damaged;

	if (n->accepted != ended + n->queued)
		world_broken(w, "the account does not close: accepted %.0f, ended %.0f, queued %.0f",
		             n->accepted, ended, n->queued);
}

/* Damage may take the hub's word for messages that it has: they go again, as often as need be. */
static bool repeats_freely(const struct world *w)
{
	return w->scenario->loss == LOSS_DAMAGED || w->scenario->loss == LOSS_CUT ||
	       w->scenario->loss == LOSS_POWER_CUT;
}

static void note_cuts(struct world *w, const struct row *row)
{
	size_t len = strlen(w->note);

	if (w->cut_count > 0)
		snprintf(w->note + len, sizeof w->note - len,
		         "%s%d cuts, at most %d ms before one may miss, %d ms missed", len > 0 ? ", " : "",
		         w->cut_count, w->cuts[w->cut_count - 1].allowed_ms, row->lost_ms);
}

void report_judge(struct world *w, const struct world_numbers *n, struct row *row)
{
	struct seen_counts c;
	struct load_counts l;

	seen_counts(w->seen, &c);
	load_counts(w->load, &l);
	row->kills = w->kills;
	row->breaks = w->breaks;
	row->delivered = c.distinct;
	row->duplicates = c.duplicates;
	row->reordered = c.reordered;
	row->duplicates_most = (uint64_t)(w->kills + w->breaks) * WINDOW_UP + l.republished;
	count_lost(w, row);
	note_cuts(w, row);
	judge_loss(w, n, row);
	if (row->reordered > 0)
		world_broken(w, "%" PRIu64 " first arrivals out of order", row->reordered);
	if (row->duplicates > row->duplicates_most && !repeats_freely(w))
		world_broken(w, "%" PRIu64 " duplicates, at most %" PRIu64 " expected", row->duplicates,
		             row->duplicates_most);
	if (!repeats_freely(w))
		judge_account(w, n);
}

static const char *verdict_text(enum verdict v)
{
	static const char *const texts[] = {
		[RUN_FAILED] = "BROKEN",
		[RUN_PASSED] = "ok",
		[RUN_SKIPPED] = "skipped",
	};

	return texts[v];
}

void report_line(unsigned run, const struct row *r)
{
	printf("%4u %-22s %-7s acknowledged %5" PRIu64 " delivered %5" PRIu64 " lost %3" PRIu64
	       " (%" PRIu64 " excused) duplicates %3" PRIu64 "/%-3" PRIu64 " reordered %" PRIu64
	       " kills %d %5d ms%s%s%s%s\n",
	       run, scenarios[r->scenario].name, verdict_text(r->verdict), r->acked, r->delivered,
	       r->lost, r->excused, r->duplicates, r->duplicates_most, r->reordered, r->kills, r->ms,
	       r->note[0] ? " | " : "", r->note, r->why[0] ? " | " : "", r->why);
	fflush(stdout);
}

struct sum {
	unsigned runs, broken, skipped;
	int kills;
	uint64_t acked, delivered, lost, excused, duplicates, reordered;
};

static void add(struct sum *s, const struct row *r)
{
	s->runs++;
	s->broken += r->verdict == RUN_FAILED;
	s->skipped += r->verdict == RUN_SKIPPED;
	s->kills += r->kills;
	s->acked += r->acked;
	s->delivered += r->delivered;
	s->lost += r->lost;
	s->excused += r->excused;
	s->duplicates += r->duplicates;
	s->reordered += r->reordered;
}

static void print_sum(const char *name, const struct sum *s)
{
	printf("%-22s %4u %6u %7u %5d %12" PRIu64 " %9" PRIu64 " %5" PRIu64 " %7" PRIu64 " %10" PRIu64
	       " %9" PRIu64 "\n",
	       name, s->runs, s->broken, s->skipped, s->kills, s->acked, s->delivered, s->lost,
	       s->excused, s->duplicates, s->reordered);
}

void report_table(const struct row *rows, size_t count)
{
	struct sum all = { .runs = 0 };

	printf("\n%-22s %4s %6s %7s %5s %12s %9s %5s %7s %10s %9s\n", "scenario", "runs", "broken",
	       "skipped", "kills", "acknowledged", "delivered", "lost", "excused", "duplicates",
	       "reordered");
	for (unsigned i = 0; i < scenario_count; i++) {
		struct sum s = { .runs = 0 };

		for (size_t k = 0; k < count; k++) {
			if (rows[k].scenario != i)
				continue;
			add(&s, &rows[k]);
			add(&all, &rows[k]);
		}
		if (s.runs > 0)
			print_sum(scenarios[i].name, &s);
	}
	print_sum("all", &all);
}
