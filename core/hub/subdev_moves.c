#include "core/hub/subdev_moves.h"

#include <string.h>

#define LETTERS(name, letter, text) letter,
#define TEXTS(name, letter, text)   text,
static const char binding_letters[] = { SUBDEV_BINDINGS(LETTERS) };
static const char shown_letters[] = { SUBDEV_SHOWN(LETTERS) };
static const char confirmed_letters[] = { SUBDEV_CONFIRMED(LETTERS) };
static const char *const binding_texts[] = { SUBDEV_BINDINGS(TEXTS) };
static const char *const shown_texts[] = { SUBDEV_SHOWN(TEXTS) };
static const char *const confirmed_texts[] = { SUBDEV_CONFIRMED(TEXTS) };

enum {
	BINDINGS = sizeof(binding_letters),
	SHOWNS = sizeof(shown_letters),
	CONFIRMEDS = sizeof(confirmed_letters),
};

static const struct row {
	const char *binding, *shown, *confirmed, *text;
} rows[] = {
#define X(name, binding, shown, confirmed, text) { binding, shown, confirmed, text },
	SUBDEV_FACTS(X)
#undef X
};

enum {
	ROWS = sizeof(rows) / sizeof(rows[0]),
};

static int place(const char *letters, size_t count, char letter)
{
	const char *at = memchr(letters, letter, count);

	return at ? (int)(at - letters) : 0;
}

struct subdev_known subdev_move(struct subdev_known from, enum subdev_fact fact)
{
	const struct row *r = &rows[fact];

	return (struct subdev_known){
		.binding = (enum subdev_binding)place(binding_letters, BINDINGS, r->binding[from.binding]),
		.shown = (enum subdev_shown)place(shown_letters, SHOWNS, r->shown[from.shown]),
		.confirmed = (enum subdev_confirmed)place(confirmed_letters, CONFIRMEDS,
		                                          r->confirmed[from.confirmed]),
	};
}

static bool in_range(struct subdev_known k)
{
	return (size_t)k.binding < BINDINGS && (size_t)k.shown < SHOWNS &&
	       (size_t)k.confirmed < CONFIRMEDS;
}

static bool same(struct subdev_known a, struct subdev_known b)
{
	return a.binding == b.binding && a.shown == b.shown && a.confirmed == b.confirmed;
}

bool subdev_move_legal(struct subdev_known from, struct subdev_known to)
{
	bool legal = same(from, to);

	if (!in_range(from) || !in_range(to))
		return false;
	for (int f = 0; f < ROWS && !legal; f++)
		legal = same(subdev_move(from, (enum subdev_fact)f), to);
	return legal;
}

/* How many states move to k, itself not counted. */
static size_t movers(const char *to, const char *letters, size_t count, size_t k)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += i != k && to[i] == letters[k];
	return n;
}

/* One cell: every state that moves, by where it moves to. */
static enum status print_moves(struct buf *out, const char *to, const char *letters,
                               const char *const *texts, size_t count)
{
	enum status st = buf_add_text(out, " |");
	const char *between = " ";

	for (size_t k = 0; k < count; k++) {
		size_t n = movers(to, letters, count, k);

		for (size_t i = 0; i < count && n < count - 1 && st == ST_OK; i++) {
			if (i == k || to[i] != letters[k])
				continue;
			st = buf_addf(out, "%s%s", between, texts[i]);
			between = ", ";
		}
		if (n == count - 1 && st == ST_OK)
			st = buf_addf(out, "%sany", between);
		if (n > 0 && st == ST_OK)
			st = buf_addf(out, " → **%s**", texts[k]);
		between = n > 0 ? "; " : between;
	}
	return st;
}

enum status subdev_moves_print(struct buf *out)
{
	enum status st = buf_add_text(out, "| What happens | Binding | Shown | Confirmed |\n"
	                                   "|---|---|---|---|\n");

	for (size_t i = 0; i < ROWS && st == ST_OK; i++) {
		st = buf_addf(out, "| %s", rows[i].text);
		if (st == ST_OK)
			st = print_moves(out, rows[i].binding, binding_letters, binding_texts, BINDINGS);
		if (st == ST_OK)
			st = print_moves(out, rows[i].shown, shown_letters, shown_texts, SHOWNS);
		if (st == ST_OK)
			st =
				print_moves(out, rows[i].confirmed, confirmed_letters, confirmed_texts, CONFIRMEDS);
		if (st == ST_OK)
			st = buf_add_text(out, " |\n");
	}
	return st;
}
