/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of who may do what by the control socket, with real users, and of what one of them
 * can do to another. Needs root, to become these users. Knows nothing of what is answered.
 * run.sh: timeout=120
 */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lowcomms/sinew-manage.h"
#include "services/control_link.h"
#include "services/json.h"
#include "services/packet.h"
#include "services/server_listen.h"
#include "services/sinew-control.h"
#include "tests/lib/cluster.h"

/* Numbers that no user of a machine has. */
#define NOBODY_UID	54321u
#define READER_UID	54322u
#define WRITER_UID	54323u
#define OTHER_GID	54324u
#define READER_GID	54325u

#define BIG		(10u << 20)	/* bytes of an answer */
#define LIMIT_MS	10000

static const char status[] = "{\"schema\":1,\"ask\":\"status\"}";
static const char set[] = "{\"schema\":1,\"ask\":\"config-set\",\"options\":{\"ack_ms\":\"7\"}}";

static const char subscribers[] = "{\"schema\":1,\"ask\":\"subscribers\"}";

static char socket_name[SINEW_CONTROL_NAME_MAX];

/* ---- a user ---- */

struct user {
	uid_t uid;
	gid_t gid;
	gid_t group;		/* supplementary; 0: none */
};

static const struct user nobody = { NOBODY_UID, OTHER_GID, 0 };
static const struct user reader = { READER_UID, READER_GID, 0 };
static const struct user also_reader = { READER_UID, OTHER_GID, READER_GID };
static const struct user writer = { WRITER_UID, OTHER_GID, 0 };

static bool become(const struct user *u)
{
	return !setgroups(u->group ? 1 : 0, &u->group) && !setresgid(u->gid, u->gid, u->gid) &&
		!setresuid(u->uid, u->uid, u->uid);
}

/* The error of asking that, as an exit status; of a refusal in an answer EPROTO at first. */
static int ask(const char *request)
{
	struct json_object *o, *error;
	char *answer;
	int err = sinew_control_ask(socket_name, request, LIMIT_MS, &answer);
	const char *name;

	if (err)
		return -err;
	o = json_parse(answer);
	error = o ? json_get(o, "error") : NULL;
	name = error ? json_get_string(error, "errno") : "";
	err = !o ? EPROTO : !error ? 0 : !strcmp(name, "EPERM") ? EPERM : EBADMSG;
	json_free(o);
	sinew_control_free(answer);
	return err;
}

/* The same, asked by that user. */
static int ask_as(const struct user *u, const char *request)
{
	int state;
	pid_t pid = fork();

	if (!pid)
		_exit(become(u) ? ask(request) : ENOTSUP);
	if (pid < 0 || waitpid(pid, &state, 0) != pid || !WIFEXITED(state))
		return -1;
	return WEXITSTATUS(state);
}

/* ---- a node ---- */

static struct sinew_node *serve(const struct sinew_control_options *given)
{
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct sinew_control_options opt = *given;
	struct sinew_options o;
	struct sinew_node *n;

	fast_options(&o, 1, &addr);
	o.own_thread = true;
	snprintf(socket_name, sizeof socket_name, "sinew/users-%d", (int)getpid());
	opt.size = sizeof opt;
	opt.name = socket_name;
	if (!CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), 0))
		return NULL;
	if (CHECK_EQ(sinew_control_serve(n, &opt), 0))
		return n;
	sinew_node_free(n);
	return NULL;
}

static void ack_is(struct sinew_node *n, const char *value)
{
	char now[32];

	CHECK_EQ(sinew_option_get(n, "ack_ms", now, sizeof now), 0);
	CHECK_STR(now, value);
}

/* ---- tests ---- */

static void others_may_nothing(void)
{
	struct sinew_node *n = serve(&(struct sinew_control_options) { 0 });

	CHECK_OR_RETURN(n);
	CHECK_EQ(ask(status), 0);
	CHECK_EQ(ask_as(&nobody, status), EACCES);
	CHECK_EQ(ask_as(&reader, status), EACCES);
	CHECK_EQ(ask_as(&nobody, set), EACCES);
	ack_is(n, "1");
	CHECK_EQ(ask(set), 0);
	ack_is(n, "7");
	sinew_node_free(n);
}

static void a_group_reads(void)
{
	struct sinew_node *n = serve(&(struct sinew_control_options) {
		.has_read_gid = true, .read_gid = READER_GID,
	});

	CHECK_OR_RETURN(n);
	CHECK_EQ(ask_as(&reader, status), 0);
	CHECK_EQ(ask_as(&also_reader, status), 0);
	CHECK_EQ(ask_as(&nobody, status), EACCES);
	CHECK_EQ(ask_as(&reader, set), EPERM);
	CHECK_EQ(ask_as(&also_reader, set), EPERM);
	ack_is(n, "1");
	sinew_node_free(n);
}

static void named_users_write(void)
{
	const uid_t uids[] = { 1, WRITER_UID };
	struct sinew_node *n = serve(&(struct sinew_control_options) {
		.write_uids = uids, .n_write_uids = 2,
	});

	CHECK_OR_RETURN(n);
	CHECK_EQ(ask_as(&writer, status), 0);
	CHECK_EQ(ask_as(&reader, set), EACCES);
	ack_is(n, "1");
	CHECK_EQ(ask_as(&writer, set), 0);
	ack_is(n, "7");
	sinew_node_free(n);
}

static void everybody_reads_where_that_is_said(void)
{
	struct sinew_node *n = serve(&(struct sinew_control_options) { .anyone_reads = true });

	CHECK_OR_RETURN(n);
	CHECK_EQ(ask_as(&nobody, status), 0);
	CHECK_EQ(ask_as(&nobody, set), EPERM);
	ack_is(n, "1");
	sinew_node_free(n);
}

static void on_event(struct sinew_subscription *sub, const struct sinew_topo_msg *msg, void *user)
{
	bool *current = user;

	(void)sub;
	*current |= msg->event == SINEW_TOPO_CURRENT;
}

/* Subscribes as that user, says so, and stays. */
static void subscribe_as(const struct user *u, int told)
{
	const struct sinew_topo_filter filter = {
		.size = sizeof filter, .type = 100, .upper = 9, .timeout_ms = -1,
	};
	struct sinew_topo *topo;
	bool current = false;
	int err;

	if (!become(u) || sinew_topo_connect(socket_name, &topo) ||
	    sinew_topo_subscribe(topo, &filter, on_event, &current, NULL))
		_exit(1);
	do
		err = sinew_topo_dispatch(topo, LIMIT_MS);
	while (err >= 0 && !current);
	if (err < 0 || write(told, "x", 1) < 0)
		_exit(1);
	pause();
	_exit(0);
}

/* To all who may read. */
static void a_subscriber_is_shown_with_its_user(void)
{
	struct sinew_node *n = serve(&(struct sinew_control_options) { .anyone_reads = true });
	struct json_object *o = NULL, *one;
	char byte, *answer = NULL;
	int told[2], state;
	uint64_t number;
	pid_t pid;

	CHECK_OR_RETURN(n && !pipe(told));
	pid = fork();
	if (!pid)
		subscribe_as(&reader, told[1]);
	close(told[1]);
	CHECK_EQ(read(told[0], &byte, 1), 1);
	CHECK_EQ(ask_as(&nobody, subscribers), 0);
	if (CHECK_EQ(sinew_control_ask(socket_name, subscribers, LIMIT_MS, &answer), 0))
		o = json_parse(answer);
	if (CHECK(o && json_count(json_get(o, "subscribers")) == 1)) {
		one = json_at(json_get(o, "subscribers"), 0);
		CHECK(json_get_number(one, "uid", &number) && number == READER_UID);
		CHECK(json_get_number(one, "pid", &number) && number == (uint64_t)pid);
	}
	json_free(o);
	sinew_control_free(answer);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, &state, 0), pid);
	close(told[0]);
	sinew_node_free(n);
}

/* Anybody may take the name of a node: no byte is sent to him. */
static void another_users_server_is_not_asked(void)
{
	int told[2], state;
	char byte;
	pid_t pid;

	snprintf(socket_name, sizeof socket_name, "sinew/users-%d", (int)getpid());
	CHECK_OR_RETURN(!pipe(told));
	pid = fork();
	if (!pid) {
		int fd;

		if (!become(&nobody) || packet_listen(socket_name, &fd) ||
		    write(told[1], "x", 1) < 0)
			_exit(1);
		close(told[0]);
		pause();
		_exit(0);
	}
	close(told[1]);
	CHECK_EQ(read(told[0], &byte, 1), 1);
	/* Root and the asking user may have such a server, and nobody else. */
	CHECK_EQ(ask(status), EPERM);
	CHECK_EQ(ask_as(&reader, status), EPERM);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, &state, 0), pid);
	close(told[0]);
}

/* Also where the topology was started in time. */
static void too_late_is_said(void)
{
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct sinew_control_options opt = { .size = sizeof opt, .name = socket_name };
	struct sinew_options o;
	struct sinew_node *n;

	fast_options(&o, 1, &addr);
	snprintf(socket_name, sizeof socket_name, "sinew/users-%d", (int)getpid());
	CHECK_OR_RETURN(!sinew_node_new(&o, NULL, NULL, &n));
	CHECK_EQ(sinew_topo_start(n, NULL, NULL), 0);
	CHECK(sinew_dispatch(n, 0) >= 0);
	CHECK_EQ(sinew_control_serve(n, &opt), -EBUSY);
	sinew_node_free(n);
}

/* Lets one client in, and refuses it without having read what it said. */
static void *refuse_unread(void *arg)
{
	const struct control_head head = {
		.kind = CONTROL_HELLO | CONTROL_ANSWER, .status = -EUSERS,
	};
	struct pollfd p = { .fd = *(int *)arg, .events = POLLIN };
	int fd;

	poll(&p, 1, LIMIT_MS);
	if (packet_accept(p.fd, &fd))
		return NULL;
	p.fd = fd;
	poll(&p, 1, LIMIT_MS);
	control_send(fd, &head, NULL, 0);
	close(fd);
	return NULL;
}

/* The kernel tells that first, which is no answer. */
static void a_refusal_is_told_in_any_case(void)
{
	struct sinew_topo *topo = NULL;
	char *answer = NULL;
	pthread_t thread;
	int fd;

	snprintf(socket_name, sizeof socket_name, "sinew/users-%d", (int)getpid());
	CHECK_OR_RETURN(!packet_listen(socket_name, &fd));
	CHECK_EQ(pthread_create(&thread, NULL, refuse_unread, &fd), 0);
	CHECK_EQ(sinew_control_ask(socket_name, status, LIMIT_MS, &answer), -EUSERS);
	pthread_join(thread, NULL);
	CHECK_EQ(pthread_create(&thread, NULL, refuse_unread, &fd), 0);
	CHECK_EQ(sinew_topo_connect(socket_name, &topo), -EUSERS);
	pthread_join(thread, NULL);
	close(fd);
	CHECK(!answer && !topo);
}

/* ---- a long answer ---- */

static unsigned may_all(void *arg, int fd, const struct ucred *who)
{
	(void)arg, (void)fd, (void)who;
	return SERVER_READS | SERVER_WRITES;
}

static int answer_big(void *arg, const char *request, size_t len, const struct ucred *who,
		      unsigned rights, uint32_t peer, char **ret_text)
{
	char *text = malloc(BIG + 1);

	(void)arg, (void)request, (void)len, (void)who, (void)rights, (void)peer;
	if (!text)
		return -ENOMEM;
	memset(text, 'x', BIG);
	text[BIG] = '\0';
	*ret_text = text;
	return 0;
}

/* The next message. */
static int take(int fd, uint8_t *buf, struct control_head *ret_head)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, LIMIT_MS) == 1 ? control_take(fd, buf, ret_head) : -ETIMEDOUT;
}

/* Asks, reads two pieces of the answer, and stops there. A descriptor; -1 after a failed check. */
static int stop_in_the_middle(void)
{
	static uint8_t buf[CONTROL_MAX + 1];
	const struct control_head ask_head = { .id = 1, .kind = CONTROL_ASK };
	struct control_head head = { 0 };
	unsigned n;
	int fd;

	if (!CHECK_EQ(control_open(socket_name, &fd), 0))
		return -1;
	CHECK_EQ(take(fd, buf, &head), 0);
	CHECK_EQ(head.status, 0);
	CHECK_EQ(control_send(fd, &ask_head, "{}", 2), 0);
	for (n = 0; n < 2; n++) {
		CHECK_EQ(take(fd, buf, &head), 0);
		CHECK(head.flags & CONTROL_MORE);
	}
	return fd;
}

static void a_stopped_reader_hurts_nobody(void)
{
	const struct server_gate gate = { .may = may_all, .answer = answer_big };
	struct sockaddr_storage addr = free_address("127.0.0.1");
	struct sinew_options o;
	struct sinew_node *n;
	char *answer = NULL;
	unsigned i;
	int fd;

	fast_options(&o, 1, &addr);
	o.own_thread = true;
	snprintf(socket_name, sizeof socket_name, "sinew/users-%d", (int)getpid());
	CHECK_OR_RETURN(!sinew_node_new(&o, NULL, NULL, &n));
	CHECK_EQ(sinew_topo_start(n, NULL, NULL), 0);
	CHECK_EQ(server_listen(server_of(n), socket_name, &gate), 0);
	fd = stop_in_the_middle();
	for (i = 0; i < 4; i++) {
		if (!CHECK_EQ(sinew_control_ask(socket_name, "{}", LIMIT_MS, &answer), 0))
			break;
		CHECK_EQ(strlen(answer), BIG);
		sinew_control_free(answer);
	}
	if (fd >= 0)
		close(fd);
	sinew_node_free(n);
}

static void nobody_answers(void)
{
	char *answer = NULL;

	snprintf(socket_name, sizeof socket_name, "sinew/nobody-%d", (int)getpid());
	CHECK_EQ(sinew_control_ask(socket_name, status, LIMIT_MS, &answer), -ECONNREFUSED);
	CHECK_EQ(sinew_control_ask("", status, LIMIT_MS, &answer), -EINVAL);
	CHECK_EQ(sinew_control_ask(NULL, status, LIMIT_MS, &answer), -EINVAL);
	CHECK_EQ(sinew_control_ask(socket_name, NULL, LIMIT_MS, &answer), -EINVAL);
	CHECK(!answer);
	sinew_control_free(NULL);
}

int main(void)
{
	RUN(nobody_answers);
	RUN(too_late_is_said);
	RUN(a_refusal_is_told_in_any_case);
	RUN(a_stopped_reader_hurts_nobody);
	/* Only root can become another user. */
	if (geteuid())
		return check_done();
	RUN(others_may_nothing);
	RUN(a_group_reads);
	RUN(named_users_write);
	RUN(everybody_reads_where_that_is_said);
	RUN(a_subscriber_is_shown_with_its_user);
	RUN(another_users_server_is_not_asked);
	return check_done();
}
