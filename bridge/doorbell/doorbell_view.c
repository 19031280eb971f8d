#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "bridge/doorbell/doorbell_impl.h"
#include "core/base/room.h"

/* Before "nothing listens" is worth a log line: listeners open after us. */
enum {
	PATIENT_ROUNDS = 3,
	/* A broker that stops closes everything first: it has gone before this is over. */
	STOP_MS = 3000
};

static const char *const trouble_text[] = {
	[NOT_YET] = "no listener tried yet",
	[NO_LISTENER] = "the broker does not listen anywhere yet",
	[UNREACHABLE] = "no listener takes a connection from this machine",
	[NOT_MQTT] =
		"no listener answers an MQTT login, plain or TLS (websockets, client certificates, "
		"PSK or /etc/hosts.deny are in the way): add a listener on 127.0.0.1 or a unix "
		"socket and name it in lan.waker",
	[REFUSED] =
		"the broker refuses the login: an earlier plugin or a password file answered before "
		"hubgate, put hubgate's plugin line first; or /etc/hosts.deny",
	[LOST] = "the broker closed the connection",
	[MUTE] = "the broker did not answer a ping",
	[UNCONFIRMED] = "a ring did not reach hubgate within 1 s: an earlier plugin answers the access "
					"check, put hubgate's plugin line first; or lan.waker names another broker",
	[NONE] = "works",
};

const char *doorbell_trouble_text(enum trouble trouble)
{
	return trouble_text[trouble];
}

static void tell(struct doorbell *w, enum trouble trouble, const char *line)
{
	w->told = trouble;
	w->held = false;
	log_line(w->log, LOG_WARN,
	         "doorbell: %s; until it works messages to devices wait for the "
	         "broker's tick",
	         line);
}

/* True: what fails after the broker closed the connection tells nothing yet. The loss itself is
 * told when the broker turns out to live on. */
static bool may_be_stopping(struct doorbell *w, enum trouble trouble, const char *detail,
                            int64_t now_ms)
{
	if (w->lost_ms == 0 || now_ms >= w->lost_ms + STOP_MS)
		return false;
	if (trouble == LOST) {
		w->held = true;
		snprintf(w->lost, sizeof w->lost, "%s", detail);
	}
	return trouble == LOST || trouble <= NOT_MQTT;
}

void doorbell_complain(struct doorbell *w, enum trouble trouble, const char *detail, int64_t now_ms)
{
	char line[SHARED_TEXT_MAX];
	bool early = trouble <= UNREACHABLE && w->rounds < PATIENT_ROUNDS;

	snprintf(line, sizeof line, "%s%s%s", trouble_text[trouble], detail[0] ? ": " : "", detail);
	shared_text_set(&w->status, line);
	if (may_be_stopping(w, trouble, detail, now_ms) || trouble == w->told || early)
		return;
	tell(w, trouble, line);
}

void doorbell_works(struct doorbell *w)
{
	char line[SHARED_TEXT_MAX];

	w->awaiting = false;
	w->rounds = 0;
	if (w->held) {
		snprintf(line, sizeof line, "%s: %s", trouble_text[LOST], w->lost);
		tell(w, LOST, line);
	}
	if (w->told == NONE)
		return;
	w->told = NONE;
	snprintf(line, sizeof line, "works over %s (%s)", w->at.at.text, w->at.tls ? "TLS" : "plain");
	shared_text_set(&w->status, line);
	log_line(w->log, LOG_NOTE, "doorbell: %s", line);
}

void doorbell_confirm(struct doorbell *w)
{
	IN_ROOM(ROOM_BROKER);
	atomic_exchange(&w->ringing, false);
}

/* IPv4 as IPv4 mapped into IPv6. */
static bool read_address(const char *text, struct in6_addr *out)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		return inet_pton(AF_INET6, text, out) == 1;
	memcpy(out->s6_addr, mapped, sizeof mapped);
	memcpy(out->s6_addr + sizeof mapped, &in, sizeof in);
	return true;
}

bool doorbell_address_ok(struct doorbell *w, const char *peer)
{
	char local[INET6_ADDRSTRLEN];
	struct in6_addr from, own;

	IN_ROOM(ROOM_BROKER);
	if (!peer || !peer[0] || peer[0] == '/' || strncmp(peer, "unix", 4) == 0)
		return true;
	if (!read_address(peer, &from))
		return false;
	if (IN6_IS_ADDR_LOOPBACK(&from) ||
	    (IN6_IS_ADDR_V4MAPPED(&from) && from.s6_addr[12] == IN_LOOPBACKNET))
		return true;
	shared_text_get(&w->local, local, sizeof local);
	return read_address(local, &own) && memcmp(&from, &own, sizeof own) == 0;
}

enum doorbell_state doorbell_state(const struct doorbell *w)
{
	return (enum doorbell_state)atomic_load(&w->state);
}

void doorbell_status_text(struct doorbell *w, char *out, size_t size)
{
	char line[SHARED_TEXT_MAX];

	shared_text_get(&w->status, line, sizeof line);
	snprintf(out, size, "%s; %llu rings, %llu unconfirmed", line, atomic_load(&w->rings),
	         atomic_load(&w->unconfirmed));
}
