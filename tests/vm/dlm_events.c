/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vm/dlm_member.h"
#include "tools/json.h"

#define SCHEMA	1

static struct json_object *begin(const char *name)
{
	struct json_object *o = json_document(SCHEMA);

	json_put_string(o, "event", name);
	return o;
}

/* Nobody is left who reads: there is nothing to do any more. */
static void print(struct json_object *o)
{
	int rc = json_print(o, stdout);

	json_free(o);
	if (rc) {
		fprintf(stderr, "dlm_member: cannot write an event: %s\n", strerror(-rc));
		exit(1);
	}
}

void say_event(const char *name, ...)
{
	struct json_object *o = begin(name);
	const char *key;
	va_list args;

	va_start(args, name);
	while ((key = va_arg(args, const char *)))
		json_put_string(o, key, va_arg(args, const char *));
	va_end(args);
	print(o);
}

void say_error(uint32_t peer, const char *fmt, ...)
{
	struct json_object *o = begin("error");
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (peer)
		json_put_number(o, "peer", peer);
	json_put_string(o, "text", text);
	print(o);
}

/* ---- of lockspaces ---- */

static const char *result_name(int32_t result)
{
	switch (-result) {
	case 0:
		return "OK";
	case DLM_EAGAIN:
		return "EAGAIN";
	case DLM_EDEADLK:
		return "EDEADLK";
	case DLM_ECANCEL:
		return "ECANCEL";
	case DLM_EUNLOCK:
		return "EUNLOCK";
	case DLM_ENOENT:
		return "ENOENT";
	case DLM_EINVAL:
		return "EINVAL";
	case DLM_ENOMEM:
		return "ENOMEM";
	}
	return "other";
}

static void put_result(struct json_object *o, int32_t result)
{
	json_put_number(o, "result", (uint64_t)-(int64_t)result);
	json_put_string(o, "name", result_name(result));
}

static void put_space(struct json_object *o, const struct program *p, uint32_t id)
{
	char hex[16];
	unsigned i;

	for (i = 0; i < DLM_SPACES_MAX; i++)
		if (p->spaces[i].space && dlm_space_id(p->spaces[i].space) == id)
			json_put_string(o, "ls", p->spaces[i].name);
	snprintf(hex, sizeof(hex), "%" PRIx32, id);
	json_put_string(o, "id_of_ls", hex);
}

static void put_lvb(struct json_object *o, const uint8_t *lvb)
{
	char text[DLM_LVB + 1] = "";

	if (!lvb)
		return;
	memcpy(text, lvb, DLM_LVB);
	json_put_string(o, "lvb", text);
}

static void put_ast(struct json_object *o, const struct dlm_event *e)
{
	put_result(o, e->result);
	json_put_bool(o, "demoted", e->sbflags & DLM_DEMOTED);
	json_put_bool(o, "valnotvalid", e->sbflags & DLM_VALNOTVALID);
	json_put_bool(o, "altmode", e->sbflags & DLM_ALTMODE);
	put_lvb(o, e->lvb);
}

static struct loop *loop_of(struct program *p, uint32_t id)
{
	unsigned i;

	for (i = 0; i < LOOPS_MAX; i++)
		if (p->loops[i].id == id)
			return &p->loops[i];
	return NULL;
}

/* A conversion of a loop is counted. */
static bool is_of_loop(struct program *p, const struct dlm_event *e)
{
	struct loop *loop = e->id ? loop_of(p, e->id) : NULL;

	if (!loop || (e->kind != DLM_EVENT_AST && e->kind != DLM_EVENT_QUEUED))
		return false;
	if (e->kind == DLM_EVENT_AST) {
		loop->n_bad += e->result != 0;
		loop->is_ready = true;
	}
	return true;
}

static const char *const names[] = {
	[DLM_EVENT_LOCK] = "lock", [DLM_EVENT_QUEUED] = "queued", [DLM_EVENT_AST] = "ast",
	[DLM_EVENT_BAST] = "bast", [DLM_EVENT_CANCEL] = "cancel",
	[DLM_EVENT_RECOVERY] = "recovery", [DLM_EVENT_JOINED] = "joined",
	[DLM_EVENT_PURGE] = "purge", [DLM_EVENT_ERROR] = "error",
};

void say_space_event(void *arg, const struct dlm_event *e)
{
	struct program *p = arg;
	struct json_object *o;

	if (is_of_loop(p, e))
		return;
	o = begin(names[e->kind]);
	put_space(o, p, e->space);
	if (e->peer)
		json_put_number(o, "peer", e->peer);
	if (e->id)
		json_put_number(o, "id", e->id);
	if (e->id)
		json_put_string(o, "mode", dlm_mode_name(e->mode));
	if (e->kind == DLM_EVENT_LOCK)
		put_result(o, 0);
	if (e->kind == DLM_EVENT_AST)
		put_ast(o, e);
	if (e->kind == DLM_EVENT_JOINED)
		json_put_number(o, "generation", e->generation);
	if (e->kind == DLM_EVENT_PURGE)
		json_put_number(o, "pid", (uint32_t)e->result);
	if (e->text)
		json_put_string(o, e->kind == DLM_EVENT_RECOVERY ? "phase" : "text", e->text);
	print(o);
}

void say_loop(const struct loop *loop, uint64_t now_ms)
{
	struct json_object *o = begin("loop");

	json_put_number(o, "id", loop->id);
	json_put_number(o, "n", loop->n);
	json_put_number(o, "bad", loop->n_bad);
	json_put_number(o, "ms", now_ms - loop->begun_ms);
	print(o);
}

/* ---- of sessions ---- */

void say_session(const struct peer *peer, const char *state, const char *reason)
{
	struct json_object *o = begin("session");

	json_put_number(o, "peer", peer->nodeid);
	json_put_string(o, "state", state);
	if (reason)
		json_put_string(o, "reason", reason);
	print(o);
}

void say_link_up(const struct peer *peer)
{
	struct json_object *o = begin("link_up");

	json_put_number(o, "peer", peer->nodeid);
	print(o);
}

/* ---- status ---- */

static void put_peer(struct json_object *o, const struct program *p, const struct peer *peer)
{
	struct sinew_status st = { .size = sizeof(st) };
	char hex[16];

	json_put_number(o, "peer", peer->nodeid);
	if (sinew_peer_status(p->node, peer->nodeid, &st))
		return;
	snprintf(hex, sizeof(hex), "%" PRIx32, st.dlm_version);
	json_put_bool(o, "is_member", peer->incarnation != 0);
	json_put_bool(o, "is_up", peer->session != NULL);
	json_put_string(o, "state", sinew_state_name(st.state));
	json_put_string(o, "version", hex);
	json_put_bool(o, "unreliable", st.unreliable);
	json_put_bool(o, "release_missing", st.release_missing);
	json_put_bool(o, "link_up", st.link_up);
	json_put_number(o, "links", st.n_links);
	json_put_bool(o, "flow_blocked", st.flow_blocked);
	json_put_number(o, "sent", st.sent);
	json_put_number(o, "delivered", st.delivered);
	json_put_number(o, "unacked", st.unacked);
	json_put_number(o, "resent", st.resent);
	json_put_number(o, "duplicates", st.duplicates);
	json_put_number(o, "reconnects", st.reconnects);
	json_put_number(o, "faults", st.faults);
	json_put_number(o, "stalls", st.stalls);
	json_put_number(o, "backlog_bytes", peer->backlog_bytes);
}

static void put_lockspace(struct json_object *o, const struct lockspace *ls)
{
	struct dlm_space_status st;
	struct json_object *members;
	char hex[16];
	unsigned i;

	dlm_space_status(ls->space, &st);
	snprintf(hex, sizeof(hex), "%" PRIx32, dlm_space_id(ls->space));
	json_put_string(o, "ls", ls->name);
	json_put_string(o, "id_of_ls", hex);
	json_put_string(o, "phase", st.step);
	json_put_number(o, "generation", st.generation);
	json_put_number(o, "locks", st.n_locks);
	json_put_number(o, "copies", st.n_copies);
	json_put_number(o, "mastered", st.n_mastered);
	json_put_number(o, "directory", st.n_directory);
	members = json_put_array(o, "members");
	for (i = 0; i < st.n_members; i++)
		json_add_double(members, st.members[i]);
}

void say_status(struct program *p)
{
	struct json_object *o = begin("status"), *array;
	unsigned i;

	array = json_put_array(o, "sessions");
	for (i = 0; i < p->n_peers; i++)
		put_peer(json_element(array), p, &p->peers[i]);
	array = json_put_array(o, "lockspaces");
	for (i = 0; i < DLM_SPACES_MAX; i++)
		if (p->spaces[i].space)
			put_lockspace(json_element(array), &p->spaces[i]);
	print(o);
}
