/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/sctp_socket.h"

#include <assert.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/sctp.h>
#include <string.h>
#include <unistd.h>

#include "lowcomms/addr.h"
#include "lowcomms/sinew.h"

/*
 * The kernel's own times are made for the internet: half a minute until another path is taken.
 * With these a path has failed after RTO_MIN + 2 * RTO_MIN + RTO_MAX; an association that hears
 * nothing lives longer than our own patience, for who ends it must be the core.
 */
#define RTO_INITIAL_MS	500
#define RTO_MIN_MS	250	/* above 200, for which a kernel may hold an acknowledgement back */
#define RTO_MAX_MS	1000
#define HEARTBEAT_MS	500	/* on an idle path */
#define PATH_RETRIES	2
#define RETRIES		40	/* in a row, of all paths together */
#define SACK_DELAY_MS	20
#define DIAL_TRIES	30	/* the core gives a dial up */

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

static int fail_close(int fd)
{
	int err = errno;

	close(fd);
	return -err;
}

/* IPv4 alone needs no socket of IPv6, which a machine may lack; that of IPv6 takes both. */
static int family_of(const struct sockaddr_storage *addrs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (addrs[i].ss_family == AF_INET6)
			return AF_INET6;
	return AF_INET;
}

static int notify(int fd, uint16_t type)
{
	struct sctp_event event = { .se_type = type, .se_on = 1 };

	assert(fd >= 0 && type > SCTP_SN_TYPE_BASE);
	return setsockopt(fd, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof event);
}

static int set_times(int fd)
{
	struct sctp_rtoinfo rto = {
		.srto_initial = RTO_INITIAL_MS, .srto_max = RTO_MAX_MS, .srto_min = RTO_MIN_MS,
	};
	struct sctp_assocparams retries = { .sasoc_asocmaxrxt = RETRIES };
	struct sctp_paddrparams path = {
		.spp_hbinterval = HEARTBEAT_MS, .spp_pathmaxrxt = PATH_RETRIES,
		.spp_flags = SPP_HB_ENABLE,
	};
	struct sctp_sack_info sack = { .sack_delay = SACK_DELAY_MS };

	return setsockopt(fd, IPPROTO_SCTP, SCTP_RTOINFO, &rto, sizeof rto) ||
	       setsockopt(fd, IPPROTO_SCTP, SCTP_ASSOCINFO, &retries, sizeof retries) ||
	       setsockopt(fd, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path) ||
	       setsockopt(fd, IPPROTO_SCTP, SCTP_DELAYED_SACK, &sack, sizeof sack);
}

/* A kernel without the module has two ways to say so. */
static int new_socket(int family)
{
	const struct sctp_initmsg init = {
		.sinit_num_ostreams = 1, .sinit_max_instreams = 1,
		.sinit_max_attempts = DIAL_TRIES, .sinit_max_init_timeo = RTO_MAX_MS,
	};
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_SCTP);

	if (fd < 0)
		return errno == ESOCKTNOSUPPORT ? -EPROTONOSUPPORT : -errno;
	if (setsockopt(fd, IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof init) ||
	    set(fd, IPPROTO_SCTP, SCTP_NODELAY, 1) || set_times(fd) ||
	    notify(fd, SCTP_ASSOC_CHANGE) || notify(fd, SCTP_PEER_ADDR_CHANGE))
		return fail_close(fd);
	return fd;
}

static int bind_one(int fd, struct sockaddr_storage addr, bool any_port)
{
	assert(fd >= 0 && addr_len(&addr));
	if (any_port)
		addr_set_port(&addr, 0);
	return sctp_bindx(fd, (struct sockaddr *)&addr, 1, SCTP_BINDX_ADD_ADDR) ? -errno : 0;
}

/*
 * All of them. Where this machine has some, the others are taken as well: an interface may come
 * later than we do, and is used from then on.
 */
static int bind_all(int fd, const struct sockaddr_storage *addrs, unsigned n, bool any_port)
{
	bool missing[SINEW_ADDRS_MAX] = { false };
	unsigned n_missing = 0;
	int err = 0;

	assert(n && n <= SINEW_ADDRS_MAX);
	for (unsigned i = 0; i < n; i++) {
		err = bind_one(fd, addrs[i], any_port);
		missing[i] = err == -EADDRNOTAVAIL;
		n_missing += missing[i];
		if (err && !missing[i])
			return err;
	}
	if (!n_missing)
		return 0;
	if (n_missing == n)
		return -EADDRNOTAVAIL;
	if (set(fd, IPPROTO_IP, IP_FREEBIND, 1) && set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1))
		return 0;
	for (unsigned i = 0; i < n; i++)
		if (missing[i])
			bind_one(fd, addrs[i], any_port);
	return 0;
}

/* ---- begin ---- */

/* An association has one port at each end. */
static bool one_port(const struct sockaddr_storage *addrs, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		if (addr_port(&addrs[i]) != addr_port(&addrs[0]))
			return false;
	return n && n <= SINEW_ADDRS_MAX;
}

int sctp_socket_listen(const struct sockaddr_storage *addrs, unsigned n)
{
	int fd = one_port(addrs, n) ? new_socket(family_of(addrs, n)) : -EINVAL, err;

	if (fd < 0)
		return fd;
	if (set(fd, SOL_SOCKET, SO_REUSEADDR, 1))
		return fail_close(fd);
	err = bind_all(fd, addrs, n, false);
	if (err) {
		close(fd);
		return err;
	}
	return listen(fd, SOMAXCONN) ? fail_close(fd) : fd;
}

/* One after the other without a gap: addresses of IPv4 are shorter. Returns the bytes. */
static size_t pack(uint8_t *to, const struct sockaddr_storage *addrs, unsigned n)
{
	size_t sum = 0;

	assert(n && n <= SINEW_ADDRS_MAX);
	for (unsigned i = 0; i < n; i++) {
		memcpy(to + sum, &addrs[i], addr_len(&addrs[i]));
		sum += addr_len(&addrs[i]);
	}
	return sum;
}

static int connect_all(int fd, const struct sockaddr_storage *to, unsigned n)
{
	_Alignas(struct sockaddr_storage) uint8_t all[SINEW_ADDRS_MAX * sizeof *to];

	pack(all, to, n);
	return sctp_connectx(fd, (struct sockaddr *)all, (int)n, NULL) ? -errno : 0;
}

int sctp_socket_dial(const struct stream_route *route, enum dial_step *ret_step)
{
	int family = family_of(route->to, route->n_to), fd, err;

	*ret_step = DIAL_SOCKET;
	if (!one_port(route->to, route->n_to))
		return -EINVAL;
	if (family == AF_INET)
		family = family_of(route->from, route->n_from);
	fd = new_socket(family);
	if (fd < 0)
		return fd;
	*ret_step = DIAL_SOURCE;
	err = route->n_from ? bind_all(fd, route->from, route->n_from, true) : 0;
	if (err) {
		close(fd);
		return err;
	}
	*ret_step = DIAL_CONNECT;
	err = connect_all(fd, route->to, route->n_to);
	if (!err) {
		*ret_step = DIAL_DONE;
	} else if (err != -EINPROGRESS) {
		close(fd);
		return err;
	}
	return fd;
}

bool sctp_socket_possible(void)
{
	int fd = new_socket(AF_INET);

	if (fd >= 0)
		close(fd);
	return fd != -EPROTONOSUPPORT;
}

/* ---- bytes and notifications ---- */

/*
 * A peer that was started again, with the ports of before, takes over the association: its bytes
 * have nothing to do with those before.
 */
static enum sctp_news association_news(uint16_t state)
{
	switch (state) {
	case SCTP_SHUTDOWN_COMP:
		return SCTP_NEWS_ENDED;
	case SCTP_COMM_LOST:
	case SCTP_CANT_STR_ASSOC:
	case SCTP_RESTART:
		return SCTP_NEWS_LOST;
	}
	return SCTP_NEWS_NONE;
}

static enum sctp_news path_news(int state)
{
	switch (state) {
	case SCTP_ADDR_AVAILABLE:
	case SCTP_ADDR_CONFIRMED:
		return SCTP_NEWS_WORKS;
	case SCTP_ADDR_UNREACHABLE:
		return SCTP_NEWS_FAILED;
	}
	return SCTP_NEWS_NONE;
}

/* All of it has come. */
static void note_end(struct sctp_note *note)
{
	struct sctp_assoc_change association;
	struct sctp_paddr_change path;
	uint16_t type = 0;

	_Static_assert(sizeof path <= SCTP_NOTE_MAX && sizeof association <= SCTP_NOTE_MAX,
		       "one that matters is kept as a whole");
	memcpy(&type, note->bytes, note->n < sizeof type ? 0 : sizeof type);
	if (type == SCTP_ASSOC_CHANGE && note->n >= sizeof association) {
		memcpy(&association, note->bytes, sizeof association);
		note->news = association_news(association.sac_state);
	} else if (type == SCTP_PEER_ADDR_CHANGE && note->n >= sizeof path) {
		memcpy(&path, note->bytes, sizeof path);
		note->news = path_news(path.spc_state);
		note->addr = path.spc_aaddr;
		addr_normalize(&note->addr);
	}
	note->n = 0;
}

/* A piece of one, as much of it as was asked for. */
static void note_piece(struct sctp_note *note, const void *p, size_t n, bool last)
{
	size_t room = sizeof note->bytes - note->n;

	assert(note->n <= sizeof note->bytes);
	note->news = SCTP_NEWS_NONE;
	memcpy(note->bytes + note->n, p, n < room ? n : room);
	note->n += n < room ? n : room;
	if (last)
		note_end(note);
}

ssize_t sctp_socket_read(int fd, void *buf, size_t n, struct sctp_note *note, bool *ret_is_note)
{
	struct iovec iov = { buf, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t got = recvmsg(fd, &msg, 0);

	assert(n);
	if (got < 0)
		return -errno;
	*ret_is_note = got && msg.msg_flags & MSG_NOTIFICATION;
	if (*ret_is_note)
		note_piece(note, buf, (size_t)got, msg.msg_flags & MSG_EOR);
	return got;
}

/* ---- questions ---- */

unsigned sctp_socket_peers(int fd, struct sockaddr_storage *ret_addrs, unsigned max)
{
	struct sockaddr *all = NULL;
	int n = sctp_getpaddrs(fd, 0, &all);
	const uint8_t *p = (const uint8_t *)all;
	unsigned count = 0;

	assert(fd >= 0 && max);
	for (int i = 0; i < n && count < max; i++) {
		const struct sockaddr *one = (const struct sockaddr *)p;
		struct sockaddr_storage addr = { .ss_family = one->sa_family };

		if (!addr_len(&addr))
			break;
		memcpy(&addr, p, addr_len(&addr));
		p += addr_len(&addr);
		addr_normalize(&addr);
		ret_addrs[count++] = addr;
	}
	if (n > 0)
		sctp_freepaddrs(all);
	return count;
}

bool sctp_socket_path(int fd, const struct sockaddr_storage *addr, bool *ret_works)
{
	struct sctp_paddrinfo info = { .spinfo_address = *addr };
	socklen_t len = sizeof info;

	assert(fd >= 0 && addr_len(addr));
	if (sctp_opt_info(fd, 0, SCTP_GET_PEER_ADDR_INFO, &info, &len))
		return false;
	/* One that may have failed is still tried. */
	*ret_works = info.spinfo_state == SCTP_ACTIVE || info.spinfo_state == SCTP_PF;
	return *ret_works || info.spinfo_state == SCTP_INACTIVE;
}

int sctp_socket_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof err;

	assert(fd >= 0);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return -errno;
	return -err;
}

bool sctp_socket_packets(int fd, uint64_t *ret_n)
{
	struct sctp_assoc_stats stats = { .sas_assoc_id = 0 };
	socklen_t len = sizeof stats;

	assert(fd >= 0);
	if (getsockopt(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_STATS, &stats, &len))
		return false;
	*ret_n = stats.sas_ipackets;
	return true;
}

/* Their memory is counted until they are acknowledged. */
bool sctp_socket_owed(int fd)
{
	uint32_t memory[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof memory;

	return !getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &len) &&
	       memory[SK_MEMINFO_WMEM_QUEUED];
}
