/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "tests/vm/dlm_state.h"

#define POLL_STEP_MS	20	/* a member that is not there is asked again after 20, 40, ... */
#define POLL_MAX_MS	1000
#define CONFIG_FLAGS	0	/* lsflags that all members have in common */

const char *dlm_step_name(enum dlm_step step)
{
	static const char *const names[] = {
		[DLM_STOPPED] = "stopped", [DLM_PING] = "ping", [DLM_WAIT_NODES] = "nodes",
		[DLM_GET_NAMES] = "names", [DLM_WAIT_DIR] = "directory",
		[DLM_GET_MASTERS] = "masters", [DLM_SEND_LOCKS] = "locks",
		[DLM_WAIT_LOCKS] = "locks done", [DLM_WAIT_DONE] = "done",
		[DLM_RUNNING] = "running",
	};

	return names[step];
}

/* ---- sending ---- */

void dlm_rcom_send(struct dlm_space *s, uint32_t nodeid, struct dlm_rcom *rcom, bool bare)
{
	uint8_t packet[DLM_PACKET_MAX];

	rcom->space = s->opt.id;
	rcom->sender = s->opt.nodeid;
	rcom->seq = s->seq;
	s->host.send(s->host.arg, nodeid, packet, dlm_rcom_encode(packet, rcom), bare);
}

static bool is_lowest(const struct dlm_space *s)
{
	return s->members[0].nodeid == s->opt.nodeid;
}

static void ask(struct dlm_space *s, struct dlm_member *m)
{
	bool for_slots = s->step == DLM_WAIT_NODES && !is_lowest(s);
	uint8_t body[DLM_PACKET_MAX];
	struct dlm_rcom rcom = { .body = body };

	m->asked = s->step == DLM_GET_NAMES ? DLM_RCOM_NAMES : DLM_RCOM_STATUS;
	m->ask_id = ++s->last_id;
	m->due_ms = s->now_ms + s->opt.recover_ms;
	rcom.type = m->asked;
	rcom.id = m->ask_id;
	if (m->asked == DLM_RCOM_STATUS) {
		rcom.body_len = dlm_status_body(body, for_slots ? DLM_NEED_SLOTS : 0);
	} else {
		rcom.body = m->last_name;
		rcom.body_len = m->last_len;
	}
	dlm_rcom_send(s, m->nodeid, &rcom, true);
}

void dlm_ask_again(struct dlm_space *s, struct dlm_member *m)
{
	if (s->step == DLM_STOPPED || s->step == DLM_RUNNING || m->has_reached)
		m->due_ms = DLM_NEVER;
	else
		ask(s, m);
}

/* ---- slots ---- */

static bool has_slot(const struct dlm_space *s, uint16_t slot)
{
	unsigned i;

	for (i = 0; i < s->n_members; i++)
		if (s->members[i].slot == slot)
			return true;
	return false;
}

/* The lowest node numbers the members: who has a slot keeps it, another gets the lowest free. */
static void assign_slots(struct dlm_space *s)
{
	uint16_t next = 1;
	unsigned i, k;

	s->members[0].slot = s->slot;
	for (i = 0; i < s->n_members; i++)
		for (k = 0; k < i; k++)
			if (s->members[k].slot == s->members[i].slot)
				s->members[i].slot = 0;
	for (i = 0; i < s->n_members; i++) {
		if (s->members[i].generation > s->generation)
			s->generation = s->members[i].generation;
		if (s->members[i].slot)
			continue;
		while (has_slot(s, next))
			next++;
		s->members[i].slot = next;
	}
	s->slot = s->members[0].slot;
	s->generation++;
}

static void take_slots(struct dlm_space *s, const struct dlm_config *config)
{
	unsigned i;

	for (i = 0; i < config->n_slots; i++)
		if (config->slots[i].nodeid == s->opt.nodeid)
			s->slot = config->slots[i].slot;
	if (config->generation)
		s->generation = config->generation;
}

/* ---- steps ---- */

/* The bit of a step that is a barrier, else 0. */
static uint32_t barrier(enum dlm_step step)
{
	if (step == DLM_WAIT_NODES)
		return DLM_AT_NODES;
	if (step == DLM_WAIT_DIR)
		return DLM_AT_DIR;
	if (step == DLM_WAIT_LOCKS)
		return DLM_AT_LOCKS;
	return step == DLM_WAIT_DONE ? DLM_AT_DONE : 0;
}

/* At a barrier the lowest node asks all, and the others ask it. */
static void ask_all(struct dlm_space *s)
{
	bool is_barrier = barrier(s->step), asks_all = !is_barrier || is_lowest(s);
	unsigned i;

	for (i = 0; i < s->n_members; i++) {
		struct dlm_member *m = &s->members[i];

		m->n_polls = 0;
		m->last_len = 0;
		m->asked = DLM_RCOM_NONE;
		m->due_ms = DLM_NEVER;
		m->has_reached = m->nodeid == s->opt.nodeid || (i && !asks_all);
		if (!m->has_reached)
			ask(s, m);
	}
}

/* Names are looked up anew after recovery, and members that have gone get no answers. */
static bool is_void(struct dlm_space *s, const struct dlm_message *m)
{
	return dlm_is_gone(s, m->sender) || m->type == DLM_LOOKUP ||
		m->type == DLM_LOOKUP_REPLY || m->type == DLM_REMOVE;
}

static void enter(struct dlm_space *s, enum dlm_step step)
{
	s->step = step;
	s->progress |= barrier(step);
	dlm_event(s, &(struct dlm_event){
		.kind = DLM_EVENT_RECOVERY, .text = dlm_step_name(step), .mode = DLM_IV,
	});
	switch (step) {
	case DLM_STOPPED:
		return;
	case DLM_WAIT_DONE:
		dlm_saved_drop(s, is_void);
		ask_all(s);
		return;
	case DLM_PING:
	case DLM_WAIT_NODES:
	case DLM_GET_NAMES:
	case DLM_WAIT_DIR:
	case DLM_WAIT_LOCKS:
		ask_all(s);
		return;
	case DLM_GET_MASTERS:
		dlm_rebuild_masters(s);
		return;
	case DLM_SEND_LOCKS:
		dlm_rebuild_locks(s);
		return;
	case DLM_RUNNING:
		s->n_gone = 0;
		dlm_event(s, &(struct dlm_event){
			.kind = DLM_EVENT_JOINED, .generation = s->generation, .mode = DLM_IV,
		});
		dlm_rebuild_end(s);
		return;
	}
}

static bool is_over(const struct dlm_space *s)
{
	unsigned i;

	if (s->step == DLM_GET_MASTERS || s->step == DLM_SEND_LOCKS)
		return !s->n_awaited;
	for (i = 0; i < s->n_members; i++)
		if (!s->members[i].has_reached)
			return false;
	return true;
}

void dlm_advance(struct dlm_space *s)
{
	if (s->step == DLM_STOPPED)
		enter(s, DLM_PING);
	while (s->step != DLM_RUNNING && is_over(s)) {
		if (is_lowest(s)) {
			if (s->step == DLM_WAIT_NODES)
				assign_slots(s);
			s->progress |= DLM_AT_ALL(barrier(s->step));
		}
		enter(s, s->step + 1);
	}
}

/* ---- STATUS ---- */

static void answer_status(struct dlm_space *s, const struct dlm_rcom *question)
{
	uint8_t body[DLM_PACKET_MAX];
	struct dlm_config config = {
		.lvblen = DLM_LVB, .lsflags = CONFIG_FLAGS, .our_slot = s->slot,
		.generation = s->generation,
	};
	struct dlm_rcom reply = {
		.type = DLM_RCOM_STATUS_REPLY, .result = (int32_t)s->progress,
		.id = question->id, .seq_reply = question->seq, .body = body,
	};
	unsigned i;

	if (dlm_status_flags(question) & DLM_NEED_SLOTS &&
	    s->progress & DLM_AT_ALL(DLM_AT_NODES))
		for (i = 0; i < s->n_members; i++)
			config.slots[config.n_slots++] = (struct dlm_slot){
				.nodeid = s->members[i].nodeid, .slot = s->members[i].slot,
			};
	reply.body_len = dlm_config_body(body, &config);
	dlm_rcom_send(s, question->sender, &reply, true);
}

size_t dlm_no_space_reply(uint8_t *packet, uint32_t nodeid, const struct dlm_rcom *status)
{
	uint8_t body[DLM_PACKET_MAX];
	struct dlm_config config = { .lvblen = UINT32_MAX };
	struct dlm_rcom reply = {
		.space = status->space, .sender = nodeid, .type = DLM_RCOM_STATUS_REPLY,
		.result = -DLM_ESRCH, .id = status->id, .seq_reply = status->seq, .body = body,
		.body_len = dlm_config_body(body, &config),
	};

	return dlm_rcom_encode(packet, &reply);
}

static void complain(struct dlm_space *s, struct dlm_member *m, const char *text)
{
	if (!m->has_complained)
		dlm_error(s, m->nodeid, text);
	m->has_complained = true;
}

/* Whether the member is where the step wants it; a space that it does not have yet will do for the
 * first question. */
static bool reaches(struct dlm_space *s, struct dlm_member *m, const struct dlm_rcom *rcom)
{
	uint32_t goal = barrier(s->step);
	struct dlm_config config;
	const char *why;

	if (rcom->result < 0)
		return s->step == DLM_PING;
	if (dlm_config_decode(rcom, &config, &why)) {
		complain(s, m, why);
		return false;
	}
	if (config.lvblen != DLM_LVB || config.lsflags != CONFIG_FLAGS) {
		complain(s, m, "has a lockspace with another length of value blocks than 32, or "
			 "with flags, so we cannot join it; it is to be created without flags");
		return false;
	}
	/* Behind that barrier the slots are ours to say. */
	if (s->step <= DLM_WAIT_NODES) {
		m->slot = config.our_slot;
		m->generation = config.generation;
	}
	if (s->step == DLM_PING)
		return true;
	if (!is_lowest(s))
		goal = DLM_AT_ALL(goal);
	if (!(rcom->result & (int32_t)goal))
		return false;
	if (s->step == DLM_WAIT_NODES && !is_lowest(s))
		take_slots(s, &config);
	return true;
}

static void status_reply(struct dlm_space *s, struct dlm_member *m, const struct dlm_rcom *rcom)
{
	unsigned wait_ms;

	m->asked = DLM_RCOM_NONE;
	m->has_reached = reaches(s, m, rcom);
	if (m->has_reached) {
		m->due_ms = DLM_NEVER;
		dlm_advance(s);
		return;
	}
	wait_ms = m->n_polls * POLL_STEP_MS;
	m->n_polls += wait_ms < POLL_MAX_MS;
	m->due_ms = s->now_ms + wait_ms;
}

/* ---- NAMES ---- */

static void answer_names(struct dlm_space *s, const struct dlm_rcom *question)
{
	uint8_t body[DLM_NAMES];
	struct dlm_rcom reply = {
		.type = DLM_RCOM_NAMES_REPLY, .id = question->id, .seq_reply = question->seq,
		.body = body, .body_len = sizeof(body),
	};

	dlm_rebuild_names(s, question, body);
	dlm_rcom_send(s, question->sender, &reply, true);
}

static void names_reply(struct dlm_space *s, struct dlm_member *m, const struct dlm_rcom *rcom)
{
	struct dlm_names names = { 0 };
	const char *why;
	int rc;

	while ((rc = dlm_names_next(rcom, &names, &why)) == 1)
		dlm_rebuild_name(s, m->nodeid, names.name, names.len);
	if (rc || (!names.is_last && !names.name)) {
		complain(s, m, rc ? why : "sends a list of names without one, and not the last");
		return;
	}
	m->asked = DLM_RCOM_NONE;
	if (!names.is_last) {
		memcpy(m->last_name, names.name, names.len);
		m->last_len = names.len;
		ask(s, m);
		return;
	}
	m->has_reached = true;
	m->due_ms = DLM_NEVER;
	dlm_advance(s);
}

/* ---- receiving ---- */

static bool is_reply(enum dlm_rcom_type type)
{
	return type >= DLM_RCOM_STATUS_REPLY;
}

/* Whether this recovery is far enough for it: before, a member repeats or we have asked nothing. */
static bool is_timely(const struct dlm_space *s, const struct dlm_rcom *rcom)
{
	if (rcom->type == DLM_RCOM_STATUS)
		return true;
	if (s->step == DLM_STOPPED || (is_reply(rcom->type) && rcom->seq_reply != s->seq))
		return false;
	if (rcom->type == DLM_RCOM_STATUS_REPLY || rcom->type == DLM_RCOM_NAMES_REPLY)
		return true;
	return s->progress & (rcom->type == DLM_RCOM_NAMES ? DLM_AT_NODES : DLM_AT_DIR);
}

void dlm_rcom_receive(struct dlm_space *s, const struct dlm_rcom *rcom)
{
	struct dlm_member *m = dlm_member(s, rcom->sender);

	if (rcom->type == DLM_RCOM_STATUS) {
		answer_status(s, rcom);
		return;
	}
	if (!m || !is_timely(s, rcom))
		return;
	if (rcom->type == DLM_RCOM_NAMES) {
		answer_names(s, rcom);
	} else if (rcom->type == DLM_RCOM_STATUS_REPLY || rcom->type == DLM_RCOM_NAMES_REPLY) {
		if (m->asked + (DLM_RCOM_STATUS_REPLY - DLM_RCOM_STATUS) != rcom->type ||
		    m->ask_id != rcom->id)
			return;
		if (rcom->type == DLM_RCOM_STATUS_REPLY)
			status_reply(s, m, rcom);
		else
			names_reply(s, m, rcom);
	} else {
		dlm_rebuild_receive(s, rcom);
	}
}
