/* import: what `hubgate export` wrote comes to life here. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/import_impl.h"
#include "shadowstore/store_format.h"

static const char help[] =
	"Usage: hubgate import FILE [OPTION ...]\n"
	"       hubgate import --undo [--config FILE | --store DIR]\n"
	"\n"
	"Puts what `hubgate export` wrote into FILE to where it was: hubgate.json, the files it\n"
	"names, store.dir. Everything is checked before the first write; a store that is not\n"
	"empty and files that are others are not touched. Killed in the midst, it leaves nothing,\n"
	"or the same call goes on with it. Stop the broker first.\n"
	"\n"
	"  --config FILE          where hubgate.json comes to (where it was)\n"
	"  --store DIR            where the store comes to; hubgate.json says so then (where it was)\n"
	"  --user NAME            whom the broker runs as (mosquitto)\n"
	"  --passphrase-file FILE its first line is the passphrase; else it is asked for\n"
	"  --undo                 the export was imported nowhere: the store starts here again\n"
	"\n"
	"Examples:\n"
	"  sudo hubgate import /media/stick/gateway.export && sudo systemctl start mosquitto\n"
	"  sudo hubgate import --undo\n";

/* --- arguments --- */

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' }, { "store", required_argument, NULL, 's' },
	{ "user", required_argument, NULL, 'u' },   { "passphrase-file", required_argument, NULL, 'p' },
	{ "undo", no_argument, NULL, 'b' },         { NULL, 0, NULL, 0 },
};

static int take_arguments(int argc, char **argv, struct import *i)
{
	int id;

	while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (id == 'c')
			i->config_option = optarg;
		else if (id == 's')
			i->store_option = optarg;
		else if (id == 'u')
			i->user = optarg;
		else if (id == 'p')
			i->passphrase_file = optarg;
		else if (id == 'b')
			i->undo = true;
		else
			return CLI_USAGE; /* getopt_long() has said what is wrong */
	}
	if (optind < argc)
		i->name = argv[optind++];
	if (optind < argc)
		return cli_usage(&import_command, "takes no '%s'", argv[optind]);
	if (!i->name && !i->undo)
		return cli_usage(&import_command, "which file?");
	if (!i->undo && ((i->config_option && i->config_option[0] != '/') ||
	                 (i->store_option && i->store_option[0] != '/')))
		return cli_usage(&import_command, "--config and --store: paths that begin with /");
	return CLI_OK;
}

/* --- the store --- */

static void say(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	if (level != LOG_FINE)
		fprintf(stderr, "hubgate import: %s\n", line);
}

static int open_store(struct import *i, const char *dir, bool lock)
{
	const struct log log = { .sink = say };
	const struct store_conf conf = { .dir = dir, .lock = lock, .to_import = true, .log = &log };
	enum status st = store_open(&conf, &i->opened);

	return st == ST_OK      ? CLI_OK
	       : st == ST_NOMEM ? cli_failed(&import_command, "no memory")
	                        : CLI_FAILED;
}

/* --- undo --- */

static int undo_in(struct import *i, const char *dir, bool lock)
{
	struct stat info;
	int code;
	enum status st;

	if (stat(dir, &info) != 0)
		return cli_failed(&import_command, "store.dir %s: %s", dir, strerror(errno));
	code = open_store(i, dir, lock);
	if (code != CLI_OK)
		return code;
	st = store_format_move_back(store_dir(i->opened));
	if (st == ST_NOTFOUND)
		return cli_failed(&import_command, "%s was not moved away: there is nothing to undo", dir);
	if (st != ST_OK)
		return cli_failed(&import_command, "%s/%s cannot be removed: %s", dir, STORE_MOVED_FILE,
		                  strerror(errno));
	printf(
		"%s starts here again. Destroy the export: where it is imported now, every message is sent\n"
		"a second time.\n",
		dir);
	return CLI_OK;
}

static int undo(struct import *i)
{
	struct config cfg;
	int code;

	if (i->store_option)
		return undo_in(i, i->store_option, true);
	code = cli_load_config(&import_command, i->config_option ? i->config_option : CLI_CONFIG_FILE,
	                       &cfg);
	if (code != CLI_OK)
		return code;
	code = undo_in(i, cfg.store.dir, cfg.store.lock);
	config_free(&cfg);
	return code;
}

/* --- import --- */

static int find_user(struct import *i)
{
	const struct passwd *user;

	if (geteuid() != 0)
		return CLI_OK;
	user = getpwnam(i->user);
	if (!user)
		return cli_failed(&import_command,
		                  "this machine has no user %s; install mosquitto first, or name whom the "
		                  "broker runs as: --user",
		                  i->user);
	i->give = true;
	i->uid = user->pw_uid;
	i->gid = user->pw_gid;
	return CLI_OK;
}

static int open_file(struct import *i)
{
	struct stat info;

	i->fd = open(i->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (i->fd < 0 || fstat(i->fd, &info) != 0)
		return cli_failed(&import_command, "%s cannot be read: %s", i->name, strerror(errno));
	if (!S_ISREG(info.st_mode))
		return cli_failed(&import_command, "%s is no file", i->name);
	i->size = (uint64_t)info.st_size;
	return CLI_OK;
}

static int unseal(struct import *i)
{
	uint32_t version;
	enum status st = sealed_file_take(&i->file, i->fd, i->size, i->passphrase, &version);

	if (st == ST_DENIED)
		return cli_failed(&import_command, "this is not the passphrase of %s", i->name);
	if (st == ST_INVALID)
		return cli_failed(
			&import_command,
			"%s has format %u, this hubgate knows %d: install the hubgate that wrote it", i->name,
			(unsigned)version, SEALED_VERSION);
	if (st == ST_MALFORMED)
		return cli_failed(&import_command, "%s is no export of hubgate", i->name);
	return st == ST_OK ? CLI_OK : import_broken(i, st);
}

static int bring(struct import *i)
{
	int code = open_store(i, i->store, !i->no_lock);

	if (code == CLI_OK && !i->is_decided)
		code = import_stage(i);
	if (code == CLI_OK)
		code = import_finish(i);
	return code;
}

static int import(struct import *i)
{
	int code = find_user(i);

	if (code == CLI_OK)
		code = open_file(i);
	if (code == CLI_OK)
		code = passphrase_get(&import_command, i->passphrase_file, false, i->passphrase);
	if (code == CLI_OK)
		code = unseal(i);
	if (code == CLI_OK)
		code = import_check(i);
	if (code == CLI_OK)
		code = bring(i);
	if (code == CLI_OK)
		printf("imported: %s (%" PRIu64 " files, %" PRIu64 " bytes)\n"
		       "          %s\n"
		       "next:     start the broker; hubgate check looks at everything before\n",
		       i->store, i->files, i->bytes, i->config);
	return code;
}

static int run(int argc, char **argv)
{
	struct import *i = calloc(1, sizeof *i);
	int code;

	if (!i)
		return cli_failed(&import_command, "no memory");
	i->command = &import_command;
	i->user = "mosquitto";
	i->fd = -1;
	code = take_arguments(argc, argv, i);
	if (code == CLI_OK)
		code = i->undo ? undo(i) : import(i);
	store_close(i->opened);
	if (i->fd >= 0)
		close(i->fd);
	if (i->text)
		explicit_bzero(i->text, i->text_len);
	free(i->text);
	explicit_bzero(i, sizeof *i);
	free(i);
	return code;
}

const struct cli_command import_command = {
	.name = "import",
	.does = "what export wrote comes to life here",
	.help = help,
	.run = run,
};
