#include "cli/port_owner.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LISTENS = 0x0A, /* st of /proc/net/tcp */
	LINE_MAX_ = 512
};

/* --- the socket --- */

/* proc(5): words of 8 hex digits in the machine's own order. Length 4 or 16. */
static size_t bytes_of(const char *hex, unsigned char out[16])
{
	size_t words = strspn(hex, "0123456789ABCDEFabcdef") / 8;

	for (size_t i = 0; i < words && i < 4; i++) {
		uint32_t word = 0;

		sscanf(hex + 8 * i, "%8" SCNx32, &word);
		memcpy(out + 4 * i, &word, sizeof word);
	}
	return words == 1 ? 4 : 16;
}

static bool is_wild(const unsigned char *bytes, size_t len)
{
	static const unsigned char none[16];

	return memcmp(bytes, none, len) == 0;
}

/* ::ffff:a.b.c.d as a.b.c.d. */
static size_t shorten(unsigned char bytes[16], size_t len)
{
	static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (len != 16 || memcmp(bytes, mapped, sizeof mapped) != 0)
		return len;
	memmove(bytes, bytes + 12, 4);
	return 4;
}

struct wanted {
	uint16_t port;
	unsigned char address[16];
	size_t len; /* of it; 0: any */
};

static bool fits(const struct wanted *w, unsigned char bytes[16], size_t len)
{
	len = shorten(bytes, len);
	return w->len == 0 || is_wild(bytes, len) ||
	       (len == w->len && memcmp(bytes, w->address, len) == 0);
}

/* The inode of the socket that a line is about; 0: another one. */
static unsigned long judge(const struct wanted *w, const char *line)
{
	char address[40];
	unsigned char bytes[16] = { 0 };
	unsigned port, state;
	unsigned long inode;

	if (sscanf(line, " %*u: %39[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*d %lu",
	           address, &port, &state, &inode) != 4)
		return 0;
	if (state != LISTENS || port != w->port || !fits(w, bytes, bytes_of(address, bytes)))
		return 0;
	return inode;
}

static unsigned long look_in(const char *table, const struct wanted *w)
{
	FILE *f = fopen(table, "re");
	char line[LINE_MAX_];
	unsigned long inode = 0;

	while (f && inode == 0 && fgets(line, sizeof line, f))
		inode = judge(w, line);
	if (f)
		fclose(f);
	return inode;
}

/* --- the process --- */

static bool holds(const char *pid, unsigned long inode)
{
	char path[64], link[64], target[64];
	const struct dirent *e;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
	snprintf(link, sizeof link, "socket:[%lu]", inode);
	dir = opendir(path);
	while (dir && !found && (e = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof target - 1);

		if (n <= 0)
			continue;
		target[n] = '\0';
		found = strcmp(target, link) == 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* A process names itself: what it says goes to a terminal. */
static void read_name(const char *pid, char out[32])
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(out, 32, f))
		out[0] = '\0';
	if (f)
		fclose(f);
	out[strcspn(out, "\n")] = '\0';
	for (char *at = out; *at; at++) {
		if (*at < ' ' || *at > '~')
			*at = '?';
	}
}

static void find_process(unsigned long inode, struct port_owner *out)
{
	DIR *proc = opendir("/proc");
	const struct dirent *e;

	while (proc && out->pid == 0 && (e = readdir(proc))) {
		if (e->d_name[strspn(e->d_name, "0123456789")] || !holds(e->d_name, inode))
			continue;
		out->pid = (pid_t)strtol(e->d_name, NULL, 10);
		read_name(e->d_name, out->name);
	}
	if (proc)
		closedir(proc);
}

bool port_owner_find(const char *address, uint16_t port, struct port_owner *out)
{
	struct wanted w = { .port = port };
	unsigned long inode;

	memset(out, 0, sizeof *out);
	if (address && inet_pton(AF_INET, address, w.address) == 1)
		w.len = 4;
	else if (address && inet_pton(AF_INET6, address, w.address) == 1)
		w.len = 16;
	if (is_wild(w.address, sizeof w.address))
		w.len = 0;
	inode = look_in("/proc/net/tcp", &w);
	if (inode == 0)
		inode = look_in("/proc/net/tcp6", &w);
	if (inode == 0)
		return false;
	find_process(inode, out);
	return true;
}

const char *port_owner_text(const struct port_owner *o, char out[96])
{
	if (o->pid != 0)
		snprintf(out, 96, "%s (pid %ld)", o->name, (long)o->pid);
	else
		snprintf(out, 96, "a process that only root can name");
	return out;
}
