/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of looking up names: by threads of their own, all at once, for so long and no
 * longer, with the same result as others get. The name service is played here (linked by --wrap).
 * Knows no corosync.
 * run.sh: waits timeout=60
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lowcomms/sinew.h"
#include "membership/config.h"
#include "membership/names.h"
#include "membership/static.h"
#include "tests/lib/await.h"
#include "tests/lib/check.h"

#define HANG_MS		30000	/* at most, so that no thread stays for ever */

/* ---- a name service ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool hangs;		/* "slow..." gets no answer; lock */
static unsigned asking, most;	/* at a time; lock */
static unsigned asked;		/* lock */
static int family;		/* of the last question; lock */
static bool in_caller, signals_pass;	/* never to be; lock */
static pthread_t caller;
static _Atomic int fails_eventfd, fails_thread, fails_calloc;	/* the k-th call; 0: none */
static _Atomic long lists;	/* not given back */

int __real_eventfd(unsigned value, int flags);
int __wrap_eventfd(unsigned value, int flags);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **ret_list);
void __wrap_freeaddrinfo(struct addrinfo *list);

static bool is_due(_Atomic int *k)
{
	return atomic_load(k) > 0 && atomic_fetch_sub(k, 1) == 1;
}

int __wrap_eventfd(unsigned value, int flags)
{
	if (!is_due(&fails_eventfd))
		return __real_eventfd(value, flags);
	errno = EMFILE;
	return -1;
}

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg)
{
	return is_due(&fails_thread) ? EAGAIN : __real_pthread_create(t, a, run, arg);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return is_due(&fails_calloc) ? NULL : __real_calloc(n, size);
}

static struct addrinfo *entry(const char *text, struct addrinfo *next)
{
	struct addrinfo *a = __real_calloc(1, sizeof(*a));
	struct sockaddr_storage *sa = __real_calloc(1, sizeof(*sa));

	if (sinew_parse_address(text, 0, sa))
		abort();
	a->ai_family = sa->ss_family;
	a->ai_addr = (struct sockaddr *)sa;
	a->ai_addrlen = sizeof(*sa);
	a->ai_next = next;
	atomic_fetch_add(&lists, 1);
	return a;
}

void __wrap_freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;

		free(list->ai_addr);
		free(list);
		atomic_fetch_sub(&lists, 1);
		list = next;
	}
}

static void wait_while_it_hangs(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += HANG_MS / 1000;
	while (hangs && !pthread_cond_timedwait(&changed, &lock, &until))
		;
}

/* "both" has two addresses of each family, "mapped" one that is IPv4 in IPv6, "none" none. */
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **ret_list)
{
	sigset_t blocked;

	(void)service;
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	pthread_mutex_lock(&lock);
	in_caller |= pthread_equal(pthread_self(), caller);
	signals_pass |= !sigismember(&blocked, SIGTERM) || !sigismember(&blocked, SIGCHLD);
	family = hints->ai_family;
	asked++;
	asking++;
	most = asking > most ? asking : most;
	pthread_cond_broadcast(&changed);
	if (!strncmp(host, "slow", 4))
		wait_while_it_hangs();
	asking--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	if (!strcmp(host, "none"))
		return EAI_NONAME;
	if (!strcmp(host, "mapped"))
		*ret_list = entry("2001:db8::5", NULL);
	else if (!strcmp(host, "both"))
		*ret_list = entry("10.0.0.2", entry("2001:db8::2", entry("10.0.0.1",
				  entry("2001:db8::1", NULL))));
	else
		*ret_list = entry("127.0.0.9", NULL);
	if (!strcmp(host, "mapped"))
		inet_pton(AF_INET6, "::ffff:10.0.0.7",
			  &((struct sockaddr_in6 *)(*ret_list)->ai_addr)->sin6_addr);
	return 0;
}

static void service_hangs(bool yes)
{
	pthread_mutex_lock(&lock);
	hangs = yes;
	asked = most = 0;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* ---- waits ---- */

static unsigned now_asking(void)
{
	unsigned n;

	pthread_mutex_lock(&lock);
	n = asking;
	pthread_mutex_unlock(&lock);
	return n;
}

static unsigned n_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n - 2;
}

/* A thread left behind ends as soon as the name service answers. */
static void nobody_stays(unsigned threads)
{
	service_hangs(false);
	AWAIT(n_threads() <= threads);
	CHECK_EQ(atomic_load(&lists), 0);
}

/* ---- names ---- */

static char hosts[NAMES_THREADS + 1][NAMES_HOST_MAX];

static const char (*some(const char *name, unsigned n))[NAMES_HOST_MAX]
{
	for (unsigned i = 0; i < n; i++)
		snprintf(hosts[i], sizeof(hosts[i]), "%s", name);
	return (const char (*)[NAMES_HOST_MAX])hosts;
}

/* The address of one name, or the error. */
static const char *looked_up(const char *name, enum host_family wanted)
{
	static char text[HOST_TEXT_MAX];
	struct pollfd p = { .events = POLLIN };
	struct names_answer answer;
	struct names *names = NULL;

	if (names_begin(some(name, 1), 1, wanted, &names))
		return "not begun";
	p.fd = names_fd(names);
	if (poll(&p, 1, PATIENCE_MS) != 1 || !names_complete(names)) {
		names_drop(names);
		return "no answer";
	}
	names_answer(names, 0, &answer);
	names_drop(names);
	if (!answer.is_there || answer.error)
		return answer.is_there ? gai_strerror(answer.error) : "not there";
	return host_text(&answer.addr, false, text);
}

static void families_are_asked_for_at_once_and_chosen_from(void)
{
	CHECK_STR(looked_up("both", HOST_IPV6_4), "2001:db8::2");
	CHECK_EQ(family, AF_UNSPEC);
	CHECK_STR(looked_up("both", HOST_IPV4_6), "10.0.0.2");
	CHECK_EQ(family, AF_UNSPEC);
	CHECK_STR(looked_up("four", HOST_IPV6_4), "127.0.0.9");
	CHECK_STR(looked_up("both", HOST_IPV4), "10.0.0.2");
	CHECK_EQ(family, AF_INET);
	CHECK_STR(looked_up("both", HOST_IPV6), "2001:db8::2");
	CHECK_EQ(family, AF_INET6);
	CHECK_STR(looked_up("mapped", HOST_IPV6_4), "10.0.0.7");
	CHECK_STR(looked_up("none", HOST_IPV4), gai_strerror(EAI_NONAME));
	CHECK_EQ(asked, 7);
}

static void all_names_are_asked_for_at_once(void)
{
	const unsigned threads = n_threads();
	struct names_answer answer;
	struct names *names = NULL;

	service_hangs(true);
	CHECK_OR_RETURN(!names_begin(some("slow", 20), 20, HOST_IPV4, &names));
	AWAIT(now_asking() == 20);
	CHECK(!names_complete(names));
	names_answer(names, 19, &answer);
	CHECK(!answer.is_there);
	service_hangs(false);
	AWAIT(names_complete(names));
	names_answer(names, 19, &answer);
	CHECK(answer.is_there && !answer.error);
	names_drop(names);
	nobody_stays(threads);
}

/* Nobody waits for a thread that hangs, and what it brings later is lost. */
static void dropped_is_dropped_at_once(void)
{
	const unsigned threads = n_threads();
	struct names *names = NULL;

	service_hangs(true);
	CHECK_OR_RETURN(!names_begin(some("slow", 3), 3, HOST_IPV4, &names));
	AWAIT(now_asking() == 3);
	names_drop(names);
	CHECK_EQ(now_asking(), 3);
	nobody_stays(threads);
}

static void threads_that_hang_are_limited(void)
{
	const unsigned threads = n_threads();
	struct names *first = NULL, *second = NULL;

	service_hangs(true);
	CHECK_OR_RETURN(!names_begin(some("slow", NAMES_THREADS + 1), NAMES_THREADS + 1, HOST_IPV4,
				     &first));
	AWAIT(now_asking() == NAMES_THREADS);
	CHECK_EQ(names_begin(some("four", 1), 1, HOST_IPV4, &second), 0);
	CHECK(!names_complete(second));
	CHECK_EQ(n_threads(), threads + NAMES_THREADS);
	names_drop(second);
	/* The one that was too many is asked for by who comes free. */
	service_hangs(false);
	AWAIT(names_complete(first));
	names_drop(first);
	nobody_stays(threads);
	CHECK_STR(looked_up("four", HOST_IPV4), "127.0.0.9");
}

static void what_cannot_be_begun_leaves_nothing(void)
{
	const unsigned threads = n_threads();
	struct names *names = NULL;

	for (int k = 1; k <= 3; k++) {
		atomic_store(&fails_calloc, k);
		CHECK_EQ(names_begin(some("four", 2), 2, HOST_IPV4, &names), -ENOMEM);
	}
	atomic_store(&fails_eventfd, 1);
	CHECK_EQ(names_begin(some("four", 2), 2, HOST_IPV4, &names), -EMFILE);
	atomic_store(&fails_thread, 1);
	CHECK_EQ(names_begin(some("four", 2), 2, HOST_IPV4, &names), -EAGAIN);
	CHECK(!names);
	/* One thread is enough for all. */
	atomic_store(&fails_thread, 2);
	CHECK_OR_RETURN(!names_begin(some("four", 2), 2, HOST_IPV4, &names));
	AWAIT(names_complete(names));
	names_drop(names);
	nobody_stays(threads);
}

static void nobody_else_asks(void)
{
	CHECK(!in_caller);
	CHECK(!signals_pass);
}

/* ---- a file ---- */

static char said[SINEW_CONFIG_ERROR_MAX];

static void on_log(void *user, enum sinew_level level, const char *line)
{
	(void)user;
	pthread_mutex_lock(&lock);
	if (level == SINEW_INFO)
		snprintf(said, sizeof(said), "%s", line);
	pthread_mutex_unlock(&lock);
}

static bool has_said(const char *line)
{
	bool is_it;

	pthread_mutex_lock(&lock);
	is_it = !strcmp(said, line);
	pthread_mutex_unlock(&lock);
	return is_it;
}

static struct sinew_config *parse(const char *text)
{
	struct sinew_config *config = NULL;
	char err[SINEW_CONFIG_ERROR_MAX];

	CHECK_EQ(sinew_config_parse("f", text, strlen(text), &config, err, sizeof(err)), 0);
	return config;
}

#define FILE_WITH(own, other) \
	"nodelist {\nnode {\nnodeid: 1\nring0_addr: " own "\n}\n" \
	"node {\nnodeid: 2\nring0_addr: " other "\n}\n}\n"

static unsigned paths_of(struct sinew_node *node, uint32_t nodeid)
{
	struct sinew_status st = { .size = sizeof(st) };

	CHECK_EQ(sinew_peer_status(node, nodeid, &st), 0);
	return st.n_paths;
}

/* A peer without an address is known, is looked for again, and gets its address. */
static void names_of_peers_are_looked_for_again(void)
{
	const unsigned threads = n_threads();
	struct sinew_config *config = parse(FILE_WITH("127.0.0.1", "slow.peer"));
	char err[SINEW_CONFIG_ERROR_MAX];
	struct sinew_node *node = NULL;
	struct sinew_options o;
	int64_t began = now_ms();

	service_hangs(true);
	CHECK_OR_RETURN(config && !sinew_config_resolve(config, -1, err, sizeof(err)));
	CHECK(now_ms() - began >= NAMES_MS);
	CHECK(now_ms() - began < 2 * NAMES_MS);
	CHECK_EQ(sinew_config_unresolved(config, 0, err, sizeof(err)), 1);
	CHECK_STR(err, "f:8: found \"slow.peer\" as ring0_addr of node 2, which cannot be "
		  "resolved: name service timed out");
	SINEW_OPTIONS_INIT(&o);
	CHECK_EQ(sinew_config_options(config, 1, &o, err, sizeof(err)), 0);
	o.n_addrs = 0;
	CHECK_OR_RETURN(!sinew_node_new(&o, NULL, NULL, &node));
	CHECK_EQ(sinew_config_join(config, node, err, sizeof(err)), 0);
	sinew_dispatch(node, 0);
	CHECK_EQ(paths_of(node, 2), 0);
	service_hangs(false);
	CHECK_EQ(sinew_config_follow(config, node, on_log, NULL, SINEW_INFO), 0);
	AWAIT(sinew_dispatch(node, 10) >= 0 && paths_of(node, 2) == 1);
	CHECK(has_said("peer=2 \"slow.peer\" resolved to 127.0.0.9:21065"));
	sinew_config_free(config);
	sinew_node_free(node);
	nobody_stays(threads);
}

/* Another file is about to be taken over: its addresses are not replaced. Then it is not. */
static void a_file_is_followed_no_more_and_again(void)
{
	const unsigned threads = n_threads();
	struct sinew_config *config = parse(FILE_WITH("127.0.0.1", "slow.peer"));
	char err[SINEW_CONFIG_ERROR_MAX];
	struct sinew_node *node = NULL;
	struct sinew_options o;

	SINEW_OPTIONS_INIT(&o);
	CHECK_EQ(sinew_config_options(config, 1, &o, err, sizeof(err)), 0);
	o.n_addrs = 0;
	CHECK_OR_RETURN(!sinew_node_new(&o, NULL, NULL, &node));
	CHECK_EQ(sinew_config_join(config, node, err, sizeof(err)), 0);
	service_hangs(false);
	/* Nothing of it comes any more, and its thread ends. */
	CHECK_EQ(sinew_config_follow(config, node, on_log, NULL, SINEW_INFO), 0);
	sinew_config_unfollow(config);
	sinew_config_unfollow(config);
	nobody_stays(threads);
	sinew_dispatch(node, 0);
	CHECK_EQ(paths_of(node, 2), 0);
	CHECK_EQ(sinew_config_follow(config, node, on_log, NULL, SINEW_INFO), 0);
	AWAIT(sinew_dispatch(node, 10) >= 0 && paths_of(node, 2) == 1);
	sinew_config_free(config);
	sinew_node_free(node);
	nobody_stays(threads);
}

/* Neither releasing the file nor being told to end waits for who hangs. */
static void an_end_waits_for_no_name(void)
{
	const unsigned threads = n_threads();
	struct sinew_config *config = parse(FILE_WITH("127.0.0.1", "slow.peer"));
	char err[SINEW_CONFIG_ERROR_MAX];
	struct sinew_node *node = NULL;
	struct sinew_options o;
	int stop = __real_eventfd(1, EFD_CLOEXEC);
	int64_t began = now_ms();

	service_hangs(true);
	CHECK_EQ(sinew_config_resolve(config, stop, err, sizeof(err)), -ECANCELED);
	SINEW_OPTIONS_INIT(&o);
	o.nodeid = 1;
	CHECK_OR_RETURN(!sinew_node_new(&o, NULL, NULL, &node));
	CHECK_EQ(sinew_config_follow(config, node, on_log, NULL, SINEW_INFO), 0);
	sinew_config_free(config);
	sinew_node_free(node);
	CHECK(now_ms() - began < NAMES_MS);
	close(stop);
	nobody_stays(threads);
}

/* Two names of one address are as wrong as the address twice. */
static void names_of_one_address_are_refused(void)
{
	const unsigned threads = n_threads();
	struct sinew_config *config = parse(FILE_WITH("one", "other"));
	char err[SINEW_CONFIG_ERROR_MAX];

	CHECK_EQ(sinew_config_resolve(config, -1, err, sizeof(err)), -EINVAL);
	CHECK_STR(err, "f:8: found 127.0.0.9:21065 of node 2 again, node 1 has it in line 4, "
		  "expected another address or another sinew_port");
	sinew_config_free(config);
	nobody_stays(threads);
}

/* As corosync has it: its transport udp wants IPv4, the others IPv6 first. */
static void transport_says_which_family_comes_first(void)
{
	static const char *const files[] = {
		FILE_WITH("127.0.0.1", "both"),
		"totem {\ntransport: udp\n}\n" FILE_WITH("127.0.0.1", "both"),
		"totem {\ntransport: udp\nip_version: ipv6\n}\n" FILE_WITH("127.0.0.1", "both"),
	};
	static const char *const expected[] = { "2001:db8::2", "10.0.0.2", "2001:db8::2" };
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
	char err[SINEW_CONFIG_ERROR_MAX], text[HOST_TEXT_MAX];

	for (unsigned i = 0; i < 3; i++) {
		struct sinew_config *config = parse(files[i]);

		CHECK_EQ(sinew_config_resolve(config, -1, err, sizeof(err)), 0);
		CHECK_EQ(sinew_config_addrs(config, 2, addrs), 1);
		CHECK_STR(host_text(&addrs[0], false, text), expected[i]);
		sinew_config_free(config);
	}
}

int main(void)
{
	caller = pthread_self();
	RUN(families_are_asked_for_at_once_and_chosen_from);
	RUN(all_names_are_asked_for_at_once);
	RUN(dropped_is_dropped_at_once);
	RUN(threads_that_hang_are_limited);
	RUN(what_cannot_be_begun_leaves_nothing);
	RUN(names_of_peers_are_looked_for_again);
	RUN(a_file_is_followed_no_more_and_again);
	RUN(an_end_waits_for_no_name);
	RUN(names_of_one_address_are_refused);
	RUN(transport_says_which_family_comes_first);
	RUN(nobody_else_asks);
	return check_done();
}
