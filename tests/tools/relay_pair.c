/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Both ends of connections over a relay, in one program: known bytes in both directions, and
 * a line for each end that says what came of it. Knows nothing of what the relay does.
 *
 *	relay_pair SOURCE DIALLED LISTEN [KEY=NUMBER]...
 *
 * Dials DIALLED (the relay) from the address SOURCE and expects the connection at LISTEN,
 * "ADDRESS PORT" each but SOURCE. One connection after the other. The ends send
 *	out=, back=	so many bytes, from who dials and to it, then an end of file;
 *	write=		in writes of so many;
 *	chunk=		in turn: so many out, then as many back;
 *	wait=		who is dialled reads nothing for so many ms;
 *	idle=		or nothing: so many connections at once, and a line that says how many
 *			stood when refused= of them were reset, or nothing happened for patience=;
 *	skip=		so many that come to the listener before are not of the pair;
 *	enough=		all is over when the dialler has all, and the other end so many;
 * connections= are made; one of which nothing has moved for patience= ms is given up.
 * Each line: number, end, bytes sent and received, how receiving ended (eof, reset or none),
 * segments with data that came, ms until the last byte.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE_MAX	65536
#define WAIT_MS		20000	/* for the connection itself */
#define LOOK_MS		10	/* while an end waits */
#define IDLE_MAX	256

enum { DIALLER, DIALLED, ENDS };

struct script {
	uint64_t total[ENDS];	/* to send */
	uint64_t write, chunk, wait, idle, refused, skip, enough, connections,
		patience;
};

struct end {
	int fd;
	uint64_t sent, got;
	const char *how;	/* NULL: it still receives */
	bool finished;		/* sending has ended */
	bool wrong;		/* other bytes than were sent */
	bool was_reset;		/* sending was told so: receiving is told an end of file then */
	int64_t from_ms;	/* nothing is read before */
	int64_t last_ms;	/* when the last byte came */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void die(const char *what)
{
	fprintf(stderr, "relay_pair: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* Gives the length. */
static socklen_t address(const char *host, const char *port, struct sockaddr_storage *ret_addr)
{
	struct sockaddr_in *four = (struct sockaddr_in *)ret_addr;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret_addr;

	memset(ret_addr, 0, sizeof *ret_addr);
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)atoi(port));
		return sizeof *four;
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((uint16_t)atoi(port));
	if (inet_pton(AF_INET6, host, &six->sin6_addr) != 1)
		die(host);
	return sizeof *six;
}

static int bound(const char *host, const char *port)
{
	struct sockaddr_storage addr;
	socklen_t len = address(host, port, &addr);
	int one = 1, fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len))
		die(host);
	return fd;
}

static uint8_t byte_at(uint64_t number, unsigned from, uint64_t offset)
{
	return (uint8_t)(offset * 131 + (offset >> 8) * 7 + number * 17 + from * 101);
}

/* ---- one end ---- */

/* How much it may have sent by now. */
static uint64_t allowed(const struct script *s, const struct end *e, unsigned from)
{
	uint64_t n = s->total[from];

	if (s->chunk) {
		uint64_t turns = e->got / s->chunk + (from == DIALLER);

		if (n > turns * s->chunk)
			n = turns * s->chunk;
	}
	return n;
}

static bool may_send(const struct script *s, const struct end *e, unsigned from)
{
	return !e->finished && (e->sent < allowed(s, e, from) || e->sent == s->total[from]);
}

static void send_some(const struct script *s, struct end *e, unsigned from, uint64_t number)
{
	uint8_t piece[PIECE_MAX];
	uint64_t n = allowed(s, e, from) - e->sent;
	ssize_t put;

	if (e->sent == s->total[from]) {
		shutdown(e->fd, SHUT_WR);
		e->finished = true;
		return;
	}
	if (n > s->write)
		n = s->write;
	for (uint64_t i = 0; i < n; i++)
		piece[i] = byte_at(number, from, e->sent + i);
	put = send(e->fd, piece, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (put > 0)
		e->sent += (uint64_t)put;
	if (put > 0 || errno == EAGAIN || errno == EINTR)
		return;
	e->was_reset = errno == ECONNRESET;
	e->finished = true;
}

static void receive_some(struct end *e, unsigned from, uint64_t number)
{
	uint8_t piece[PIECE_MAX];
	ssize_t got = recv(e->fd, piece, sizeof piece, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		e->how = got == 0 && !e->was_reset ? "eof" : "reset";
		return;
	}
	for (ssize_t i = 0; i < got; i++)
		e->wrong |= piece[i] != byte_at(number, from, e->got + (uint64_t)i);
	e->got += (uint64_t)got;
	e->last_ms = now_ms();
}

static void tell(const struct end *e, unsigned which, uint64_t number, int64_t began)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;

	getsockopt(e->fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	printf("%llu %s sent=%llu got=%llu end=%s segments=%u ms=%lld%s\n",
	       (unsigned long long)number, which == DIALLER ? "dialler" : "dialled",
	       (unsigned long long)e->sent, (unsigned long long)e->got, e->how ? e->how : "none",
	       info.tcpi_data_segs_in, (long long)(e->last_ms - began), e->wrong ? " WRONG" : "");
	fflush(stdout);
}

/* ---- one connection ---- */

static bool is_over(const struct script *s, const struct end ends[ENDS])
{
	if (s->enough && ends[DIALLER].how && ends[DIALLED].got >= s->enough)
		return true;
	return ends[DIALLER].how && ends[DIALLED].how &&
	       ends[DIALLER].finished && ends[DIALLED].finished;
}

/* False: nothing has moved for too long. */
static bool turn(const struct script *s, struct end ends[ENDS], uint64_t number)
{
	bool waits = now_ms() < ends[DIALLED].from_ms;
	struct pollfd fds[ENDS];

	for (unsigned i = 0; i < ENDS; i++) {
		struct end *e = &ends[i];

		fds[i] = (struct pollfd) { .fd = e->fd };
		if (!e->how && now_ms() >= e->from_ms)
			fds[i].events |= POLLIN;
		if (may_send(s, e, i))
			fds[i].events |= POLLOUT;
		if (!fds[i].events)
			fds[i].fd = -1;
	}
	if (poll(fds, ENDS, waits ? LOOK_MS : (int)s->patience) == 0)
		return waits;
	for (unsigned i = 0; i < ENDS; i++) {
		struct end *e = &ends[i];

		if ((fds[i].revents & (POLLIN | POLLERR | POLLHUP)) && !e->how &&
		    now_ms() >= e->from_ms)
			receive_some(e, !i, number);
		if (fds[i].revents && may_send(s, e, i))
			send_some(s, e, i, number);
		/* A connection that is reset takes no more: the rest is not sent. */
		if (e->how && strcmp(e->how, "reset") == 0)
			e->finished = true;
		/* In turn: nothing more comes that would have to be answered. */
		if (e->how && s->chunk && !e->finished && !may_send(s, e, i)) {
			shutdown(e->fd, SHUT_WR);
			e->finished = true;
		}
	}
	return true;
}

/*
 * Until somebody answers. A reset is an answer, too: on a busy machine it may come before this
 * program has seen that it was connected.
 */
static int dial(const char *source, char **dialled, bool *ret_reset)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct sockaddr_storage to;
	socklen_t len = address(dialled[0], dialled[1], &to);
	int64_t until = now_ms() + WAIT_MS;
	int one = 1, fd, rc;

	for (;;) {
		fd = bound(source, "0");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		rc = connect(fd, (struct sockaddr *)&to, len);
		*ret_reset = rc && errno == ECONNRESET;
		if (!rc || *ret_reset)
			return fd;
		close(fd);
		if (now_ms() > until)
			die("dial");
		nanosleep(&pause, NULL);
	}
}

static void connection(const struct script *s, const char *source, char **dialled, int listener,
		       uint64_t number)
{
	struct end ends[ENDS] = { 0 };
	struct pollfd come = { .fd = listener, .events = POLLIN };
	int64_t began = now_ms();
	bool reset;

	ends[DIALLER].fd = dial(source, dialled, &reset);
	ends[DIALLER].how = reset ? "reset" : NULL;
	ends[DIALLER].finished = reset;
	ends[DIALLER].last_ms = ends[DIALLED].last_ms = began;
	for (uint64_t skip = number == 1 ? s->skip + 1 : 1; skip > 0; skip--) {
		if (poll(&come, 1, WAIT_MS) != 1)
			die("nobody came to the listener");
		if (ends[DIALLED].fd > 0)
			close(ends[DIALLED].fd);
		ends[DIALLED].fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	}
	ends[DIALLED].from_ms = began + (int64_t)s->wait;
	while (!is_over(s, ends) && turn(s, ends, number))
		;
	for (unsigned i = 0; i < ENDS; i++)
		tell(&ends[i], i, number, began);
	for (unsigned i = 0; i < ENDS; i++) {
		const struct linger at_once = { .l_onoff = 1 };

		if (!is_over(s, ends) || s->enough)
			setsockopt(ends[i].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		close(ends[i].fd);
	}
}

/* Dials only; the relay finds room behind the listener. */
static void idle(const struct script *s, const char *source, char **dialled)
{
	struct pollfd fds[IDLE_MAX];
	unsigned n = s->idle < IDLE_MAX ? (unsigned)s->idle : IDLE_MAX, n_refused = 0;

	for (unsigned i = 0; i < n; i++) {
		bool reset;

		fds[i] = (struct pollfd) {
			.fd = dial(source, dialled, &reset), .events = POLLIN,
		};
		if (reset) {
			close(fds[i].fd);
			fds[i].fd = -1;
			n_refused++;
		}
	}
	while (n_refused < s->refused && poll(fds, n, (int)s->patience) > 0) {
		for (unsigned i = 0; i < n; i++) {
			if (!fds[i].revents)
				continue;
			close(fds[i].fd);
			fds[i].fd = -1;
			n_refused++;
		}
	}
	printf("idle stood=%u refused=%u\n", n - n_refused, n_refused);
}

static void take(struct script *s, const char *word)
{
	static const char *const keys[] = {
		"out=", "back=", "write=", "chunk=", "wait=", "idle=", "refused=", "skip=",
		"enough=", "connections=", "patience=",
	};
	uint64_t *const values[] = {
		&s->total[DIALLER], &s->total[DIALLED], &s->write, &s->chunk, &s->wait,
		&s->idle, &s->refused, &s->skip, &s->enough, &s->connections, &s->patience,
	};

	for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (strncmp(word, keys[i], strlen(keys[i])) != 0)
			continue;
		*values[i] = strtoull(word + strlen(keys[i]), NULL, 10);
		return;
	}
	errno = EINVAL;
	die(word);
}

int main(int argc, char **argv)
{
	struct script s = { .write = PIECE_MAX, .refused = UINT64_MAX, .connections = 1,
			    .patience = WAIT_MS };
	int listener;

	if (argc < 6) {
		fprintf(stderr, "usage: relay_pair SOURCE DIALLED PORT LISTEN PORT "
			"[KEY=NUMBER]...\n");
		return 2;
	}
	for (int i = 6; i < argc; i++)
		take(&s, argv[i]);
	if (s.write < 1 || s.write > PIECE_MAX)
		s.write = PIECE_MAX;
	listener = bound(argv[4], argv[5]);
	if (listen(listener, IDLE_MAX))
		die("listen");
	if (s.idle)
		idle(&s, argv[1], argv + 2);
	for (uint64_t n = 1; n <= s.connections && !s.idle; n++)
		connection(&s, argv[1], argv + 2, listener, n);
	close(listener);
	return 0;
}
