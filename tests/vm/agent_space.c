/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the lockspaces that the host has named, and how they are created and released. Knows no
 * lock, and of the daemon's part only what its functions do.
 */
#include "tests/vm/agent.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where libdlm fails without an errno. */
enum { UNKNOWN_ERROR = 1000 };

static struct space spaces[SPACES_MAX];
static pthread_mutex_t spaces_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t spaces_changed = PTHREAD_COND_INITIALIZER;

/* ---- the table; spaces_mutex is held ---- */

static struct space *find(const char *name)
{
	for (int i = 0; i < SPACES_MAX; i++)
		if (strcmp(spaces[i].name, name) == 0)
			return &spaces[i];
	return NULL;
}

/* NULL: no entry is free, or it is no name of a lockspace. */
static struct space *find_or_add(const char *name)
{
	struct space *s = find(name);

	if (strlen(name) > DLM_LOCKSPACE_LEN || strchr(name, '/'))
		return NULL;
	if (!s) {
		s = find("");
		if (s)
			snprintf(s->name, sizeof(s->name), "%s", name);
	}
	return s;
}

/* ---- for the other files ---- */

bool space_of(const char *name, struct space *ret_space)
{
	struct space *s;

	pthread_mutex_lock(&spaces_mutex);
	s = find(name);
	if (s)
		*ret_space = *s;
	pthread_mutex_unlock(&spaces_mutex);
	return s != NULL;
}

dlm_lshandle_t space_use(const char *name)
{
	dlm_lshandle_t handle = NULL;
	struct space *s;

	pthread_mutex_lock(&spaces_mutex);
	s = find(name);
	if (s && s->handle) {
		handle = s->handle;
		s->n_users++;
	}
	pthread_mutex_unlock(&spaces_mutex);
	return handle;
}

void space_done(const char *name)
{
	pthread_mutex_lock(&spaces_mutex);
	find(name)->n_users--;
	pthread_cond_broadcast(&spaces_changed);
	pthread_mutex_unlock(&spaces_mutex);
}

static const char *state_of(const struct space *s)
{
	if (s->creating)
		return "creating";
	if (s->releasing)
		return "releasing";
	return s->handle ? "created" : "none";
}

void spaces_show(void)
{
	pthread_mutex_lock(&spaces_mutex);
	for (int i = 0; i < SPACES_MAX; i++)
		if (spaces[i].name[0])
			say("| space %s %s id=%s members=%s", spaces[i].name, state_of(&spaces[i]),
			    spaces[i].id, spaces[i].members);
	pthread_mutex_unlock(&spaces_mutex);
}

/* ---- membership ---- */

int command_members(const struct command *c)
{
	bool by_host = strcmp(c->word[3], "-") == 0;
	struct space *s;

	pthread_mutex_lock(&spaces_mutex);
	s = find_or_add(c->word[1]);
	if (s) {
		snprintf(s->id, sizeof(s->id), "%s", c->word[2]);
		snprintf(s->members, sizeof(s->members), "%s", by_host ? "" : c->word[3]);
	}
	pthread_mutex_unlock(&spaces_mutex);
	return s ? 0 : -ENOSPC;
}

int command_stop(const struct command *c)
{
	return put("0", LOCKSPACES "/%s/control", c->word[1]);
}

int command_start(const struct command *c)
{
	const char *members = word_or_null(c, 2);
	int rc = members ? config_members(c->word[1], members) : 0;

	return rc ? rc : put("1", LOCKSPACES "/%s/control", c->word[1]);
}

/* ---- creation and release ---- */

static void *create(void *arg)
{
	struct command *c = arg;
	const char *name = c->word[1];
	const char *flags = word_or_null(c, 2);
	int64_t begun_ms = now_ms();
	dlm_lshandle_t handle;
	int rc = 0;
	struct space *s;

	handle = dlm_new_lockspace(name, 0600, flags ? (uint32_t)strtoul(flags, NULL, 0) : 0);
	if (!handle)
		rc = -errno;
	else if (dlm_ls_pthread_init(handle))
		rc = -errno;

	pthread_mutex_lock(&spaces_mutex);
	s = find(name);
	s->handle = handle;
	s->creating = false;
	pthread_cond_broadcast(&spaces_changed);
	pthread_mutex_unlock(&spaces_mutex);
	say("EVT created %s rc=%d ms=%lld", name, rc, (long long)(now_ms() - begun_ms));
	free(c);
	return NULL;
}

int command_create(const struct command *c)
{
	struct space *s;
	int rc = 0;

	pthread_mutex_lock(&spaces_mutex);
	s = find_or_add(c->word[1]);
	if (!s)
		rc = -ENOSPC;
	else if (s->creating || s->handle)
		rc = -EEXIST;
	else if (s->releasing)
		rc = -EBUSY;
	else
		s->creating = true;
	pthread_mutex_unlock(&spaces_mutex);
	if (rc)
		return rc;
	rc = go_on(create, c);
	if (rc) {
		pthread_mutex_lock(&spaces_mutex);
		s->creating = false;
		pthread_mutex_unlock(&spaces_mutex);
	}
	return rc;
}

/* The handle of a lockspace that nobody uses from now on, and which only end_release() frees for
 * others; NULL if it is not created. */
static dlm_lshandle_t begin_release(const char *name)
{
	dlm_lshandle_t handle = NULL;
	struct space *s;

	pthread_mutex_lock(&spaces_mutex);
	s = find(name);
	while (s && (s->creating || s->releasing))
		pthread_cond_wait(&spaces_changed, &spaces_mutex);
	if (s && s->handle) {
		handle = s->handle;
		s->handle = NULL;
		s->releasing = true;
	}
	while (s && s->n_users > 0)
		pthread_cond_wait(&spaces_changed, &spaces_mutex);
	pthread_mutex_unlock(&spaces_mutex);
	return handle;
}

/* With the handle of a lockspace that is still there, or NULL. */
static void end_release(const char *name, dlm_lshandle_t handle)
{
	struct space *s;

	pthread_mutex_lock(&spaces_mutex);
	s = find(name);
	s->handle = handle;
	s->releasing = false;
	pthread_cond_broadcast(&spaces_changed);
	pthread_mutex_unlock(&spaces_mutex);
}

/*
 * With force, its locks are unlocked one by one: a kernel that frees those of a closed file itself
 * may crash (7.3.4 does, in dlm_clear_proc_locks(), where a conversion is under way).
 * libdlm frees the handle whatever comes of it; a lockspace that stays gets another.
 */
static int release_space(const char *name, int force)
{
	dlm_lshandle_t handle;
	int rc = 0;

	if (force)
		locks_unlock(name);
	handle = begin_release(name);
	if (!handle)
		return -ENOENT;
	errno = 0;
	if (dlm_release_lockspace(name, handle, force))
		rc = errno ? -errno : -UNKNOWN_ERROR;
	locks_forget(name);
	handle = rc ? dlm_open_lockspace(name) : NULL;
	if (handle)
		dlm_ls_pthread_init(handle);
	end_release(name, handle);
	return rc;
}

static void *release(void *arg)
{
	struct command *c = arg;
	const char *force = word_or_null(c, 2);
	int64_t begun_ms = now_ms();
	int rc = release_space(c->word[1], force ? atoi(force) : 0);

	say("EVT released %s rc=%d ms=%lld", c->word[1], rc, (long long)(now_ms() - begun_ms));
	free(c);
	return NULL;
}

int command_release(const struct command *c)
{
	struct space s;

	if (!space_of(c->word[1], &s))
		return -ENOENT;
	return go_on(release, c);
}

int command_purge(const struct command *c)
{
	dlm_lshandle_t handle = space_use(c->word[1]);
	int rc;

	if (!handle)
		return -ENOENT;
	rc = dlm_ls_purge(handle, atoi(c->word[2]), atoi(c->word[3])) ? -errno : 0;
	space_done(c->word[1]);
	return rc;
}

/* ---- reset ---- */

static bool is_in_kernel(const struct space *s)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), LOCKSPACES "/%.*s", DLM_LOCKSPACE_LEN, s->name);
	return s->name[0] && access(path, F_OK) == 0;
}

/* Makes us the only member, so that no call waits for another node. */
static void be_alone(const struct space *s)
{
	bool by_host = s->creating && s->members[0] == '\0';

	put("0", LOCKSPACES "/%s/control", s->name);
	if (by_host)
		put(s->id, LOCKSPACES "/%s/id", s->name);
	config_members(s->name, config_own());
	put("1", LOCKSPACES "/%s/control", s->name);
	if (by_host)
		put("0", LOCKSPACES "/%s/event_done", s->name);
}

/* The other nodes go before the lockspaces: the kernel would wait for the end of their streams. */
int command_reset(const struct command *c)
{
	struct space had[SPACES_MAX];
	int first;
	int rc;

	(void)c;
	pthread_mutex_lock(&spaces_mutex);
	memcpy(had, spaces, sizeof(had));
	pthread_mutex_unlock(&spaces_mutex);

	for (int i = 0; i < SPACES_MAX; i++)
		if (is_in_kernel(&had[i]) && !had[i].releasing)
			be_alone(&had[i]);
	first = config_drop_comms(true);
	for (int i = 0; i < SPACES_MAX; i++) {
		if (had[i].name[0] == '\0')
			continue;
		rc = release_space(had[i].name, 1);
		if (rc && is_in_kernel(&had[i]))
			first = first ? first : rc;
		config_drop_space(had[i].name);
	}
	rc = config_drop_comms(false);
	first = first ? first : rc;

	pthread_mutex_lock(&spaces_mutex);
	for (int i = 0; first == 0 && i < SPACES_MAX; i++)
		memset(&spaces[i], 0, sizeof(spaces[i]));
	pthread_mutex_unlock(&spaces_mutex);
	return first;
}
