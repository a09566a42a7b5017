/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the table of the fake corosync and its libraries; knows nothing of what is concluded. */
#include "tests/lib/fake_corosync.h"

#define FAKE_PID	4711	/* of all processes but ours */

struct fake fake = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, .fd = -1 };

/* ---- what the test does ---- */

void fake_wake(void)
{
	const uint64_t one = 1;

	if (write(fake.fd, &one, sizeof(one)) < 0)
		abort();
}

/* With the lock held. */
static struct fake_event *fake_push(enum fake_kind kind)
{
	struct fake_event *e = &fake.events[fake.n_events++];

	if (fake.n_events == FAKE_EVENTS)
		abort();
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->ring = fake.ring;
	e->is_quorate = fake.is_quorate;
	fake_wake();
	return e;
}

/* The group has changed, by that node; reason 0: it has come. */
static void fake_change(uint32_t nodeid, uint32_t pid, uint32_t reason)
{
	struct fake_event *e;

	fake.is_in[nodeid] = !reason;
	fake.ring++;
	fake_push(FAKE_RING);
	e = fake_push(FAKE_GROUP);
	for (uint32_t i = 1; i <= FAKE_NODES; i++)
		if (fake.is_in[i])
			e->now[e->n_now++] = (struct cpg_address){
				i, i == 1 ? (uint32_t)getpid() : FAKE_PID, 0 };
	if (reason) {
		e->left = (struct cpg_address){ nodeid, pid, reason };
		e->n_left = 1;
	}
	fake_push(FAKE_QUORUM);
}

void fake_join(uint32_t nodeid)
{
	pthread_mutex_lock(&fake.lock);
	fake_change(nodeid, FAKE_PID, 0);
	pthread_mutex_unlock(&fake.lock);
}

void fake_leave(uint32_t nodeid, uint32_t reason)
{
	pthread_mutex_lock(&fake.lock);
	fake_change(nodeid, FAKE_PID, reason);
	pthread_mutex_unlock(&fake.lock);
}

void fake_say(enum greeting_type type, uint32_t nodeid, uint64_t incarnation, uint64_t began_ms)
{
	const struct greeting g = { .type = type, .nodeid = nodeid, .incarnation = incarnation,
				    .began_ms = began_ms };
	struct fake_event *e;

	pthread_mutex_lock(&fake.lock);
	e = fake_push(FAKE_MESSAGE);
	e->from = nodeid;
	e->len = greeting_put(e->bytes, &g);
	pthread_mutex_unlock(&fake.lock);
}

void fake_tell(enum fake_kind kind)
{
	pthread_mutex_lock(&fake.lock);
	fake_push(kind);
	pthread_mutex_unlock(&fake.lock);
}

void fake_key(const char *key, const char *value)
{
	unsigned i;

	pthread_mutex_lock(&fake.lock);
	for (i = 0; i < fake.n_keys && strcmp(fake.keys[i].key, key); i++)
		;
	if (value) {
		snprintf(fake.keys[i].key, sizeof(fake.keys[i].key), "%s", key);
		snprintf(fake.keys[i].value, sizeof(fake.keys[i].value), "%s", value);
		fake.keys[i].is_number = strstr(key, "nodeid") != NULL;
		fake.n_keys += i == fake.n_keys;
	} else if (i < fake.n_keys) {
		fake.keys[i] = fake.keys[--fake.n_keys];
	}
	pthread_mutex_unlock(&fake.lock);
}

void fake_node(uint32_t nodeid, const char *addr)
{
	char key[64], value[16];

	snprintf(key, sizeof(key), "nodelist.node.%u.nodeid", nodeid);
	snprintf(value, sizeof(value), "%u", nodeid);
	fake_key(key, value);
	snprintf(key, sizeof(key), "nodelist.node.%u.ring0_addr", nodeid);
	fake_key(key, addr);
}

void fake_set(bool *flag, bool value)
{
	pthread_mutex_lock(&fake.lock);
	*flag = value;
	pthread_cond_broadcast(&fake.changed);
	pthread_mutex_unlock(&fake.lock);
}

unsigned fake_count(const unsigned *counter)
{
	unsigned n;

	pthread_mutex_lock(&fake.lock);
	n = *counter;
	pthread_mutex_unlock(&fake.lock);
	return n;
}

void fake_die(void)
{
	pthread_mutex_lock(&fake.lock);
	fake.is_dead = true;
	fake.n_events = 0;
	memset(fake.is_in, 0, sizeof(fake.is_in));
	fake_wake();
	pthread_mutex_unlock(&fake.lock);
}

void fake_begin(unsigned n)
{
	memset(&fake.is_in, 0, sizeof(fake) - offsetof(struct fake, is_in));
	fake.n_keys = fake.n_more = 0;
	fake.is_quorate = true;
	if (fake.fd >= 0)
		close(fake.fd);
	fake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fake_key("totem.cluster_name", "fake");
	fake_node(1, "127.0.0.1");
	for (unsigned i = 2; i <= n; i++) {
		char addr[16];

		snprintf(addr, sizeof(addr), "10.0.0.%u", i);
		fake_node(i, addr);
	}
}

/* ---- libcpg ---- */

cs_error_t fake_rc(void)
{
	cs_error_t rc;

	pthread_mutex_lock(&fake.lock);
	rc = fake.is_dead ? CS_ERR_LIBRARY : CS_OK;
	pthread_mutex_unlock(&fake.lock);
	return rc;
}

bool fake_pop(enum fake_kind first, enum fake_kind last, struct fake_event *ret)
{
	bool found = false;

	pthread_mutex_lock(&fake.lock);
	for (unsigned i = 0; i < fake.n_events && !found; i++) {
		if (fake.events[i].kind < first || fake.events[i].kind > last)
			continue;
		*ret = fake.events[i];
		fake.n_events--;
		memmove(&fake.events[i], &fake.events[i + 1],
			(fake.n_events - i) * sizeof(fake.events[0]));
		found = true;
	}
	pthread_mutex_unlock(&fake.lock);
	return found;
}

cs_error_t cpg_model_initialize(cpg_handle_t *handle, cpg_model_t model, cpg_model_data_t *data,
				void *context)
{
	(void)model;
	*handle = 1;
	memcpy(&fake.cpg, data, sizeof(fake.cpg));
	fake.cpg_context = context;
	return fake_rc();
}

cs_error_t cpg_context_get(cpg_handle_t handle, void **context)
{
	(void)handle;
	*context = fake.cpg_context;
	return CS_OK;
}

cs_error_t cpg_finalize(cpg_handle_t handle)
{
	(void)handle;
	return CS_OK;
}

cs_error_t cpg_local_get(cpg_handle_t handle, unsigned int *ret_nodeid)
{
	(void)handle;
	*ret_nodeid = 1;
	return fake_rc();
}

cs_error_t cpg_fd_get(cpg_handle_t handle, int *fd)
{
	(void)handle;
	*fd = fake.fd;
	return CS_OK;
}

cs_error_t cpg_join(cpg_handle_t handle, const struct cpg_name *group)
{
	(void)handle;
	if (group->length != strlen("sinew/sinew") || memcmp(group->value, "sinew/sinew", 11))
		return CS_ERR_INVALID_PARAM;
	pthread_mutex_lock(&fake.lock);
	if (!fake.is_dead)
		fake_change(1, 0, 0);
	pthread_mutex_unlock(&fake.lock);
	return fake_rc();
}

cs_error_t cpg_leave(cpg_handle_t handle, const struct cpg_name *group)
{
	(void)handle;
	(void)group;
	pthread_mutex_lock(&fake.lock);
	fake.n_leaves++;
	fake.is_in[1] = false;
	pthread_mutex_unlock(&fake.lock);
	return fake_rc();
}

/* It comes back to the sender, too. */
cs_error_t cpg_mcast_joined(cpg_handle_t handle, cpg_guarantee_t guarantee,
			    const struct iovec *iov, unsigned int n)
{
	struct fake_event *e;
	struct greeting g;

	(void)handle;
	(void)guarantee;
	if (n != 1 || iov->iov_len > GREETING_MAX || greeting_get(iov->iov_base, iov->iov_len, &g))
		return CS_ERR_INVALID_PARAM;
	pthread_mutex_lock(&fake.lock);
	fake.n_goodbyes += g.type == GREETING_GOODBYE;
	if (g.type != GREETING_GOODBYE || !fake.holds_goodbye) {
		e = fake_push(FAKE_MESSAGE);
		e->from = 1;
		e->len = iov->iov_len;
		memcpy(e->bytes, iov->iov_base, iov->iov_len);
	}
	pthread_mutex_unlock(&fake.lock);
	return fake_rc();
}

cs_error_t cpg_dispatch(cpg_handle_t handle, cs_dispatch_flags_t flags)
{
	const struct cpg_name group = { .length = 0 };
	struct fake_event e;
	uint64_t count;

	(void)flags;
	if (read(fake.fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return CS_ERR_LIBRARY;
	while (fake_pop(FAKE_RING, FAKE_MESSAGE, &e)) {
		const struct cpg_ring_id ring = { 1, e.ring };

		if (e.kind == FAKE_RING)
			fake.cpg.cpg_totem_confchg_fn(handle, ring, 0, NULL);
		else if (e.kind == FAKE_GROUP)
			fake.cpg.cpg_confchg_fn(handle, &group, e.now, e.n_now, &e.left, e.n_left,
						NULL, 0);
		else
			fake.cpg.cpg_deliver_fn(handle, &group, e.from, e.from == 1 ?
						(uint32_t)getpid() : FAKE_PID, e.bytes, e.len);
	}
	return fake_rc();
}

/* ---- libquorum ---- */

cs_error_t quorum_model_initialize(quorum_handle_t *handle, quorum_model_t model,
				   quorum_model_data_t *data, uint32_t *type, void *context)
{
	(void)model;
	*handle = 1;
	*type = QUORUM_SET;
	memcpy(&fake.quorum, data, sizeof(fake.quorum));
	fake.quorum_context = context;
	return fake_rc();
}

cs_error_t quorum_context_get(quorum_handle_t handle, const void **context)
{
	(void)handle;
	*context = fake.quorum_context;
	return CS_OK;
}

cs_error_t quorum_finalize(quorum_handle_t handle)
{
	(void)handle;
	return CS_OK;
}

cs_error_t quorum_fd_get(quorum_handle_t handle, int *fd)
{
	(void)handle;
	(void)fd;
	return CS_ERR_NOT_SUPPORTED;
}

cs_error_t quorum_trackstart(quorum_handle_t handle, unsigned int flags)
{
	(void)handle;
	(void)flags;
	return fake_rc();
}

cs_error_t quorum_getquorate(quorum_handle_t handle, int *quorate)
{
	(void)handle;
	*quorate = fake.is_quorate;
	return fake_rc();
}

cs_error_t quorum_dispatch(quorum_handle_t handle, cs_dispatch_flags_t flags)
{
	struct fake_event e;

	(void)flags;
	while (fake_pop(FAKE_QUORUM, FAKE_QUORUM, &e))
		fake.quorum.quorum_notify_fn(handle, e.is_quorate,
					     (struct quorum_ring_id){ 1, e.ring }, 0, NULL);
	return fake_rc();
}
