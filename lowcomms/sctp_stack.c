/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/sctp_stack.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>

#include <usrsctp.h>

#include "lowcomms/crc32c.h"

#define BUFFER_BYTES	(1024u * 1024)	/* each direction of an association */
#define CHUNKS_MAX	16384u		/* messages that one may have queued */
#define BACKLOG		16		/* of a listener */
#define RTO_FIRST_MS	1000	/* as RFC 9260 has it: a busy node would be sent each INIT again */
#define RETRIES		6	/* until an association is lost: 4 s after the last answer */
#define HEARTBEAT_MS	2000
#define SACK_MS		20

_Static_assert(SCTP_READABLE == SCTP_EVENT_READ && SCTP_WRITABLE == SCTP_EVENT_WRITE &&
	       SCTP_BROKEN == SCTP_EVENT_ERROR, "events are handed on as they are");

static void (*told)(void *arg);

/* Ours is that of the library by another name, which hides its type. */
static struct socket *inner(struct sctp_socket *so)
{
	assert(so);
	return (struct socket *)so;
}

static struct sctp_socket *outer(struct socket *so)
{
	return (struct sctp_socket *)so;
}

/* ---- the stack ---- */

/* A path that is cut is left within seconds, and what we do not use is no target. */
static void tune(void)
{
	usrsctp_sysctl_set_sctp_sendspace(BUFFER_BYTES);
	usrsctp_sysctl_set_sctp_recvspace(BUFFER_BYTES);
	usrsctp_sysctl_set_sctp_max_chunks_on_queue(CHUNKS_MAX);
	usrsctp_sysctl_set_sctp_rto_initial_default(RTO_FIRST_MS);
	usrsctp_sysctl_set_sctp_rto_min_default(SCTP_RTO_MIN_MS);
	usrsctp_sysctl_set_sctp_rto_max_default(SCTP_RTO_MAX_MS);
	usrsctp_sysctl_set_sctp_init_rto_max_default(SCTP_RTO_MAX_MS);
	usrsctp_sysctl_set_sctp_init_rtx_max_default(RETRIES);
	usrsctp_sysctl_set_sctp_assoc_rtx_max_default(RETRIES);
	usrsctp_sysctl_set_sctp_path_rtx_max_default(RETRIES);
	usrsctp_sysctl_set_sctp_heartbeat_interval_default(HEARTBEAT_MS);
	usrsctp_sysctl_set_sctp_delayed_sack_time_default(SACK_MS);
	usrsctp_sysctl_set_sctp_max_burst_default(0);
	usrsctp_sysctl_set_sctp_ecn_enable(0);
	usrsctp_sysctl_set_sctp_pr_enable(0);
	usrsctp_sysctl_set_sctp_auth_enable(0);
	usrsctp_sysctl_set_sctp_asconf_enable(0);
	usrsctp_sysctl_set_sctp_auto_asconf(0);
	usrsctp_sysctl_set_sctp_reconfig_enable(0);
	usrsctp_sysctl_set_sctp_nrsack_enable(0);
	usrsctp_sysctl_set_sctp_pktdrop_enable(0);
}

/* The library starts a thread, which inherits what is blocked: signals are the application's. */
void sctp_stack_start(int (*output)(void *addr, void *buf, size_t n, uint8_t tos, uint8_t df),
		      void (*changed)(void *arg))
{
	sigset_t all, before;

	assert(!told && output && changed);
	told = changed;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	usrsctp_init_nothreads(0, output, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (crc32c_is_fast())
		usrsctp_enable_crc32c_offload();
	tune();
}

void sctp_stack_pass(uint32_t elapsed_ms)
{
	assert(told);
	usrsctp_handle_timers(elapsed_ms);
}

void sctp_stack_add_address(void *addr)
{
	assert(told && addr);
	usrsctp_register_address(addr);
}

void sctp_stack_input(void *addr, const uint8_t *packet, size_t n)
{
	usrsctp_conninput(addr, packet, n, 0);
}

/* ---- begin ---- */

/* With a port. */
static struct sockaddr_conn conn_addr(void *addr, uint16_t port)
{
	assert(addr);
	return (struct sockaddr_conn) {
		.sconn_family = AF_CONN, .sconn_port = htons(port), .sconn_addr = addr,
	};
}

/* One that was accepted has the rest of its listener. */
static void begin(struct socket *so)
{
	int on = 1;

	usrsctp_set_non_blocking(so, 1);
	usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on);
}

static int bound(void *addr, uint16_t port, uint32_t mtu, struct socket **ret_so)
{
	struct sockaddr_conn own = conn_addr(addr, port);
	struct socket *so = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
	struct sctp_paddrparams path = { .spp_flags = SPP_PMTUD_DISABLE, .spp_pathmtu = mtu };
	int err;

	assert(mtu);
	if (!so)
		return -errno;
	begin(so);
	usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
	if (!usrsctp_bind(so, (struct sockaddr *)&own, sizeof own)) {
		*ret_so = so;
		return 0;
	}
	err = -errno;
	usrsctp_close(so);
	return err;
}

struct sctp_socket *sctp_stack_listen(void *addr, uint16_t port, uint32_t mtu)
{
	struct socket *so;

	assert(port);
	if (bound(addr, port, mtu, &so))
		return NULL;
	if (!usrsctp_listen(so, BACKLOG))
		return outer(so);
	usrsctp_close(so);
	return NULL;
}

struct sctp_socket *sctp_stack_accept(struct sctp_socket *listener, uint16_t *ret_port)
{
	struct sockaddr_conn from;
	socklen_t len = sizeof from;
	struct socket *so = usrsctp_accept(inner(listener), (struct sockaddr *)&from, &len);

	if (!so)
		return NULL;
	begin(so);
	*ret_port = ntohs(from.sconn_port);
	return outer(so);
}

int sctp_stack_open(void *addr, uint32_t mtu, struct sctp_socket **ret_so)
{
	struct socket *so;
	int err = bound(addr, 0, mtu, &so);

	if (!err)
		*ret_so = outer(so);
	return err;
}

int sctp_stack_connect(struct sctp_socket *so, void *addr, uint16_t port)
{
	struct sockaddr_conn there = conn_addr(addr, port);

	if (usrsctp_connect(inner(so), (struct sockaddr *)&there, sizeof there) &&
	    errno != EINPROGRESS)
		return -errno;
	return 0;
}

uint16_t sctp_stack_port(struct sctp_socket *so)
{
	struct sockaddr *all;
	uint16_t port = 0;

	if (usrsctp_getladdrs(inner(so), 0, &all) <= 0)
		return 0;
	if (all->sa_family == AF_CONN)
		port = ntohs(((struct sockaddr_conn *)all)->sconn_port);
	usrsctp_freeladdrs(all);
	return port;
}

/* ---- changes ---- */

static void upcall(struct socket *so, void *arg, int flags)
{
	(void)so;
	(void)flags;
	told(arg);
}

void sctp_stack_watch(struct sctp_socket *so, void *arg)
{
	assert(told);
	usrsctp_set_upcall(inner(so), arg ? upcall : NULL, arg);
}

int sctp_stack_events(struct sctp_socket *so)
{
	return usrsctp_get_events(inner(so));
}

int sctp_stack_error(struct sctp_socket *so)
{
	socklen_t len = sizeof(int);
	int err = 0;

	usrsctp_getsockopt(inner(so), SOL_SOCKET, SO_ERROR, &err, &len);
	return -err;
}

bool sctp_stack_is_established(struct sctp_socket *so, uint32_t *ret_unacked)
{
	struct sctp_status status;
	socklen_t len = sizeof status;

	if (usrsctp_getsockopt(inner(so), IPPROTO_SCTP, SCTP_STATUS, &status, &len))
		return false;
	*ret_unacked = status.sstat_unackdata;
	return true;
}

/* ---- bytes, and the end ---- */

int sctp_stack_read(struct sctp_socket *so, void *buf, size_t n)
{
	unsigned kind;
	socklen_t from_len = 0, info_len = 0;
	int flags = 0;
	ssize_t got = usrsctp_recvv(inner(so), buf, n, NULL, &from_len, NULL, &info_len, &kind,
				    &flags);

	assert(n);
	if (got >= 0)
		return (int)got;
	if (errno == EINTR)
		return -EAGAIN;
	return errno == ENOTCONN ? -ECONNRESET : -errno;
}

ssize_t sctp_stack_write(struct sctp_socket *so, const uint8_t *record, size_t n)
{
	ssize_t done = usrsctp_sendv(inner(so), record, n, NULL, 0, NULL, 0, SCTP_SENDV_NOINFO, 0);

	assert(n);
	if (done >= 0)
		return done;
	if (errno == ENOENT || errno == ENOTCONN || errno == ESHUTDOWN)
		return -EPIPE;
	return errno == ENOBUFS ? -EAGAIN : -errno;
}

void sctp_stack_finish(struct sctp_socket *so)
{
	usrsctp_shutdown(inner(so), SHUT_WR);
}

void sctp_stack_close(struct sctp_socket *so, bool in_order)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (!in_order)
		usrsctp_setsockopt(inner(so), SOL_SOCKET, SO_LINGER, &now, sizeof now);
	usrsctp_close(inner(so));
}
