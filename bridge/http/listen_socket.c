#include "bridge/http/listen_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 128,
	FIRST_FD = 3, /* of those that systemd passes */
};

static int refuse(char why[LISTEN_SOCKET_WHY_MAX], const char *text)
{
	snprintf(why, LISTEN_SOCKET_WHY_MAX, "%s", text);
	return -1;
}

/* --- of systemd --- */

/* Which of the names, separated by colons, is ours; -1: none. */
static int place_of(const char *names)
{
	size_t len = strlen(LISTEN_SOCKET_NAME);

	for (int i = 0; names; i++) {
		size_t this = strcspn(names, ":");

		if (this == len && strncmp(names, LISTEN_SOCKET_NAME, len) == 0)
			return i;
		names = names[this] ? names + this + 1 : NULL;
	}
	return -1;
}

static bool listens(int fd)
{
	int value = 0;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) != 0 || value != SOCK_STREAM)
		return false;
	len = sizeof(value);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 && value;
}

static int passed(const char *pid, const char *fds, const char *names,
                  char why[LISTEN_SOCKET_WHY_MAX])
{
	int place = place_of(names), fd;

	if (!pid || !fds || atol(pid) != (long)getpid())
		return refuse(why, "no socket of systemd was passed to this process; enable "
		                   "hubgate-http.socket, or give an address and port");
	if (place < 0 || place >= atoi(fds))
		return refuse(why, "systemd passed no socket with FileDescriptorName=" LISTEN_SOCKET_NAME);
	fd = FIRST_FD + place;
	if (!listens(fd))
		return refuse(why, "what systemd passed as " LISTEN_SOCKET_NAME
		                   " is no listening stream socket; use ListenStream=");
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return fd;
}

static int of_systemd(char why[LISTEN_SOCKET_WHY_MAX])
{
	int fd = passed(getenv("LISTEN_PID"), getenv("LISTEN_FDS"), getenv("LISTEN_FDNAMES"), why);

	if (fd >= 0) {
		unsetenv("LISTEN_PID");
		unsetenv("LISTEN_FDS");
		unsetenv("LISTEN_FDNAMES");
	}
	return fd;
}

/* --- our own --- */

static struct addrinfo *address_of(const char *listen_text)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		                            .ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(listen_text, ':');
	struct addrinfo *found = NULL;
	char host[128];

	snprintf(host, sizeof(host), "%.*s", (int)(colon - listen_text), listen_text);
	if (host[0] == '[') {
		memmove(host, host + 1, strlen(host));
		host[strcspn(host, "]")] = '\0';
	}
	return getaddrinfo(host, colon + 1, &hints, &found) == 0 ? found : NULL;
}

static int listen_at(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, error;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

int listen_socket_open(const char *listen_text, char why[LISTEN_SOCKET_WHY_MAX])
{
	struct addrinfo *found;
	int fd;

	if (strcmp(listen_text, "systemd") == 0)
		return of_systemd(why);
	found = address_of(listen_text);
	if (!found)
		return refuse(why, "no such address; give one of this machine (0.0.0.0 for all)");
	fd = listen_at(found);
	if (fd < 0)
		snprintf(why, LISTEN_SOCKET_WHY_MAX,
		         "%s; give an address of this machine (0.0.0.0 for all) and a free port, above "
		         "1023 unless the broker may use lower ones",
		         strerror(errno));
	freeaddrinfo(found);
	return fd;
}
