/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/dlm_space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vm/dlm_hash.h"
#include "tests/vm/dlm_state.h"

/* ---- events ---- */

void dlm_event(struct dlm_space *s, const struct dlm_event *event)
{
	struct dlm_event e = *event;

	e.space = s->opt.id;
	s->host.event(s->host.arg, &e);
}

void dlm_lock_event(struct dlm_space *s, enum dlm_event_kind kind, const struct dlm_lock *lock,
		    int32_t result)
{
	enum dlm_mode mode = lock->grmode;

	if (kind == DLM_EVENT_LOCK || kind == DLM_EVENT_QUEUED)
		mode = lock->rqmode;
	else if (kind == DLM_EVENT_BAST)
		mode = lock->told;
	dlm_event(s, &(struct dlm_event){
		.kind = kind, .id = lock->id, .result = result, .mode = mode,
		.sbflags = lock->sbflags,
		.lvb = lock->exflags & DLM_VALBLK ? lock->lvb : NULL,
	});
}

void dlm_error(struct dlm_space *s, uint32_t peer, const char *text)
{
	dlm_event(s, &(struct dlm_event){
		.kind = DLM_EVENT_ERROR, .peer = peer, .text = text, .mode = DLM_IV,
	});
}

/* ---- members ---- */

struct dlm_member *dlm_member(struct dlm_space *s, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < s->n_members; i++)
		if (s->members[i].nodeid == nodeid)
			return &s->members[i];
	return NULL;
}

bool dlm_space_has(const struct dlm_space *s, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < s->n_members; i++)
		if (s->members[i].nodeid == nodeid)
			return true;
	return false;
}

bool dlm_is_gone(const struct dlm_space *s, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < s->n_gone; i++)
		if (s->gone[i] == nodeid)
			return true;
	return false;
}

/* All members have the same weight. */
uint32_t dlm_directory(const struct dlm_space *s, uint32_t hash)
{
	return s->n_members ? s->members[(hash >> 16) % s->n_members].nodeid : s->opt.nodeid;
}

void dlm_space_gone(struct dlm_space *s, uint32_t nodeid)
{
	struct dlm_member *m = dlm_member(s, nodeid);

	if (!m || nodeid == s->opt.nodeid)
		return;
	dlm_space_stop(s);
	memmove(m, m + 1, (size_t)(s->members + s->n_members - (m + 1)) * sizeof(*m));
	s->n_members--;
	if (!dlm_is_gone(s, nodeid) && s->n_gone < DLM_MEMBERS_MAX)
		s->gone[s->n_gone++] = nodeid;
}

static int by_nodeid(const void *a, const void *b)
{
	const struct dlm_member *x = a, *y = b;

	return x->nodeid < y->nodeid ? -1 : x->nodeid > y->nodeid;
}

static int check_members(const struct dlm_space *s, const uint32_t *members, unsigned n)
{
	bool is_in = false;
	unsigned i, k;

	if (n > DLM_MEMBERS_MAX)
		return -ENOSPC;
	for (i = 0; i < n; i++) {
		is_in |= members[i] == s->opt.nodeid;
		for (k = 0; k < i; k++)
			if (members[k] == members[i])
				return -EINVAL;
	}
	return is_in ? 0 : -EINVAL;
}

static bool is_listed(const uint32_t *members, unsigned n, uint32_t nodeid)
{
	while (n--)
		if (members[n] == nodeid)
			return true;
	return false;
}

/* ---- messages ---- */

void dlm_send(struct dlm_space *s, uint32_t nodeid, struct dlm_message *m)
{
	uint8_t packet[DLM_PACKET_MAX];

	m->space = s->opt.id;
	m->sender = s->opt.nodeid;
	s->host.send(s->host.arg, nodeid, packet, dlm_message_encode(packet, m), false);
}

struct dlm_message dlm_about(const struct dlm_space *s, const struct dlm_lock *lock,
			     enum dlm_type type)
{
	const struct dlm_resource *r = lock->resource;
	bool is_ours = lock->owner == s->opt.nodeid;
	bool has_name = type == DLM_REQUEST || type == DLM_LOOKUP;
	bool has_lvb = type == DLM_CONVERT || type == DLM_UNLOCK || type == DLM_REQUEST_REPLY ||
		type == DLM_CONVERT_REPLY || type == DLM_GRANT;

	return (struct dlm_message){
		.type = type, .nodeid = is_ours ? r->master : lock->owner, .pid = lock->pid,
		.lkid = lock->id, .remid = lock->remid, .exflags = lock->exflags,
		.sbflags = lock->sbflags, .flags = lock->flags, .lvbseq = lock->lvbseq,
		.hash = r->hash, .status = lock->status, .grmode = lock->grmode,
		.rqmode = lock->rqmode, .asts = lock->asts,
		.name = has_name ? r->name : NULL, .name_len = has_name ? r->name_len : 0,
		.lvb = has_lvb && lock->exflags & DLM_VALBLK ? lock->lvb : NULL,
	};
}

static void handle(struct dlm_space *s, struct dlm_message *m)
{
	if (m->name_len && m->hash != dlm_hash(m->name, m->name_len) && m->type != DLM_REMOVE)
		dlm_error(s, m->sender, "sends another hash than that of the name; ignored");
	if (m->name_len)
		m->hash = dlm_hash(m->name, m->name_len);
	switch (m->type) {
	case DLM_REQUEST:
	case DLM_CONVERT:
	case DLM_UNLOCK:
	case DLM_CANCEL:
	case DLM_LOOKUP:
	case DLM_REMOVE:
	case DLM_PURGE:
		dlm_master_receive(s, m);
		return;
	case DLM_REQUEST_REPLY:
	case DLM_CONVERT_REPLY:
	case DLM_UNLOCK_REPLY:
	case DLM_CANCEL_REPLY:
	case DLM_GRANT:
	case DLM_BAST:
	case DLM_LOOKUP_REPLY:
		dlm_lock_receive(s, m);
		return;
	case DLM_NO_TYPE:
	case DLM_N_TYPES:
		return;
	}
}

static void save(struct dlm_space *s, const uint8_t *packet, size_t len, uint32_t sender)
{
	struct dlm_saved *saved = NULL;

	if (s->n_saved < DLM_SAVED_MAX)
		saved = malloc(sizeof(*saved) + len);
	if (!saved) {
		dlm_error(s, sender, "sends more during recovery than we have room for; "
			  "the message is lost, and who waits for its answer waits for ever");
		return;
	}
	saved->next = NULL;
	saved->len = len;
	memcpy(saved->packet, packet, len);
	*s->saved_end = saved;
	s->saved_end = &saved->next;
	s->n_saved++;
}

void dlm_saved_drop(struct dlm_space *s, bool (*is_void)(struct dlm_space *s,
							 const struct dlm_message *m))
{
	struct dlm_saved **at = &s->saved, *saved;
	struct dlm_message m;
	const char *why;

	while ((saved = *at)) {
		if (dlm_message_decode(saved->packet, saved->len, &m, &why) || is_void(s, &m)) {
			*at = saved->next;
			s->n_saved--;
			free(saved);
		} else {
			at = &saved->next;
		}
	}
	s->saved_end = at;
}

/* Takes each of them out, and handles it. */
static bool replay(struct dlm_space *s, const struct dlm_message *m)
{
	struct dlm_message copy = *m;

	handle(s, &copy);
	return true;
}

void dlm_saved_replay(struct dlm_space *s)
{
	dlm_saved_drop(s, replay);
}

static void receive_message(struct dlm_space *s, const uint8_t *packet, size_t len)
{
	struct dlm_message m;
	const char *why;

	if (dlm_message_decode(packet, len, &m, &why)) {
		dlm_error(s, m.sender, why);
		return;
	}
	/* Before our first recovery: it means a member of that number before us. */
	if (!s->generation)
		return;
	if (s->step != DLM_RUNNING)
		save(s, packet, len, m.sender);
	else if (dlm_space_has(s, m.sender))
		handle(s, &m);
}

void dlm_space_receive(struct dlm_space *s, const uint8_t *packet, size_t len, uint64_t now_ms)
{
	struct dlm_header h;
	struct dlm_rcom rcom;
	const char *why;

	s->now_ms = now_ms;
	if (dlm_header_decode(packet, len, &h, &why))
		return;
	if (h.cmd == DLM_MSG)
		receive_message(s, packet, len);
	else if (dlm_rcom_decode(packet, len, &rcom, &why))
		dlm_error(s, h.nodeid, why);
	else
		dlm_rcom_receive(s, &rcom);
}

/* ---- recovery ---- */

void dlm_space_stop(struct dlm_space *s)
{
	s->step = DLM_STOPPED;
	s->seq++;
	s->progress = 0;
	s->n_awaited = 0;
}

int dlm_space_start(struct dlm_space *s, const uint32_t *members, unsigned n, uint64_t now_ms)
{
	int rc = check_members(s, members, n);
	unsigned i;

	s->now_ms = now_ms;
	if (rc)
		return rc;
	dlm_space_stop(s);
	for (i = s->n_members; i--; )
		if (!is_listed(members, n, s->members[i].nodeid))
			dlm_space_gone(s, s->members[i].nodeid);
	for (i = 0; i < n; i++)
		if (!dlm_space_has(s, members[i]))
			s->members[s->n_members++] = (struct dlm_member){ .nodeid = members[i] };
	qsort(s->members, s->n_members, sizeof(s->members[0]), by_nodeid);
	dlm_rebuild_begin(s);
	dlm_advance(s);
	return 0;
}

/* ---- time ---- */

void dlm_space_link_up(struct dlm_space *s, uint32_t nodeid, uint64_t now_ms)
{
	struct dlm_member *m = dlm_member(s, nodeid);

	s->now_ms = now_ms;
	if (m && m->asked)
		dlm_ask_again(s, m);
}

uint64_t dlm_space_deadline(const struct dlm_space *s)
{
	uint64_t due = s->step == DLM_RUNNING ? s->toss_due_ms : DLM_NEVER;
	unsigned i;

	for (i = 0; i < s->n_members; i++)
		if (s->members[i].due_ms < due)
			due = s->members[i].due_ms;
	return due;
}

void dlm_space_tick(struct dlm_space *s, uint64_t now_ms)
{
	unsigned i;

	s->now_ms = now_ms;
	for (i = 0; i < s->n_members; i++)
		if (s->members[i].due_ms <= now_ms)
			dlm_ask_again(s, &s->members[i]);
	dlm_toss(s);
}

/* ---- begin and end ---- */

int dlm_space_new(const struct dlm_space_options *opt, const struct dlm_host *host,
		  struct dlm_space **ret_space)
{
	struct dlm_space *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->opt = *opt;
	s->host = *host;
	s->seq = opt->seq;
	s->saved_end = &s->saved;
	s->toss_due_ms = DLM_NEVER;
	*ret_space = s;
	return 0;
}

static bool any(struct dlm_space *s, const struct dlm_message *m)
{
	(void)s;
	(void)m;
	return true;
}

void dlm_space_free(struct dlm_space *s)
{
	unsigned i;

	if (!s)
		return;
	for (i = 0; i < DLM_LOCKS_MAX; i++)
		if (s->locks[i])
			dlm_lock_free(s, s->locks[i]);
	dlm_resources(s, dlm_resource_free);
	dlm_saved_drop(s, any);
	free(s);
}

uint32_t dlm_space_id(const struct dlm_space *s)
{
	return s->opt.id;
}

/* ---- status ---- */

void dlm_space_status(const struct dlm_space *s, struct dlm_space_status *ret)
{
	const struct dlm_resource *r;
	unsigned i;

	*ret = (struct dlm_space_status){
		.step = dlm_step_name(s->step), .generation = s->generation,
		.n_members = s->n_members,
	};
	for (i = 0; i < s->n_members; i++)
		ret->members[i] = s->members[i].nodeid;
	for (i = 0; i < DLM_LOCKS_MAX; i++)
		if (s->locks[i] && s->locks[i]->owner == s->opt.nodeid)
			ret->n_locks++;
		else if (s->locks[i])
			ret->n_copies++;
	for (i = 0; i < DLM_BUCKETS; i++)
		for (r = s->buckets[i]; r; r = r->next)
			if (r->master == s->opt.nodeid)
				ret->n_mastered++;
			else if (r->master && dlm_directory(s, r->hash) == s->opt.nodeid)
				ret->n_directory++;
}
