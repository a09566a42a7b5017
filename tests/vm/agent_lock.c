/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the locks that the host has named, and what the kernel says of them. Knows lockspaces by
 * name.
 */
#include "tests/vm/agent.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum {
	NO_MODE = -1,
	UNLOCK_MS = 5000,
};

struct lock {
	char tag[TAG_LEN];	/* "": this entry is free */
	char space[DLM_LOCKSPACE_LEN + 1];
	char resource[DLM_RESNAME_MAXLEN + 1];
	char value[DLM_LVB_LEN];
	struct dlm_lksb status;
	int asked;		/* a mode, or NO_MODE */
	int granted;
	bool silent;		/* of a loop: no events */
	bool pending;
	unsigned generation;	/* which lock it is that has this entry */
};

static struct lock locks[LOCKS_MAX];
static pthread_mutex_t locks_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t locks_changed = PTHREAD_COND_INITIALIZER;

static const char *const modes[] = { "NL", "CR", "CW", "PR", "PW", "EX" };

static const struct {
	const char *name;
	uint32_t flag;
} flags[] = {
	{ "noqueue", LKF_NOQUEUE },
	{ "valblk", LKF_VALBLK },
	{ "cancel", LKF_CANCEL },
	{ "quecvt", LKF_QUECVT },
	{ "ivvalblk", LKF_IVVALBLK },
	{ "persistent", LKF_PERSISTENT },
	{ "nodlckwt", LKF_NODLCKWT },
	{ "nodlckblk", LKF_NODLCKBLK },
	{ "convdeadlk", LKF_CONVDEADLK },
	{ "expedite", LKF_EXPEDITE },
	{ "noqueuebast", LKF_NOQUEUEBAST },
	{ "headque", LKF_HEADQUE },
	{ "noorder", LKF_NOORDER },
	{ "altpr", LKF_ALTPR },
	{ "altcw", LKF_ALTCW },
	{ "forceunlock", LKF_FORCEUNLOCK },
};

/* ---- words ---- */

/* A mode by its name or number; NO_MODE: neither. */
static int mode_of(const char *text)
{
	for (int mode = 0; mode < (int)(sizeof(modes) / sizeof(modes[0])); mode++)
		if (strcasecmp(modes[mode], text) == 0 || (text[0] == '0' + mode && !text[1]))
			return mode;
	return NO_MODE;
}

static const char *mode_name(int mode)
{
	return mode == NO_MODE ? "-" : modes[mode];
}

/* Flags by their names with commas between; "-" or NULL: none. */
static int flags_of(const char *text, uint32_t *ret_flags)
{
	char copy[LINE_LEN];
	char *rest = NULL;
	uint32_t sum = 0;

	snprintf(copy, sizeof(copy), "%s", text ? text : "-");
	for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		size_t i = 0;

		while (i < sizeof(flags) / sizeof(flags[0]) && strcasecmp(flags[i].name, word))
			i++;
		if (i < sizeof(flags) / sizeof(flags[0]))
			sum |= flags[i].flag;
		else if (strcmp(word, "-") && strcmp(word, "0"))
			return -EINVAL;
	}
	*ret_flags = sum;
	return 0;
}

static void set_value(struct lock *l, const char *text)
{
	memset(l->value, 0, sizeof(l->value));
	memcpy(l->value, text, strnlen(text, sizeof(l->value)));
}

/* ---- the table ---- */

/* NULL: no such lock. */
static struct lock *find(const char *tag)
{
	struct lock *found = NULL;

	pthread_mutex_lock(&locks_mutex);
	for (int i = 0; i < LOCKS_MAX && !found; i++)
		if (strcmp(locks[i].tag, tag) == 0)
			found = &locks[i];
	pthread_mutex_unlock(&locks_mutex);
	return found;
}

static bool is_held(const struct lock *l)
{
	return l->pending || l->granted != NO_MODE;
}

/* A lock that is not requested yet, under a tag that may have had another before. */
static int add(const char *tag, const char *space, const char *resource, struct lock **ret_lock)
{
	struct lock *l = find(tag);
	unsigned generation;

	if (strlen(tag) >= TAG_LEN || strlen(space) > DLM_LOCKSPACE_LEN ||
	    strlen(resource) > DLM_RESNAME_MAXLEN)
		return -ENAMETOOLONG;
	if (!l)
		l = find("");
	if (!l)
		return -ENOSPC;
	pthread_mutex_lock(&locks_mutex);
	if (l->tag[0] && is_held(l)) {
		pthread_mutex_unlock(&locks_mutex);
		return -EEXIST;
	}
	generation = l->generation;
	memset(l, 0, sizeof(*l));
	snprintf(l->tag, sizeof(l->tag), "%s", tag);
	snprintf(l->space, sizeof(l->space), "%s", space);
	snprintf(l->resource, sizeof(l->resource), "%s", resource);
	l->status.sb_lvbptr = l->value;
	l->asked = NO_MODE;
	l->granted = NO_MODE;
	l->generation = generation + 1;
	pthread_mutex_unlock(&locks_mutex);
	*ret_lock = l;
	return 0;
}

void locks_show(void)
{
	pthread_mutex_lock(&locks_mutex);
	for (int i = 0; i < LOCKS_MAX; i++) {
		const struct lock *l = &locks[i];

		if (l->tag[0])
			say("| lock %s %s %s mode=%s lkid=%x pending=%d", l->tag, l->space,
			    l->resource, mode_name(l->granted), l->status.sb_lkid, l->pending);
	}
	pthread_mutex_unlock(&locks_mutex);
}

void locks_forget(const char *space)
{
	pthread_mutex_lock(&locks_mutex);
	for (int i = 0; i < LOCKS_MAX; i++) {
		if (strcmp(locks[i].space, space) == 0) {
			locks[i].tag[0] = '\0';
			locks[i].generation++;
		}
	}
	pthread_cond_broadcast(&locks_changed);
	pthread_mutex_unlock(&locks_mutex);
}

/* ---- what the kernel says ---- */

static void say_completion(const struct lock *l)
{
	char value[DLM_LVB_LEN + 1];

	for (int i = 0; i < DLM_LVB_LEN; i++)
		value[i] = l->value[i] >= ' ' && l->value[i] < 127 ? l->value[i] : '.';
	value[DLM_LVB_LEN] = '\0';
	say("EVT ast %s status=%d lkid=%x flags=%x lvb=%s", l->tag, l->status.sb_status,
	    l->status.sb_lkid, l->status.sb_flags & 0xff, value);
}

/* libdlm cancels the thread that calls these when the lockspace is released: not with a mutex. */
static void completed(void *arg)
{
	struct lock *l = arg;
	int cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_mutex_lock(&locks_mutex);
	if (l->status.sb_status == 0)
		l->granted = l->asked;
	else if (l->status.sb_status == EUNLOCK)
		l->granted = NO_MODE;
	l->pending = false;
	if (l->tag[0] && !l->silent)
		say_completion(l);
	pthread_cond_broadcast(&locks_changed);
	pthread_mutex_unlock(&locks_mutex);
	pthread_setcancelstate(cancel, &cancel);
}

static void blocks(void *arg)
{
	struct lock *l = arg;
	int cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_mutex_lock(&locks_mutex);
	if (l->tag[0])
		say("EVT bast %s", l->tag);
	pthread_mutex_unlock(&locks_mutex);
	pthread_setcancelstate(cancel, &cancel);
}

/* ---- requests ---- */

static void expect(struct lock *l, int mode)
{
	pthread_mutex_lock(&locks_mutex);
	l->asked = mode;
	l->pending = true;
	pthread_mutex_unlock(&locks_mutex);
}

static int failed(struct lock *l, int rc)
{
	pthread_mutex_lock(&locks_mutex);
	l->pending = false;
	pthread_mutex_unlock(&locks_mutex);
	return rc;
}

/* Requests a mode, or converts to it: 0 or an errno, as the host expects it. */
static int request(struct lock *l, int mode, uint32_t with)
{
	dlm_lshandle_t space = space_use(l->space);
	bool convert = (with & LKF_CONVERT) != 0;
	int rc;

	if (!space)
		return ENOENT;
	expect(l, mode);
	rc = dlm_ls_lock(space, (uint32_t)mode, &l->status, with, convert ? NULL : l->resource,
			 convert ? 0 : (unsigned)strlen(l->resource), 0, completed, l,
			 l->silent ? NULL : blocks, NULL);
	rc = rc ? failed(l, errno) : 0;
	space_done(l->space);
	return rc;
}

static int unlock(struct lock *l, uint32_t with)
{
	dlm_lshandle_t space = space_use(l->space);
	int rc;

	if (!space)
		return ENOENT;
	expect(l, l->asked);
	rc = dlm_ls_unlock(space, l->status.sb_lkid, with, &l->status, l);
	rc = rc ? failed(l, errno) : 0;
	space_done(l->space);
	return rc;
}

/* Until the kernel holds the lock no more, or it is late. */
static void wait_unlocked(const struct lock *l, const struct timespec *until)
{
	int rc = 0;

	pthread_mutex_lock(&locks_mutex);
	while (is_held(l) && rc == 0)
		rc = pthread_cond_timedwait(&locks_changed, &locks_mutex, until);
	pthread_mutex_unlock(&locks_mutex);
}

/* Loops end first: they see that the lock is not theirs any more. */
void locks_unlock(const char *space)
{
	struct timespec until;
	struct lock *l;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += UNLOCK_MS / 1000;
	for (l = locks; l < locks + LOCKS_MAX; l++) {
		bool ours;

		pthread_mutex_lock(&locks_mutex);
		ours = l->tag[0] && strcmp(l->space, space) == 0 && is_held(l);
		if (ours) {
			l->silent = true;
			l->generation++;
			pthread_cond_broadcast(&locks_changed);
		}
		pthread_mutex_unlock(&locks_mutex);
		if (ours && unlock(l, LKF_FORCEUNLOCK))
			say("EVT fail unlock %s", l->tag);
	}
	for (l = locks; l < locks + LOCKS_MAX; l++)
		if (l->tag[0] && strcmp(l->space, space) == 0)
			wait_unlocked(l, &until);
}

/* The kernel takes no request while a lockspace recovers: none is made on the caller's thread. */
static void *request_later(void *arg)
{
	struct command *c = arg;
	bool converts = strcmp(c->word[0], "convert") == 0;
	int at = converts ? 2 : 4;
	struct lock *l = find(c->word[1]);
	uint32_t with;
	int rc = ENOENT;

	if (l && flags_of(word_or_null(c, at + 1), &with) == 0)
		rc = request(l, mode_of(c->word[at]), with | (converts ? LKF_CONVERT : 0));
	if (rc)
		say("EVT fail %s %s errno=%d", c->word[0], c->word[1], rc);
	free(c);
	return NULL;
}

static void *unlock_later(void *arg)
{
	struct command *c = arg;
	struct lock *l = find(c->word[1]);
	uint32_t with;
	int rc = ENOENT;

	if (l && flags_of(word_or_null(c, 2), &with) == 0)
		rc = unlock(l, with);
	if (rc)
		say("EVT fail %s %s errno=%d", c->word[0], c->word[1], rc);
	free(c);
	return NULL;
}

int command_lock(const struct command *c)
{
	const char *value = word_or_null(c, 6);
	struct lock *l;
	uint32_t with;
	int rc;

	if (mode_of(c->word[4]) == NO_MODE || flags_of(word_or_null(c, 5), &with))
		return -EINVAL;
	rc = add(c->word[1], c->word[2], c->word[3], &l);
	if (rc)
		return rc;
	if (value)
		set_value(l, value);
	return go_on(request_later, c);
}

int command_convert(const struct command *c)
{
	const char *value = word_or_null(c, 4);
	struct lock *l = find(c->word[1]);
	uint32_t with;

	if (!l)
		return -ENOENT;
	if (mode_of(c->word[2]) == NO_MODE || flags_of(word_or_null(c, 3), &with))
		return -EINVAL;
	if (value)
		set_value(l, value);
	return go_on(request_later, c);
}

int command_unlock(const struct command *c)
{
	uint32_t with;

	if (!find(c->word[1]))
		return -ENOENT;
	if (flags_of(word_or_null(c, 2), &with))
		return -EINVAL;
	return go_on(unlock_later, c);
}

/* ---- loops ---- */

struct loop {
	struct lock *lock;
	unsigned generation;	/* of the lock, when it began */
	int n_done;
	int n_bad;
	int64_t longest_ms;
};

/* Until the kernel has completed it; false: the lock was forgotten. */
static bool wait_completed(const struct loop *p)
{
	bool kept;

	pthread_mutex_lock(&locks_mutex);
	while (p->lock->pending && p->lock->generation == p->generation)
		pthread_cond_wait(&locks_changed, &locks_mutex);
	kept = p->lock->generation == p->generation;
	pthread_mutex_unlock(&locks_mutex);
	return kept;
}

/* One conversion; false: there can be no more. */
static bool convert_once(struct loop *p, int mode)
{
	int64_t begun_ms = now_ms();
	int64_t taken_ms;

	if (p->lock->generation != p->generation || request(p->lock, mode, LKF_CONVERT) ||
	    !wait_completed(p)) {
		p->n_bad++;
		return false;
	}
	taken_ms = now_ms() - begun_ms;
	if (p->longest_ms < taken_ms)
		p->longest_ms = taken_ms;
	if (p->lock->status.sb_status)
		p->n_bad++;
	p->n_done++;
	return true;
}

static void *loop(void *arg)
{
	struct command *c = arg;
	const char *resource = c->word[3];
	char tag[TAG_LEN];
	int n = atoi(c->word[1]);
	useconds_t pause_us = c->n_words > 6 ? (useconds_t)atoi(c->word[6]) : 0;
	struct loop p = { 0 };
	int64_t begun_ms = now_ms();
	int rc;

	snprintf(tag, sizeof(tag), "_%.20s", resource);
	p.lock = find(tag);
	p.generation = p.lock ? p.lock->generation : 0;
	rc = p.lock ? request(p.lock, mode_of(c->word[4]), 0) : ENOENT;
	if (rc) {
		say("EVT loop %s fail errno=%d", resource, rc);
		free(c);
		return NULL;
	}
	if (wait_completed(&p))
		while (p.n_done < n && convert_once(&p, mode_of(c->word[p.n_done & 1 ? 4 : 5])))
			if (pause_us)
				usleep(pause_us);
	if (p.lock->generation == p.generation && unlock(p.lock, 0) == 0)
		wait_completed(&p);
	say("EVT loop %s done n=%d bad=%d ms=%lld longest=%lld", resource, p.n_done, p.n_bad,
	    (long long)(now_ms() - begun_ms), (long long)p.longest_ms);
	free(c);
	return NULL;
}

int command_loop(const struct command *c)
{
	char tag[TAG_LEN];
	struct lock *l;
	int rc;

	if (mode_of(c->word[4]) == NO_MODE || mode_of(c->word[5]) == NO_MODE)
		return -EINVAL;
	snprintf(tag, sizeof(tag), "_%.20s", c->word[3]);
	rc = add(tag, c->word[2], c->word[3], &l);
	if (rc)
		return rc;
	l->silent = true;
	return go_on(loop, c);
}
