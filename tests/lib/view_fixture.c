/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns one view and what it concluded; knows nothing of what is right. */
#include "tests/lib/view_fixture.h"

struct view v;
char said[1024];
struct greeting sent;
unsigned n_sent;
int send_result;
uint64_t now;

static void put(const char *fmt, unsigned a, unsigned b, const char *text)
{
	size_t len = strlen(said);

	snprintf(said + len, sizeof(said) - len, fmt, a, b, text);
}

static void conclude_addrs(const struct view_action *a)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)a->addrs;
	char text[32] = "";

	inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
	put("addrs %u %u %s;", a->nodeid, a->n_addrs, text);
}

static void conclude_send(const struct view_action *a)
{
	if (!send_result) {
		CHECK_EQ(greeting_get(a->bytes, a->len, &sent), 0);
		n_sent++;
	}
	view_sent(&v, !send_result, now);
}

void conclude(void)
{
	static const char *const incarnations[] = {
		[VIEW_JOINED] = "joined", [VIEW_LEAVING] = "leaving", [VIEW_LEFT] = "left",
		[VIEW_FAILED] = "failed", [VIEW_FENCE] = "fence", [VIEW_FENCED] = "fenced",
	};
	struct view_action a;

	while (view_poll(&v, &a)) {
		switch (a.what) {
		case VIEW_ADD:		put("add %u;%.0u%s", a.nodeid, 0, ""); break;
		case VIEW_SET_ADDRS:	conclude_addrs(&a); break;
		case VIEW_REMOVE:	put("remove %u;%.0u%s", a.nodeid, 0, ""); break;
		case VIEW_JOINED:
		case VIEW_LEAVING:
		case VIEW_LEFT:
		case VIEW_FAILED:
		case VIEW_FENCE:
		case VIEW_FENCED:
			put("%.0u%.0u%s", 0, 0, incarnations[a.what]);
			put(" %u %x;%s", a.nodeid, (unsigned)a.incarnation, "");
			break;
		case VIEW_QUORUM:	put("quorum %u;%.0u%s", a.is_quorate, 0, ""); break;
		case VIEW_SELF_LOST:	put("self lost;%.0u%.0u%s", 0, 0, ""); break;
		case VIEW_SEND:		conclude_send(&a); break;
		case VIEW_NOTE:		put("note %u;%.0u%s", a.nodeid, 0, ""); break;
		}
	}
}

/* ---- what the service says ---- */

void says(const char *expected)
{
	CHECK_STR(said, expected);
	said[0] = '\0';
}

struct sockaddr_storage node_address(unsigned last)
{
	struct sockaddr_storage addr = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&addr;

	in->sin_family = AF_INET;
	in->sin_port = htons(SINEW_PORT);
	in->sin_addr.s_addr = htonl(0x0a000000u + last);
	return addr;
}

void nodelist(const unsigned *ids, unsigned n)
{
	static struct view_node nodes[VIEW_NODES_MAX];

	for (unsigned i = 0; i < n; i++) {
		nodes[i] = (struct view_node){ .nodeid = ids[i], .n_addrs = 1 };
		nodes[i].addrs[0] = node_address(ids[i]);
	}
	view_nodelist(&v, nodes, n);
	conclude();
}

void view_begin_as(enum greeting_type type)
{
	static const unsigned three[] = { 1, 2, 3 };
	const struct greeting own = { .type = type, .nodeid = ME, .incarnation = 0xa1 };

	said[0] = '\0';
	n_sent = 0;
	send_result = 0;
	now = 1000 * MS;
	view_init(&v, &own);
	nodelist(three, 3);
}

void view_begin(void)
{
	view_begin_as(GREETING_HELLO);
	says("add 2;add 3;");
}

void group(const unsigned *ids, unsigned n)
{
	struct view_process all[VIEW_PROCESSES_MAX];

	for (unsigned i = 0; i < n; i++)
		all[i] = (struct view_process){ ids[i], ids[i] * 10 };
	view_group(&v, MY_PID, all, n, NULL, 0, now);
	conclude();
	view_settle(&v);
	conclude();
}

void member_goes(unsigned id, enum view_cause cause)
{
	const struct view_gone g = { { id, id * 10 }, cause };
	struct view_process all[VIEW_PROCESSES_MAX];
	unsigned n = 0;

	all[n++] = (struct view_process){ ME, MY_PID };
	for (unsigned i = 0; i < v.n_members; i++)
		if (v.members[i].process.nodeid != id)
			all[n++] = v.members[i].process;
	view_group(&v, MY_PID, all, n, &g, 1, now);
	conclude();
	view_settle(&v);
	conclude();
}

void greet(unsigned id, enum greeting_type type, uint64_t incarnation)
{
	const struct greeting g = { .type = type, .nodeid = id, .incarnation = incarnation };
	const struct view_process from = { id, id * 10 };
	uint8_t bytes[GREETING_MAX];

	view_message(&v, &from, bytes, greeting_put(bytes, &g));
	conclude();
}

void rings(uint64_t group_seq, uint64_t quorum_seq, bool is_quorate)
{
	const struct view_ring a = { ME, group_seq }, b = { ME, quorum_seq };

	view_group_ring(&v, &a);
	conclude();
	view_quorum(&v, is_quorate, &b);
	conclude();
	view_settle(&v);
	conclude();
}

void gone(unsigned id, enum view_cause cause)
{
	const uint64_t seq = v.quorum.computed.seq;

	member_goes(id, cause);
	if (cause == VIEW_NODEDOWN)
		rings(seq + 1, seq + 1, v.quorum.says_quorate);
}

void run_to(uint64_t later_ms)
{
	uint64_t until = now + later_ms * MS;

	while (view_deadline(&v) <= until) {
		now = view_deadline(&v) > now ? view_deadline(&v) : now + MS;
		view_tick(&v, now);
		conclude();
	}
	now = until;
}

void together(void)
{
	static const unsigned two[] = { 1, 2 };

	view_begin();
	group(two, 2);
	rings(7, 7, true);
	greet(2, GREETING_HELLO, 0xb1);
	run_to(200);
	says("quorum 1;addrs 2 1 10.0.0.2;joined 2 b1;");
}
