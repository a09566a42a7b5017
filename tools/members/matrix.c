/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew members --matrix": who has a session with whom, as the nodes publish it, asked of one node
 * of this machine. The nodes are the peers in its status, because nobody publishes a node without a
 * session. Knows neither corosync nor a file of nodes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/sinew-topo.h"
#include "tools/clock.h"
#include "tools/command.h"
#include "tools/json.h"
#include "tools/local.h"
#include "tools/members/members.h"
#include "tools/say.h"

#define NODES_MAX	1025	/* peers that a node may have, and itself */
#define REACHES_MAX	(1u << 20)

struct pair {
	uint32_t from, to;
};

struct matrix {
	uint32_t nodes[NODES_MAX];	/* peers of the asked one, and itself */
	size_t n_nodes;
	struct pair *reaches;
	size_t n_reaches, room;
	bool is_over;
	int status;
};

static void add_node(struct matrix *m, uint32_t nodeid)
{
	size_t i;

	for (i = 0; i < m->n_nodes; i++)
		if (m->nodes[i] == nodeid)
			return;
	if (m->n_nodes < NODES_MAX)
		m->nodes[m->n_nodes++] = nodeid;
}

static void add_reach(struct matrix *m, uint32_t from, uint32_t to)
{
	if (m->n_reaches == m->room) {
		size_t room = m->room ? m->room * 2 : 256;
		struct pair *more = room <= REACHES_MAX ?
			realloc(m->reaches, room * sizeof(*more)) : NULL;

		if (!more) {
			say(SINEW_ERROR, "out of memory");
			m->status = STATUS_USAGE;
			m->is_over = true;
			return;
		}
		m->reaches = more;
		m->room = room;
	}
	m->reaches[m->n_reaches++] = (struct pair){ from, to };
}

static void on_event(struct sinew_subscription *sub, const struct sinew_topo_msg *msg, void *user)
{
	const struct sinew_publication *p = msg->publication;
	struct matrix *m = user;

	(void)sub;
	if (msg->event == SINEW_TOPO_PUBLISHED && p->type == SINEW_TOPO_NODE) {
		add_node(m, p->lower);
	} else if (msg->event == SINEW_TOPO_PUBLISHED && p->type == SINEW_TOPO_REACH) {
		add_reach(m, p->node, p->lower);
	} else if (msg->event == SINEW_TOPO_TIMEOUT) {
		m->is_over = true;
	} else if (msg->error) {
		say(SINEW_ERROR, "the node does not answer: %s", strerror(-msg->error));
		m->status = STATUS_NOT_UP;
		m->is_over = true;
	}
}

static int by_pair(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->from != y->from)
		return x->from > y->from ? 1 : -1;
	return (x->to > y->to) - (x->to < y->to);
}

/* They are sorted. */
static bool reaches(const struct matrix *m, uint32_t from, uint32_t to)
{
	const struct pair pair = { from, to };

	return m->n_reaches &&
	       bsearch(&pair, m->reaches, m->n_reaches, sizeof(pair), by_pair) != NULL;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Each pair of nodes that ought to reach each other and does not. */
static size_t n_missing(const struct matrix *m)
{
	size_t n = 0, i, k;

	for (i = 0; i < m->n_nodes; i++)
		for (k = 0; k < m->n_nodes; k++)
			n += i != k && !reaches(m, m->nodes[i], m->nodes[k]);
	return n;
}

static void print_table(const struct matrix *m)
{
	size_t i, k;

	printf("%-10s", "FROM \\ TO");
	for (k = 0; k < m->n_nodes; k++)
		printf(" %10" PRIu32, m->nodes[k]);
	putchar('\n');
	for (i = 0; i < m->n_nodes; i++) {
		printf("%-10" PRIu32, m->nodes[i]);
		for (k = 0; k < m->n_nodes; k++)
			printf(" %10s", i == k ? "." :
			       reaches(m, m->nodes[i], m->nodes[k]) ? "yes" : "NO");
		putchar('\n');
	}
}

static struct json_object *document(const struct matrix *m)
{
	struct json_object *o = json_document(1), *nodes, *from, *to;
	size_t i, k;

	json_put_string(o, "command", "members");
	json_put_string(o, "event", "matrix");
	nodes = json_put_array(o, "nodes");
	for (i = 0; i < m->n_nodes; i++) {
		from = json_element(nodes);
		json_put_number(from, "node", m->nodes[i]);
		to = json_put_array(from, "reaches");
		for (k = 0; k < m->n_nodes; k++)
			if (i != k && reaches(m, m->nodes[i], m->nodes[k]))
				json_put_number(json_element(to), "node", m->nodes[k]);
	}
	return o;
}

static int print(struct matrix *m, bool json)
{
	int status;

	qsort(m->nodes, m->n_nodes, sizeof(m->nodes[0]), by_number);
	if (m->n_reaches)
		qsort(m->reaches, m->n_reaches, sizeof(m->reaches[0]), by_pair);
	if (!json)
		print_table(m);
	status = options_written(json_end(json ? document(m) : NULL));
	return status || !n_missing(m) ? status : STATUS_NOT_UP;
}

static void add_peers(struct matrix *m, struct json_object *peers)
{
	uint64_t nodeid;
	size_t n = json_is_array(peers) ? json_count(peers) : 0, i;

	for (i = 0; i < n; i++) {
		struct json_object *peer = json_at(peers, i);

		if (json_is_object(peer) && json_get_number(peer, "node", &nodeid) &&
		    nodeid && nodeid <= UINT32_MAX)
			add_node(m, (uint32_t)nodeid);
	}
}

static int ask_peers(struct matrix *m, const char *name)
{
	struct json_object *request = json_document(1), *answer;
	int status;

	json_put_string(request, "ask", "status");
	status = local_ask(name, request, LOCAL_TIMEOUT_MS, &answer);
	json_free(request);
	if (status)
		return status;
	add_peers(m, json_get(answer, "peers"));
	json_free(answer);
	return STATUS_OK;
}

/* All types below those of programs, of which two are of interest. */
static int ask(struct matrix *m, struct sinew_topo *topo)
{
	struct sinew_topo_filter filter = {
		.size = sizeof(filter), .type = SINEW_TOPO_ANY, .upper = UINT32_MAX,
	};
	const uint64_t until_ns = clock_now_ns() + LOCAL_TIMEOUT_MS * CLOCK_MS;
	int rc = sinew_topo_subscribe(topo, &filter, on_event, m, NULL), left_ms;

	if (rc) {
		say(SINEW_ERROR, "cannot subscribe: %s", strerror(-rc));
		return STATUS_USAGE;
	}
	while (!m->is_over) {
		left_ms = clock_timeout_ms(until_ns);
		rc = left_ms ? sinew_topo_dispatch(topo, left_ms) : -ETIMEDOUT;
		if (rc >= 0 || rc == -EINTR)
			continue;
		say(SINEW_ERROR, "the node does not answer: %s", strerror(-rc));
		return STATUS_NOT_UP;
	}
	return m->status;
}

int members_matrix(const struct members_arguments *args)
{
	const struct local_arguments local = {
		.socket = args->socket, .config = args->cluster.config, .node = args->cluster.node,
	};
	struct matrix *m = calloc(1, sizeof(*m));
	char name[SINEW_CONTROL_NAME_MAX];
	struct sinew_topo *topo = NULL;
	int status = m ? local_find(&local, name) : STATUS_USAGE, rc;

	if (!status)
		status = ask_peers(m, name);
	if (!status) {
		rc = sinew_topo_connect(name, &topo);
		status = rc ? local_failed(name, rc) : ask(m, topo);
	}
	if (!status)
		status = print(m, args->json);
	sinew_topo_close(topo);
	if (m)
		free(m->reaches);
	free(m);
	return status;
}
