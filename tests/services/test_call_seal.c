/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of credentials between two nodes: verified once, sealed pieces of all lengths,
 * refusals, broken seals, memory and its wiping. Knows the public headers only.
 */
#include "tests/lib/call_pair.h"
#include "tests/lib/queued.h"
#include "tests/lib/toy_cred.h"

#define GUARDED	200u	/* a service that demands a credential */
#define OPEN	201u	/* one that does not */

static struct call_pair pair;
static uint8_t request[PAIR_MAX], reply[PAIR_MAX];
static struct test_seal ours, theirs;
static unsigned verified, shown, principal_wrong;
static int verdict;
static bool may_fail;	/* for lack of memory */
static bool plain;	/* the server takes the credential without a seal */
static const char secret[] = "a secret that is to be wiped";
static char seen[64];

static int verify(struct sinew_session *session, uint16_t kind, const void *bytes, size_t len,
		  void **ret_principal, const struct sinew_cred_ops **ret_ops, void *user)
{
	CHECK(session == pair.t[1].all.session && kind == TOY_CRED_KIND && user == &verified);
	verified++;
	memset(seen, 0, sizeof seen);
	memcpy(seen, bytes, len < sizeof seen ? len : sizeof seen - 1);
	if (verdict)
		return verdict;
	*ret_principal = &theirs;
	if (!plain)
		*ret_ops = &toy_cred_ops;
	return 0;
}

/* Answers with the request. */
static void echo(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct iovec iov = { (void *)(uintptr_t)msg->data, msg->len };
	ssize_t sent = -1;

	if (msg->event == SINEW_CALL_NEW) {
		shown++;
		principal_wrong += sinew_call_principal(call) != user;
	}
	if (msg->event == SINEW_CALL_DATA)
		sent = sinew_call_send(call, &iov, 1, 0);
	CHECK(sent == -1 || sent == (ssize_t)msg->len || (sent == -ENOMEM && may_fail));
	if (msg->event == SINEW_CALL_ENDED)
		sinew_call_end(call);
}

static bool serve(uint16_t id, unsigned flags, void *principal)
{
	struct sinew_service is = {
		.size = sizeof is, .fn = echo, .delivery = SINEW_CALL_WHOLE, .flags = flags,
		.max_request = PAIR_MAX,
	};

	return CHECK_EQ(sinew_service_bind(pair.s[1].calls, id, &is, principal), 0);
}

/* Why a node has refused a credential, as it says it first. */
static char said[400];

static void note(void *user, enum sinew_level level, const char *line)
{
	if (!*said && strstr(line, "refused a credential"))
		snprintf(said, sizeof said, "%s", line);
	cluster_log(user, level, line);
}

static void listen_to(struct sinew_options *o)
{
	*said = '\0';
	cluster_log_to(o, SINEW_WARNING, note);
}

static bool open_pair(const struct sinew_calls_options *opt)
{
	struct sinew_calls_options all;

	SINEW_CALLS_OPTIONS_INIT(&all);
	if (opt)
		all = *opt;
	all.send_bytes = PAIR_MAX;
	test_seal_init(&ours, secret);
	test_seal_init(&theirs, secret);
	verified = shown = principal_wrong = 0;
	verdict = 0;
	plain = false;
	return call_pair_open(&pair, listen_to, &all) &&
		serve(GUARDED, SINEW_SERVICE_CRED, &theirs) && serve(OPEN, 0, NULL);
}

static bool may_verify(void)
{
	return CHECK_EQ(sinew_calls_verify(pair.s[1].calls, TOY_CRED_KIND, verify, &verified), 0);
}

static struct sinew_cred *cred(void)
{
	struct sinew_cred *c = NULL;

	CHECK_EQ(sinew_cred_new(pair.s[0].calls, TOY_CRED_KIND, secret, sizeof secret - 1,
				&toy_cred_ops, &ours, &c), 0);
	return c;
}

static struct sinew_binding *bind_as(uint16_t service, struct sinew_cred *c)
{
	struct sinew_binding *b = NULL;

	CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, service, c, &b), 0);
	return b;
}

static void begin(struct sinew_binding *b, struct asked *a, size_t len, struct sinew_cred *c)
{
	struct sinew_call_options opt = { .size = sizeof opt, .fn = asked_event, .cred = c };
	struct iovec iov = { request, len };

	*a = (struct asked) {
		.request = request, .len = len, .reply = reply, .size = sizeof reply,
	};
	memset(reply, 0, len);
	CHECK_EQ(sinew_call_begin(b, 1, &opt, &iov, 1, 0, a, &a->call), 0);
}

static void echoed(struct sinew_binding *b, size_t len, struct sinew_cred *c)
{
	struct asked a;

	begin(b, &a, len, c);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.reason, SINEW_END_REPLIED);
	CHECK_EQ(a.outcome, SINEW_CALL_DONE);
	CHECK_EQ(a.got, len);
	CHECK(a.last && !a.wrong);
	CHECK_MEM(reply, request, len);
}

static void ends(struct sinew_binding *b, size_t len, enum sinew_call_outcome outcome)
{
	struct asked a;

	begin(b, &a, len, NULL);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.reason, SINEW_END_CREDENTIAL);
	CHECK_EQ(a.outcome, outcome);
	CHECK_EQ(a.code, SINEW_CALL_DISTRUSTED);
	CHECK(!a.wrong);
}

static void pieces_of_every_length_are_sealed(void)
{
	static const size_t lengths[] = { 0, 1, 64, 16367, 16368, 16369, 16384, 100000, 1000000 };
	struct sinew_binding *b;
	struct sinew_cred *c;

	CHECK_OR_RETURN(open_pair(NULL) && may_verify());
	c = cred();
	b = bind_as(GUARDED, c);
	sinew_cred_put(c);
	for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++)
		echoed(b, lengths[i], NULL);
	CHECK_EQ(verified, 1);
	CHECK_STR(seen, secret);
	CHECK_EQ(shown, sizeof lengths / sizeof *lengths);
	CHECK_EQ(principal_wrong, 0);
	CHECK(ours.sealed >= 70 && theirs.sealed >= 70);
	CHECK(ours.opened >= 70 && theirs.opened >= 70);
	CHECK(!ours.released && !theirs.released);
	sinew_binding_close(b);
	DRIVE_CALLS(&pair, ours.released && theirs.released);
	call_pair_close(&pair);
	CHECK(ours.released == 1 && theirs.released == 1);
}

/* Beside calls without one, over the same session, and for one call alone. */
static void calls_with_and_without_share_a_session(void)
{
	struct sinew_binding *guarded, *open;
	struct sinew_cred *c;

	CHECK_OR_RETURN(open_pair(NULL) && may_verify());
	guarded = bind_as(GUARDED, NULL);
	open = bind_as(OPEN, NULL);
	c = cred();
	for (unsigned i = 0; i < 3; i++) {
		ends(guarded, 10, SINEW_CALL_NOT_EXECUTED);
		echoed(open, 10, NULL);
		echoed(guarded, 30000, c);
	}
	CHECK_EQ(verified, 1);
	CHECK_EQ(shown, 6);
	CHECK_EQ(principal_wrong, 0);
	sinew_binding_close(guarded);
	sinew_binding_close(open);
	DRIVE_CALLS(&pair, theirs.released == 1);
	CHECK_EQ(ours.released, 0);
	sinew_cred_put(c);
	CHECK_EQ(ours.released, 1);
	call_pair_close(&pair);
}

/* More credentials than a session has room for, one after the other, and then at once. */
static void single_calls_with_many_credentials(void)
{
	struct sinew_binding *b, *held[SINEW_CREDS_MAX] = { NULL };
	struct sinew_call_options opt = { .size = sizeof opt };
	struct sinew_call *call;
	struct sinew_cred *c;

	CHECK_OR_RETURN(open_pair(NULL) && may_verify());
	b = bind_as(GUARDED, NULL);
	for (unsigned i = 0; i < 3 * SINEW_CREDS_MAX; i++) {
		c = cred();
		echoed(b, 100, c);
		sinew_cred_put(c);
	}
	CHECK_EQ(verified, 3 * SINEW_CREDS_MAX);
	sinew_binding_close(b);
	DRIVE_CALLS(&pair, theirs.released == 3 * SINEW_CREDS_MAX);
	for (unsigned i = 0; i < SINEW_CREDS_MAX; i++) {
		c = cred();
		held[i] = bind_as(GUARDED, c);
		sinew_cred_put(c);
	}
	c = cred();
	CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, GUARDED, c, &b),
		 -ENOSPC);
	opt.cred = c;
	CHECK_EQ(sinew_call_begin(held[0], 1, &opt, NULL, 0, 0, NULL, &call), -ENOSPC);
	sinew_cred_put(c);
	for (unsigned i = 0; i < SINEW_CREDS_MAX; i++)
		sinew_binding_close(held[i]);
	call_pair_close(&pair);
	CHECK_EQ(ours.released, 4 * SINEW_CREDS_MAX + 1);
}

static void refused_credentials_execute_nothing(void)
{
	struct sinew_binding *b, *none;
	struct sinew_cred *c;

	CHECK_OR_RETURN(open_pair(NULL));
	c = cred();
	/* Nobody verifies that kind. */
	b = bind_as(OPEN, c);
	ends(b, 10, SINEW_CALL_NOT_EXECUTED);
	CHECK(strstr(said, "CREDENTIAL: nothing verifies its kind") != NULL);
	CHECK(may_verify());
	CHECK_EQ(sinew_calls_verify(pair.s[1].calls, TOY_CRED_KIND, verify, NULL), -EEXIST);
	/* It stays refused, until it is given up. */
	ends(b, 10, SINEW_CALL_NOT_EXECUTED);
	sinew_binding_close(b);
	none = bind_as(OPEN, NULL);
	echoed(none, 1, NULL);
	verdict = -EACCES;
	b = bind_as(OPEN, c);
	ends(b, 0, SINEW_CALL_NOT_EXECUTED);
	ends(b, 100000, SINEW_CALL_NOT_EXECUTED);
	CHECK_EQ(verified, 1);
	CHECK_EQ(shown, 1);
	sinew_binding_close(b);
	sinew_binding_close(none);
	sinew_cred_put(c);
	call_pair_close(&pair);
	CHECK_EQ(theirs.released, 0);
}

/* One side seals, the other one does not. */
static void both_sides_must_seal(void)
{
	struct sinew_binding *b;
	struct sinew_cred *c;

	CHECK_OR_RETURN(open_pair(NULL) && may_verify());
	plain = true;
	c = cred();
	b = bind_as(OPEN, c);
	ends(b, 10, SINEW_CALL_NOT_EXECUTED);
	CHECK(strstr(said, "CREDENTIAL: it seals pieces otherwise") != NULL);
	sinew_binding_close(b);
	sinew_cred_put(c);
	plain = false;
	CHECK_EQ(sinew_cred_new(pair.s[0].calls, TOY_CRED_KIND, "x", 1, NULL, NULL, &c), 0);
	b = bind_as(OPEN, c);
	ends(b, 10, SINEW_CALL_NOT_EXECUTED);
	CHECK_EQ(theirs.released, 1);
	/* And neither does. */
	sinew_binding_close(b);
	echoed(pair.s[0].binding[0], 0, NULL);
	plain = true;
	b = bind_as(GUARDED, c);
	echoed(b, 40000, NULL);
	sinew_binding_close(b);
	sinew_cred_put(c);
	call_pair_close(&pair);
}

static void a_wrong_key_opens_nothing(void)
{
	struct sinew_binding *b;
	struct sinew_cred *c;

	CHECK_OR_RETURN(open_pair(NULL) && may_verify());
	test_seal_init(&ours, "another one");
	c = cred();
	b = bind_as(GUARDED, c);
	ends(b, 0, SINEW_CALL_NOT_EXECUTED);
	ends(b, 100000, SINEW_CALL_NOT_EXECUTED);
	CHECK_EQ(shown, 0);
	sinew_binding_close(b);
	sinew_cred_put(c);
	call_pair_close(&pair);
}

/* The n-th seal or opening fails, at either side, of as many pieces as a call has. */
static void breaks(struct test_seal *side, bool at_seal, unsigned nth,
		   enum sinew_call_outcome outcome)
{
	struct sinew_binding *b;
	struct sinew_cred *c;
	struct asked a;

	CHECK_OR_RETURN(open_pair(NULL) && may_verify());
	*(at_seal ? &side->no_seal : &side->no_open) = nth;
	c = cred();
	b = bind_as(GUARDED, c);
	begin(b, &a, 60000, NULL);
	DRIVE_CALLS(&pair, a.ended && !call_pair_open_calls(&pair));
	CHECK_EQ(a.reason, SINEW_END_CREDENTIAL);
	CHECK_EQ(a.outcome, outcome);
	CHECK_EQ(shown, outcome == SINEW_CALL_STARTED || outcome == SINEW_CALL_DONE);
	CHECK(!a.last && !a.wrong);
	/* The session and other calls go on. */
	echoed(b, 100, NULL);
	sinew_binding_close(b);
	sinew_cred_put(c);
	call_pair_close(&pair);
}

/* Cut by pieces and windows. */
#define PIECES	6u

static void each_seal_breaks(void)
{
	for (unsigned n = 1; n <= PIECES; n++) {
		breaks(&ours, true, n, n == 1 ? SINEW_CALL_NOT_EXECUTED : SINEW_CALL_PARTIAL);
		breaks(&theirs, false, n, SINEW_CALL_NOT_EXECUTED);
		/* The called application had done its work. */
		breaks(&theirs, true, n, SINEW_CALL_DONE);
		breaks(&ours, false, n, n == PIECES ? SINEW_CALL_DONE : SINEW_CALL_STARTED);
	}
}

static void bad_arguments(void)
{
	struct sinew_cred_ops ops = toy_cred_ops;
	struct sinew_cred *c = NULL;
	struct sinew_calls *calls;

	CHECK_OR_RETURN(open_pair(NULL));
	calls = pair.s[0].calls;
	CHECK_EQ(sinew_cred_new(NULL, 1, "x", 1, NULL, NULL, &c), -EINVAL);
	CHECK_EQ(sinew_cred_new(calls, 1, request, SINEW_CRED_MAX + 1, NULL, NULL, &c), -EINVAL);
	CHECK_EQ(sinew_cred_new(calls, 1, NULL, 1, NULL, NULL, &c), -EINVAL);
	ops.extra = SINEW_SEAL_MAX + 1;
	CHECK_EQ(sinew_cred_new(calls, 1, "x", 1, &ops, NULL, &c), -EINVAL);
	ops = toy_cred_ops;
	ops.open = NULL;
	CHECK_EQ(sinew_cred_new(calls, 1, "x", 1, &ops, NULL, &c), -EINVAL);
	ops = (struct sinew_cred_ops) { .size = sizeof ops, .extra = 1 };
	CHECK_EQ(sinew_cred_new(calls, 1, "x", 1, &ops, NULL, &c), -EINVAL);
	ops = toy_cred_ops;
	ops.size = 0;
	CHECK_EQ(sinew_cred_new(calls, 1, "x", 1, &ops, NULL, &c), -EINVAL);
	CHECK_EQ(sinew_calls_verify(calls, 1, NULL, NULL), -EINVAL);
	CHECK(!c);
	sinew_cred_put(NULL);
	/* Nothing but a release is enough. */
	ops = (struct sinew_cred_ops) { .size = sizeof ops };
	CHECK_EQ(sinew_cred_new(calls, 1, "x", 1, &ops, NULL, &c), 0);
	sinew_cred_put(c);
	/* Of another node. */
	CHECK_EQ(sinew_cred_new(pair.s[1].calls, 1, request, SINEW_CRED_MAX, NULL, NULL, &c), 0);
	CHECK_EQ(sinew_binding_open(calls, pair.t[0].all.session, OPEN, c,
				    &(struct sinew_binding *){ NULL }), -EINVAL);
	sinew_cred_put(c);
	call_pair_close(&pair);
}

/* ---- memory ---- */

static struct {
	uint64_t n, fails_at;
	int64_t live;
	unsigned not_wiped;
} memory;

static void *take(size_t size, void *user)
{
	size_t *mem;

	(void)user;
	if (memory.n++ == memory.fails_at)
		return NULL;
	mem = malloc(size + 16);
	if (!mem)
		return NULL;
	*mem = size;
	memory.live++;
	return (uint8_t *)mem + 16;
}

static void give(void *mem, void *user)
{
	size_t *all = (size_t *)(void *)((uint8_t *)mem - 16);

	(void)user;
	memory.live--;
	memory.not_wiped += memmem(mem, *all, secret, sizeof secret - 1) != NULL;
	free(all);
}

/* True: the k-th allocation behind the beginning failed. */
static bool run(uint64_t k)
{
	struct sinew_calls_options opt;
	struct sinew_binding *b = NULL;
	struct sinew_cred *c = NULL;
	struct asked a = { .ended = 1 };
	int err;

	memset(&memory, 0, sizeof memory);
	memory.fails_at = UINT64_MAX;
	SINEW_CALLS_OPTIONS_INIT(&opt);
	opt.alloc = take;
	opt.release = give;
	if (!open_pair(&opt) || !may_verify())
		return false;
	memory.fails_at = memory.n + k;
	err = sinew_cred_new(pair.s[0].calls, TOY_CRED_KIND, secret, sizeof secret - 1,
			     &toy_cred_ops, &ours, &c);
	if (!err)
		err = sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, GUARDED, c, &b);
	if (!err) {
		struct sinew_call_options more = {
			.size = sizeof more, .fn = asked_event, .cred = c,
		};
		struct iovec iov = { request, 20000 };

		a = (struct asked) { .reply = reply, .size = sizeof reply };
		err = sinew_call_begin(b, 1, &more, &iov, 1, 0, &a, &a.call);
		a.ended = err != 0;
	}
	CHECK(!err || err == -ENOMEM);
	DRIVE_CALLS(&pair, a.ended && !call_pair_open_calls(&pair));
	CHECK_EQ(a.ended, 1);
	sinew_binding_close(b);
	sinew_cred_put(c);
	call_pair_close(&pair);
	CHECK_EQ(memory.live, 0);
	CHECK_EQ(memory.not_wiped, 0);
	CHECK_EQ(theirs.released, verified);
	CHECK_EQ(ours.released, c != NULL);
	return memory.n > memory.fails_at && !check_state.failures;
}

static void each_allocation_fails(void)
{
	uint64_t k = 0;

	may_fail = true;
	while (run(k))
		k++;
	CHECK(k > 8);
}

/* ---- the copy in the queue ---- */

static bool queue_has_secret(const struct sinew_session *h)
{
	return queue_has(h, secret, sizeof secret - 1);
}

static uint64_t queued(struct sinew_session *h)
{
	struct sinew_status st = { .size = sizeof st };

	sinew_session_status(h, &st);
	return st.queue_bytes;
}

static void acknowledged_copy_is_wiped(void)
{
	struct sinew_binding *b, *other;
	struct sinew_session *h;
	struct sinew_cred *c;
	struct asked a;

	if (!open_pair(NULL) || !may_verify())
		return;
	h = pair.t[0].all.session;
	c = cred();
	/* It lies behind this, where no later frame comes so soon. */
	other = bind_as(OPEN, NULL);
	begin(other, &a, 16000, NULL);
	b = bind_as(GUARDED, c);
	CHECK(queue_has_secret(h));
	DRIVE_CALLS(&pair, a.ended && !queued(h));
	CHECK(!queue_has_secret(h));
	echoed(b, 100, NULL);
	CHECK_EQ(verified, 1);
	sinew_binding_close(other);
	sinew_binding_close(b);
	sinew_cred_put(c);
	call_pair_close(&pair);
}

/* The peer has not read it, and never will. */
static void copy_is_wiped_at_the_end(void)
{
	struct sinew_session *h;
	struct sinew_binding *b;
	struct sinew_cred *c;

	if (!open_pair(NULL))
		return;
	h = sinew_session_ref(pair.t[0].all.session);
	c = cred();
	b = bind_as(GUARDED, c);
	CHECK(queue_has_secret(h));
	CHECK_EQ(sinew_session_abort(h), 0);
	while (!pair.t[0].all.downs && CHECK(sinew_dispatch(pair.t[0].n, 1000) >= 0))
		;
	CHECK(!queue_has_secret(h));
	sinew_binding_close(b);
	sinew_cred_put(c);
	sinew_session_unref(h);
	call_pair_close(&pair);
}

int main(void)
{
	for (size_t i = 0; i < sizeof request; i++)
		request[i] = (uint8_t)(i * 7 + i / 251);
	RUN(pieces_of_every_length_are_sealed);
	RUN(calls_with_and_without_share_a_session);
	RUN(single_calls_with_many_credentials);
	RUN(refused_credentials_execute_nothing);
	RUN(both_sides_must_seal);
	RUN(a_wrong_key_opens_nothing);
	RUN(each_seal_breaks);
	RUN(bad_arguments);
	RUN(each_allocation_fails);
	RUN(acknowledged_copy_is_wiped);
	RUN(copy_is_wiped_at_the_end);
	return check_done();
}
