/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/fake_user.h"

#define LINES		400
#define TEXT_MAX	300

struct sinew_corosync *cs;
struct sinew_node *node;

/* ---- what is logged, by any thread ---- */

static struct {
	pthread_mutex_t lock;
	char lines[LINES][TEXT_MAX];
	unsigned n;
} logged = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void keep_line(void *user, enum sinew_level level, const char *line)
{
	CHECK(user == &logged);
	pthread_mutex_lock(&logged.lock);
	if (logged.n < LINES)
		snprintf(logged.lines[logged.n++], TEXT_MAX, "%s %s", sinew_level_name(level),
			 line);
	pthread_mutex_unlock(&logged.lock);
	if (getenv("TEST_LOG"))
		fprintf(stderr, "# %s\n", line);
}

unsigned said(const char *text)
{
	unsigned n = 0;

	pthread_mutex_lock(&logged.lock);
	for (unsigned i = 0; i < logged.n; i++)
		n += strstr(logged.lines[i], text) != NULL;
	pthread_mutex_unlock(&logged.lock);
	return n;
}

/* ---- the instance ---- */

int user_open(bool observe, uint32_t connect_ms, enum sinew_level level, char *err, size_t err_size)
{
	struct sinew_corosync_setup setup;

	logged.n = 0;
	cs = NULL;
	node = NULL;
	SINEW_COROSYNC_SETUP_INIT(&setup);
	setup.observe = observe;
	setup.connect_ms = connect_ms;
	setup.log = keep_line;
	setup.log_user = &logged;
	setup.log_level = level;
	return sinew_corosync_open(&setup, &cs, err, err_size);
}

void user_end(void)
{
	sinew_corosync_free(cs);
	sinew_node_free(node);
}

struct sinew_corosync_status status(void)
{
	struct sinew_corosync_status s = { .size = sizeof(s) };

	CHECK_EQ(sinew_corosync_status(cs, &s), 0);
	return s;
}

struct sinew_corosync_member member(uint32_t nodeid)
{
	struct sinew_corosync_member all[FAKE_NODES + 1];
	int n = sinew_corosync_members(cs, all, FAKE_NODES + 1);

	for (int i = 0; i < n; i++)
		if (all[i].nodeid == nodeid)
			return all[i];
	return (struct sinew_corosync_member){ .nodeid = 0 };
}

void settle(void)
{
	unsigned before = fake_count(&fake.n_turns);

	for (unsigned i = 1; i <= 2; i++) {
		fake_wake();
		AWAIT(fake_count(&fake.n_turns) >= before + i);
	}
}
