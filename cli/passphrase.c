#include "cli/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum {
	OTHERS = 007,
	SIGNALS = 3
};

/* False: one of the signals that are held came. allowed: those that are not, NULL: nobody holds
 * any. */
static bool has_more(int fd, const sigset_t *allowed)
{
	struct pollfd more = { .fd = fd, .events = POLLIN };

	return !allowed || ppoll(&more, 1, NULL, allowed) > 0;
}

/* Without the end of the line. False: more than fits, or not even an empty line. */
static bool read_line(int fd, const sigset_t *allowed, char out[PASSPHRASE_MAX + 1])
{
	size_t len = 0;
	ssize_t n;
	char byte = '\0';

	do {
		n = has_more(fd, allowed) ? read(fd, &byte, 1) : -1;
		if (n > 0 && byte != '\n' && len == PASSPHRASE_MAX)
			return false;
		if (n > 0 && byte != '\n')
			out[len++] = byte;
	} while (n > 0 && byte != '\n');
	if (len > 0 && out[len - 1] == '\r')
		len--;
	out[len] = '\0';
	return n > 0 || (n == 0 && len > 0);
}

static int from_file(const struct cli_command *c, const char *file, char out[PASSPHRASE_MAX + 1])
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat info;
	bool ok;

	if (fd < 0 || fstat(fd, &info) != 0) {
		if (fd >= 0)
			close(fd);
		return cli_failed(c, "--passphrase-file %s cannot be read: %s", file, strerror(errno));
	}
	if (S_ISREG(info.st_mode) && info.st_mode & OTHERS) {
		close(fd);
		return cli_failed(c, "--passphrase-file %s: every user may use it; run: chmod 0600 %s",
		                  file, file);
	}
	ok = S_ISREG(info.st_mode) && read_line(fd, NULL, out);
	close(fd);
	return ok ? CLI_OK
	          : cli_failed(
					c,
					"--passphrase-file %s: its first line must be the passphrase, at most %d "
					"bytes",
					file, PASSPHRASE_MAX);
}

static void on_signal(int sig)
{
	(void)sig;
}

/* A signal ends the question, not this program, until the terminal shows again what is typed. It is
 * let through only while an answer is awaited, so that none is lost just before. */
struct held {
	struct sigaction before[SIGNALS];
	sigset_t allowed;
};

static const int signals[SIGNALS] = { SIGINT, SIGTERM, SIGHUP };

static void hold_signals(struct held *h)
{
	const struct sigaction end_wait = { .sa_handler = on_signal };
	sigset_t all;

	sigemptyset(&all);
	for (int i = 0; i < SIGNALS; i++)
		sigaddset(&all, signals[i]);
	sigprocmask(SIG_BLOCK, &all, &h->allowed);
	for (int i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &end_wait, &h->before[i]);
}

static void let_signals_go(const struct held *h)
{
	sigprocmask(SIG_SETMASK, &h->allowed, NULL);
	for (int i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &h->before[i], NULL);
}

static bool ask(int tty, const char *question, char out[PASSPHRASE_MAX + 1])
{
	struct held held;
	struct termios before, quiet;
	bool ok = tcgetattr(tty, &before) == 0;

	if (!ok)
		return false;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	hold_signals(&held);
	ok = tcsetattr(tty, TCSAFLUSH, &quiet) == 0;
	(void)!write(tty, question, strlen(question));
	ok = ok && read_line(tty, &held.allowed, out);
	tcsetattr(tty, TCSAFLUSH, &before);
	let_signals_go(&held);
	(void)!write(tty, "\n", 1);
	return ok;
}

static int from_terminal(const struct cli_command *c, bool is_new, char out[PASSPHRASE_MAX + 1])
{
	char again[PASSPHRASE_MAX + 1];
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	bool ok, same = true;

	if (tty < 0)
		return cli_usage(c, "there is no terminal to ask for the passphrase: --passphrase-file");
	ok = ask(tty, "Passphrase: ", out);
	if (ok && is_new) {
		ok = ask(tty, "Once more: ", again);
		same = ok && strcmp(out, again) == 0;
		explicit_bzero(again, sizeof again);
	}
	close(tty);
	if (!ok)
		return cli_failed(c, "no passphrase was given");
	return same ? CLI_OK : cli_failed(c, "these are two passphrases");
}

int passphrase_get(const struct cli_command *c, const char *file, bool is_new,
                   char out[PASSPHRASE_MAX + 1])
{
	int code = file ? from_file(c, file, out) : from_terminal(c, is_new, out);

	if (code == CLI_OK && is_new && strlen(out) < PASSPHRASE_MIN)
		code = cli_failed(c,
		                  "the passphrase protects every secret of this gateway: at least %d "
		                  "characters",
		                  PASSPHRASE_MIN);
	return code;
}
