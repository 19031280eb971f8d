#include "cli/arguments.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"

enum {
	OPTIONS_MAX = 24,
	FILE_MAX = 64 * 1024,
	WORDS_MAX = 128, /* of a file of options */
	TIMEOUT_S = 15,
	TIMEOUT_MAX_S = 3600
};

const char arguments_help[] =
	"Without options it logs in at the broker of this machine, which it finds in the\n"
	"mosquitto.conf beside hubgate.json, with the token in store.dir (as root, or as the\n"
	"broker's user). For another one, or in another name, as with mosquitto_ctrl:\n"
	"\n"
	"  -h, --host HOST       the broker (127.0.0.1)\n"
	"  -p, --port PORT       its port (1883; 8883 with --cafile)\n"
	"  --unix PATH           its unix socket\n"
	"  -u, --username NAME   a user name with a role in apps[] of hubgate.json\n"
	"  -P, --pw PASSWORD     its password; other users of this machine see it, so better -o\n"
	"  -o, --options FILE    such options from a file, one a line\n"
	"  --cafile FILE         TLS: the CA of the broker\n"
	"  --cert FILE           TLS: our certificate\n"
	"  --key FILE            TLS: its key\n"
	"  --config FILE         the hubgate.json whose store has the token\n"
	"                        (" CLI_CONFIG_FILE ")\n"
	"  --timeout SECONDS     how long to wait for an answer (15)\n"
	"  --json                the answer as JSON\n";

/* One command line being read: the table of all options, as getopt_long() wants it. */
struct reading {
	const struct cli_command *command;
	struct argument table[OPTIONS_MAX];
	size_t count;
	struct option options[OPTIONS_MAX + 1];
	char letters[2 * OPTIONS_MAX + 1];
};

/* --- the tables --- */

static void add(struct reading *r, const struct argument *a)
{
	size_t len = strlen(r->letters);
	bool taken = false;

	for (size_t i = 0; i < r->count; i++)
		taken |= a->letter != '\0' && r->table[i].letter == a->letter;
	r->options[r->count] =
		(struct option){ a->name, a->kind == ARGUMENT_FLAG ? no_argument : required_argument, NULL,
		                 1000 + (int)r->count };
	r->table[r->count++] = *a;
	if (a->letter && !taken)
		snprintf(r->letters + len, sizeof r->letters - len, "%c%s", a->letter,
		         a->kind == ARGUMENT_FLAG ? "" : ":");
}

#define LINK(name, letter, kind, field, ...)                     \
	{                                                            \
		name, letter, ARGUMENT_##kind, &link->field, __VA_ARGS__ \
	}

/* A letter of the command's own goes before that of the connection. */
static void begin(struct reading *r, const struct cli_command *c, const struct argument *own,
                  size_t count, struct control_link *link, bool *json)
{
	const struct argument common[] = {
		LINK("host", 'h', TEXT, host, 0, 0),
		LINK("port", 'p', NUMBER, port, 1, 65535),
		LINK("unix", 0, TEXT, unix_path, 0, 0),
		LINK("username", 'u', TEXT, username, 0, 0),
		LINK("pw", 'P', TEXT, password, 0, 0),
		LINK("options", 'o', TEXT, options, 0, 0),
		LINK("cafile", 0, TEXT, cafile, 0, 0),
		LINK("cert", 0, TEXT, cert, 0, 0),
		LINK("key", 0, TEXT, key, 0, 0),
		LINK("config", 0, TEXT, config, 0, 0),
		LINK("timeout", 0, NUMBER, timeout_s, 1, TIMEOUT_MAX_S),
		{ "json", 0, ARGUMENT_FLAG, json, 0, 0 },
	};

	*r = (struct reading){ .command = c };
	for (size_t i = 0; i < count; i++)
		add(r, &own[i]);
	for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
		add(r, &common[i]);
}

/* --- one option --- */

static const struct argument *find(const struct reading *r, int id)
{
	for (size_t i = 0; i < r->count; i++) {
		if (id == 1000 + (int)i || (r->table[i].letter && id == r->table[i].letter))
			return &r->table[i];
	}
	return NULL; /* getopt_long() has said what is wrong */
}

static int take_number(const struct reading *r, const struct argument *a, const char *text)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (errno != 0 || !*text || *end || number < a->min || number > a->max)
		return cli_usage(r->command, "--%s %s: a number, %ld to %ld", a->name, text, a->min,
		                 a->max);
	*(long *)a->into = number;
	return CLI_OK;
}

static int take(const struct reading *r, const struct argument *a, const char *text)
{
	switch (a->kind) {
	case ARGUMENT_FLAG:
		*(bool *)a->into = true;
		return CLI_OK;
	case ARGUMENT_TEXT:
		*(const char **)a->into = text;
		return CLI_OK;
	case ARGUMENT_NUMBER:
		return take_number(r, a, text);
	}
	return CLI_USAGE;
}

/* *rest: where in argv the other texts begin, behind all options. */
static int read_all(struct reading *r, int argc, char **argv, int *rest)
{
	int id, code = CLI_OK;

	optind = 0; /* begins anew */
	while (code == CLI_OK && (id = getopt_long(argc, argv, r->letters, r->options, NULL)) != -1) {
		const struct argument *a = find(r, id);

		code = a ? take(r, a, optarg) : cli_usage(r->command, "wrong option");
	}
	*rest = optind;
	return code;
}

/* --- a file of options: "--username NAME" or "-u NAME" a line, # before comments --- */

static size_t split(char *text, char *words[], size_t max)
{
	size_t count = 0;

	for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n")) {
		size_t len;

		line += strspn(line, " \t");
		len = strcspn(line, " \t");
		if (*line == '#' || len == 0 || count + 2 > max)
			continue;
		words[count++] = line;
		if (line[len]) {
			line[len] = '\0';
			words[count++] = line + len + 1 + strspn(line + len + 1, " \t");
		}
	}
	return count;
}

static int read_file(const struct cli_command *c, const char *path, char **out)
{
	struct buf text = BUF_MAX(FILE_MAX);
	char chunk[4096];
	FILE *f = fopen(path, "re");
	enum status st = ST_OK;
	size_t n;

	if (!f)
		return cli_failed(c, "--options %s: %s", path, strerror(errno));
	while (st == ST_OK && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
		st = buf_add(&text, chunk, n);
	if (ferror(f))
		st = ST_IO;
	fclose(f);
	*out = st == ST_OK && buf_text(&text) ? strdup(buf_text(&text)) : NULL;
	if (text.data)
		explicit_bzero(text.data, text.len);
	explicit_bzero(chunk, sizeof chunk);
	buf_free(&text);
	return *out ? CLI_OK : cli_failed(c, "--options %s: %s", path, status_text(st));
}

/* What the command line does not say. */
static void fill(struct control_link *link, const struct control_link *from)
{
	const char **to[] = { &link->host, &link->username, &link->password,  &link->cafile,
		                  &link->cert, &link->key,      &link->unix_path, &link->config };
	const char *const texts[] = { from->host, from->username, from->password,  from->cafile,
		                          from->cert, from->key,      from->unix_path, from->config };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (!*to[i])
			*to[i] = texts[i];
	}
	if (!link->port)
		link->port = from->port;
	if (!link->timeout_s)
		link->timeout_s = from->timeout_s;
}

static int take_file(const struct cli_command *c, struct arguments *a)
{
	char *words[WORDS_MAX + 2] = { NULL }, name[] = "options";
	struct control_link link = { .host = NULL };
	struct reading r;
	int rest = 0, count, code = read_file(c, a->link.options, &a->file);

	if (code != CLI_OK)
		return code;
	words[0] = name;
	count = 1 + (int)split(a->file, words + 1, WORDS_MAX);
	begin(&r, c, NULL, 0, &link, &a->json);
	code = read_all(&r, count, words, &rest);
	if (code == CLI_OK && rest < count)
		code = cli_usage(c, "--options %s: '%s' is no option", a->link.options, words[rest]);
	fill(&a->link, &link);
	return code;
}

/* --- all of it --- */

/* What contradicts another. */
static int agree(const struct cli_command *c, const struct control_link *l)
{
	if (l->unix_path && (l->host || l->port))
		return cli_usage(c, "--unix is another way than --host and --port: one of them");
	if (l->password && !l->username)
		return cli_usage(c, "--pw needs --username: whose is it?");
	if (!l->cert != !l->key)
		return cli_usage(c, "--cert and --key go together");
	return CLI_OK;
}

int arguments_take(const struct cli_command *c, int argc, char **argv, const struct argument *own,
                   size_t count, struct arguments *out)
{
	struct reading r;
	int rest = argc, code;

	*out = (struct arguments){ .rest = argv };
	begin(&r, c, own, count, &out->link, &out->json);
	code = read_all(&r, argc, argv, &rest);
	if (code == CLI_OK && out->link.options)
		code = take_file(c, out);
	if (code == CLI_OK)
		code = agree(c, &out->link);
	out->rest = argv + rest;
	out->rest_count = argc - rest;
	if (!out->link.timeout_s)
		out->link.timeout_s = TIMEOUT_S;
	if (code != CLI_OK)
		arguments_free(out);
	return code;
}

int arguments_rest(const struct cli_command *c, const struct arguments *a, int least, int most,
                   const char *wants)
{
	if (a->rest_count < least)
		return cli_usage(c, "say %s", wants);
	if (a->rest_count > most)
		return cli_usage(c, "'%s' is more than it takes", a->rest[most]);
	return CLI_OK;
}

void arguments_free(struct arguments *a)
{
	if (a->file)
		explicit_bzero(a->file, strlen(a->file));
	free(a->file);
	a->file = NULL;
}
