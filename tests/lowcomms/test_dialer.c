/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of the dialer: its refusals, its limits, its turns. Knows no node; what it reaches
 * is tested by tests/tools/test_ping.sh.
 */
#include "lowcomms/dialer.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lowcomms/sockaddr.h"
#include "tests/lib/check.h"

#define PORT		21065
#define TURN_NS		20000000u
#define LONG_NS		10000000000u
#define TURNS		5u
#define LOOP_FDS	3u	/* descriptors of a loop */

static struct dialer d;

static int opened(const char *transport, const char **ret_hint)
{
	struct sinew_options opt;

	SINEW_OPTIONS_INIT(&opt);
	opt.transport = transport;
	opt.sctp_backend = SINEW_SCTP_USER;
	return dialer_open(&d, &opt, ret_hint);
}

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage to = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&to;

	in->sin_family = AF_INET;
	in->sin_port = htons(PORT);
	inet_pton(AF_INET, text, &in->sin_addr);
	return to;
}

static unsigned descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void an_unknown_transport_is_named(void)
{
	const char *hint;

	CHECK_EQ(opened("carrier", &hint), -EPROTONOSUPPORT);
	CHECK(hint && strstr(hint, "tcp or sctp"));
	dialer_close(&d);
}

/* The next ones have the lowest numbers that are free. */
static void without_descriptors_none_stays_open(void)
{
	unsigned before = descriptors();
	struct rlimit limit, low;
	const char *hint = "";
	int next = dup(0);

	CHECK_OR_RETURN(next >= 0 && !getrlimit(RLIMIT_NOFILE, &limit));
	close(next);
	for (unsigned k = 0; k < LOOP_FDS; k++) {
		low = limit;
		low.rlim_cur = (rlim_t)next + k;
		setrlimit(RLIMIT_NOFILE, &low);
		CHECK_EQ(opened("tcp", &hint), -EMFILE);
		setrlimit(RLIMIT_NOFILE, &limit);
		CHECK(!hint && !d.transport);
		CHECK_EQ(descriptors(), before);
	}
	CHECK_EQ(opened("tcp", &hint), 0);
	dialer_close(&d);
	CHECK_EQ(descriptors(), before);
}

/* An address of documents, which no machine has (RFC 5737). */
static void refuses_the_source(const char *transport)
{
	struct sockaddr_storage from = address("192.0.2.1"), to = address("127.0.0.1");
	struct stream *s = NULL;
	enum dial_step step;
	const char *hint;

	CHECK_OR_RETURN(!opened(transport, &hint));
	CHECK_EQ(dialer_dial(&d, &from, &to, &s, &step), -EADDRNOTAVAIL);
	CHECK_EQ(step, DIAL_SOURCE);
	CHECK(!s);
	dialer_close(&d);
}

static void an_address_of_another_machine_is_no_source(void)
{
	refuses_the_source("tcp");
}

static void a_turn_ends_at_its_time(void)
{
	uint64_t until_ns = loop_now_ns() + TURN_NS;
	const char *hint;

	CHECK_OR_RETURN(!opened("tcp", &hint));
	dialer_turn(&d, until_ns);
	CHECK(loop_now_ns() >= until_ns);
	dialer_turn(&d, 0);
	dialer_close(&d);
}

static unsigned n_told;

static void told(struct source *s, uint32_t events)
{
	CHECK_EQ(events, EPOLLIN);
	CHECK(s->fd >= 0);
	n_told++;
}

static void a_descriptor_of_the_caller_ends_a_turn(void)
{
	struct source s = { .ready = told, .fd = eventfd(1, EFD_CLOEXEC) };
	const char *hint;

	CHECK_OR_RETURN(s.fd >= 0 && !opened("tcp", &hint));
	CHECK_EQ(dialer_watch(&d, &s), 0);
	dialer_turn(&d, UINT64_MAX);
	CHECK_EQ(n_told, 1);
	dialer_close(&d);
	close(s.fd);
}

#ifdef HAVE_USRSCTP
static void an_address_of_another_machine_is_no_source_in_user_land(void)
{
	refuses_the_source("sctp");
}

static void nothing(struct stream *s, unsigned events)
{
	(void)s, (void)events;
}

/* A socket that answers nothing, and where it is. */
static int open_silent(struct sockaddr_storage *ret_at)
{
	socklen_t len = sizeof *ret_at;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*ret_at = address("127.0.0.1");
	addr_set_port(ret_at, 0);
	if (bind(fd, (struct sockaddr *)ret_at, sizeof(struct sockaddr_in)) ||
	    getsockname(fd, (struct sockaddr *)ret_at, &len))
		return -1;
	return fd;
}

/* From 127.0.0.N. */
static int dial_from(unsigned n, const struct sockaddr_storage *to, struct stream **ret_stream,
		     enum dial_step *ret_step)
{
	struct sockaddr_storage from = address("127.0.0.0");
	struct sockaddr_in *in = (struct sockaddr_in *)&from;
	int err;

	in->sin_addr.s_addr = htonl(ntohl(in->sin_addr.s_addr) + n);
	err = dialer_dial(&d, &from, to, ret_stream, ret_step);
	if (!err)
		(*ret_stream)->event = nothing;
	return err;
}

static void a_source_is_a_listener_as_many_as_a_node_has(void)
{
	struct stream *all[SINEW_ADDRS_MAX], *again, *more = NULL;
	struct sockaddr_storage to = address("127.0.0.1");
	unsigned before = descriptors();
	enum dial_step step;
	const char *hint;

	CHECK_OR_RETURN(!opened("sctp", &hint));
	for (unsigned i = 0; i < SINEW_ADDRS_MAX; i++)
		CHECK_OR_RETURN(!dial_from(1 + i, &to, &all[i], &step));
	CHECK_EQ(d.n_sources, SINEW_ADDRS_MAX);
	CHECK_EQ(dial_from(1, &to, &again, &step), 0);
	CHECK_EQ(d.n_sources, SINEW_ADDRS_MAX);
	CHECK_EQ(dial_from(1 + SINEW_ADDRS_MAX, &to, &more, &step), -EMFILE);
	CHECK_EQ(step, DIAL_SOURCE);
	CHECK(!more);
	CHECK_EQ(addr_port(&d.sources[0].addr), 0);
	again->ops->reset(again);
	for (unsigned i = 0; i < SINEW_ADDRS_MAX; i++)
		all[i]->ops->reset(all[i]);
	dialer_close(&d);
	CHECK_EQ(descriptors(), before);
}

/* Else it would not send again what nobody has answered. */
static void a_turn_ends_when_the_transport_is_due(void)
{
	uint64_t until_ns = loop_now_ns() + LONG_NS;
	struct sockaddr_storage to;
	int fd = open_silent(&to);
	struct stream *s;
	enum dial_step step;
	const char *hint;

	CHECK_OR_RETURN(fd >= 0 && !opened("sctp", &hint) && !dial_from(1, &to, &s, &step));
	for (unsigned i = 0; i < TURNS; i++)
		dialer_turn(&d, until_ns);
	CHECK(loop_now_ns() < until_ns);
	CHECK(d.streams.deadline_ns != UINT64_MAX);
	s->ops->reset(s);
	dialer_close(&d);
	close(fd);
}
#endif

int main(void)
{
	RUN(an_unknown_transport_is_named);
	RUN(without_descriptors_none_stays_open);
	RUN(an_address_of_another_machine_is_no_source);
	RUN(a_turn_ends_at_its_time);
	RUN(a_descriptor_of_the_caller_ends_a_turn);
#ifdef HAVE_USRSCTP
	RUN(an_address_of_another_machine_is_no_source_in_user_land);
	RUN(a_source_is_a_listener_as_many_as_a_node_has);
	RUN(a_turn_ends_when_the_transport_is_due);
#endif
	return check_done();
}
