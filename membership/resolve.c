/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/resolve.h"

#include "lowcomms/sockaddr.h"
#include "membership/array.h"
#include "membership/static_inside.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Each ring of each node of a configuration. */
#define EACH_RING(config, type, node, i) \
	array_each(type, node, (config)->nodes, (config)->n_nodes) \
		for (unsigned i = 0; i < SINEW_ADDRS_MAX; i++) \
			if ((node)->rings[i].line)

/* ---- checking addresses ---- */

/* The same address and port twice would make two peers of one listener. */
static int check_unique(const struct sinew_config *config, const struct static_node *node,
			const struct ring *ring, struct config_error *err)
{
	char text[HOST_TEXT_MAX];

	EACH_RING(config, const struct static_node, other, i) {
		const struct ring *taken = &other->rings[i];

		if (taken == ring || !taken->has_addr || !addr_same(&taken->addr, &ring->addr))
			continue;
		return config_fail(err, ring->line, "found %s of node %" PRIu32 " again, node %"
				   PRIu32 " has it in line %u, expected another address or "
				   "another sinew_port", host_text(&ring->addr, true, text),
				   node->nodeid, other->nodeid, taken->line);
	}
	return 0;
}

/* Takes ring->addr, which has no port so far. */
static int take_address(const struct sinew_config *config, const struct static_node *node,
			unsigned i, struct ring *ring, struct config_error *err)
{
	int rc;

	if (!host_is_single(&ring->addr))
		return config_fail(err, ring->line, "found \"%.80s\" as ring%u_addr of node %"
				   PRIu32 ", expected the address of one machine", ring->host, i,
				   node->nodeid);
	if (addr_lacks_scope(&ring->addr))
		return config_fail(err, ring->line, "found \"%.80s\" as ring%u_addr of node %"
				   PRIu32 ", a link-local address: expected its interface as well, "
				   "as in \"fe80::1%%eth0\"", ring->host, i, node->nodeid);
	addr_set_port(&ring->addr, static_port(config, node));
	rc = check_unique(config, node, ring, err);
	ring->has_addr = !rc;
	ring->is_old = false;
	return rc;
}

static int read_ring(const struct sinew_config *config, const struct static_node *node, unsigned i,
		     struct ring *ring, struct config_error *err)
{
	ring->kind = host_read(ring->host, &ring->addr);
	if (ring->kind == HOST_NUMBERS)
		return take_address(config, node, i, ring, err);
	if (ring->kind == HOST_WRONG)
		return config_fail(err, ring->line, "found \"%.80s\" as ring%u_addr of node %"
				   PRIu32 ", expected an address (in full, without leading zeros) "
				   "or a host name", ring->host, i, node->nodeid);
	return 0;
}

int resolve_numbers(struct sinew_config *config, struct config_error *err)
{
	EACH_RING(config, struct static_node, node, i) {
		int rc = read_ring(config, node, i, &node->rings[i], err);

		if (rc)
			return rc;
	}
	return 0;
}

/* ---- what has no address ---- */

static bool is_open(const struct ring *ring)
{
	return ring->line && (!ring->has_addr || ring->is_old);
}

static const char *why(const struct ring *ring)
{
	if (ring->kind == HOST_NO_INTERFACE)
		return "no such interface on this machine";
	if (ring->is_late)
		return "name service timed out";
	if (ring->error == EAI_SYSTEM && ring->errnum)
		return strerror(ring->errnum);
	return ring->error ? gai_strerror(ring->error) : "not resolved yet";
}

void resolve_explain(const struct static_node *node, unsigned i, struct config_error *err)
{
	const struct ring *ring = &node->rings[i];

	config_fail(err, ring->line, "found \"%.80s\" as ring%u_addr of node %" PRIu32
		    ", which cannot be resolved: %s", ring->host, i, node->nodeid, why(ring));
}

unsigned sinew_config_unresolved(const struct sinew_config *config, uint32_t nodeid, char *text,
				 size_t size)
{
	struct config_error e = { .file = config->file, .text = text, .size = size };
	unsigned n = 0;

	if (size)
		text[0] = '\0';
	EACH_RING(config, const struct static_node, node, i) {
		if ((nodeid && node->nodeid != nodeid) || !is_open(&node->rings[i]))
			continue;
		config_behind(&e, "; ");
		resolve_explain(node, i, &e);
		n++;
	}
	return n;
}

int sinew_config_own(const struct sinew_config *config, uint32_t nodeid, char *err,
		     size_t err_size)
{
	const struct static_node *node = static_find(config, nodeid);
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
	struct config_error e = { .file = config->file, .text = err, .size = err_size };

	if (!node || static_addrs(node, addrs))
		return 0;
	sinew_config_unresolved(config, nodeid, err, err_size);
	config_behind(&e, "; ");
	if (e.size)
		snprintf(e.text, e.size, "the own node needs an address: use a numeric one, or "
			 "correct /etc/hosts or the name service");
	return -EADDRNOTAVAIL;
}

/* ---- asking ---- */

/* An interface may have come since. */
static bool is_asked_for(struct ring *ring)
{
	struct sockaddr_storage addr;

	if (is_open(ring) && ring->kind == HOST_NO_INTERFACE &&
	    host_read(ring->host, &addr) == HOST_NUMBERS) {
		ring->addr = addr;
		ring->kind = HOST_NUMBERS;
	}
	return is_open(ring) && ring->kind == HOST_NAME;
}

int resolve_ask(struct sinew_config *config, struct names **ret_names)
{
	char (*hosts)[NAMES_HOST_MAX];
	unsigned n = 0;
	int rc;

	*ret_names = NULL;
	EACH_RING(config, struct static_node, node, i)
		n += is_asked_for(&node->rings[i]);
	if (!n)
		return 0;
	hosts = calloc(n, sizeof(*hosts));
	if (!hosts)
		return -ENOMEM;
	n = 0;
	EACH_RING(config, struct static_node, node, i)
		if (is_asked_for(&node->rings[i]))
			memcpy(hosts[n++], node->rings[i].host, sizeof(*hosts));
	rc = names_begin((const char (*)[NAMES_HOST_MAX])hosts, n, config->family, ret_names);
	free(hosts);
	return rc;
}

static int take_answer(const struct sinew_config *config, const struct static_node *node,
		       unsigned i, struct ring *ring, const struct names_answer *answer,
		       struct config_error *err)
{
	struct ring now = *ring;
	int rc;

	ring->is_late = !answer->is_there;
	ring->error = answer->error;
	ring->errnum = answer->errnum;
	if (!answer->is_there || answer->error)
		return 0;
	ring->addr = answer->addr;
	rc = take_address(config, node, i, ring, err);
	if (rc)
		*ring = now;
	return rc;
}

int resolve_answers(struct sinew_config *config, struct names *names, struct config_error *err)
{
	struct names_answer answer;
	unsigned n = 0;
	int rc = 0, first = 0;

	EACH_RING(config, struct static_node, node, i) {
		struct ring *ring = &node->rings[i];

		if (is_open(ring) && ring->kind == HOST_NUMBERS) {
			rc = take_address(config, node, i, ring, err);
		} else if (is_open(ring) && ring->kind == HOST_NAME && names) {
			names_answer(names, n++, &answer);
			rc = take_answer(config, node, i, ring, &answer, err);
		}
		first = first ? first : rc;
	}
	return first;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Waits for all answers, at most NAMES_MS; false: stop_fd (-1: none) became readable. */
static bool wait_for(struct names *names, int stop_fd)
{
	const uint64_t until = now_ms() + NAMES_MS;
	struct pollfd p[] = {
		{ .fd = names_fd(names), .events = POLLIN },
		{ .fd = stop_fd, .events = POLLIN },
	};

	while (!names_complete(names)) {
		const uint64_t now = now_ms();

		if (now >= until)
			break;
		if (poll(p, 2, (int)(until - now)) > 0 && p[1].revents)
			return false;
	}
	return true;
}

int sinew_config_resolve(struct sinew_config *config, int stop_fd, char *err, size_t err_size)
{
	struct config_error error = { .file = config->file, .text = err, .size = err_size };
	struct names *names;
	int rc;

	rc = resolve_ask(config, &names);
	if (rc) {
		config_fail(&error, 0, "cannot resolve its host names: %s",
			    strerror(-rc));
		return rc;
	}
	if (names && !wait_for(names, stop_fd)) {
		config_fail(&error, 0, "cannot resolve its host names: interrupted");
		rc = -ECANCELED;
	} else {
		rc = resolve_answers(config, names, &error);
	}
	names_drop(names);
	return rc;
}

/* ---- what was known before ---- */

void resolve_inherit(struct sinew_config *config, const struct sinew_config *before)
{
	struct config_error nowhere = { .file = config->file };

	EACH_RING(config, struct static_node, node, i) {
		const struct static_node *old = static_find(before, node->nodeid);
		struct ring *ring = &node->rings[i];

		if (ring->has_addr || !old || !old->rings[i].has_addr)
			continue;
		ring->addr = old->rings[i].addr;
		/* Another node may have that address by now. */
		ring->has_addr = !check_unique(config, node, ring, &nowhere);
		ring->is_old = ring->has_addr;
	}
}

void resolve_news(const struct sinew_config *config, const struct sinew_config *before,
		  sinew_log_fn log, void *log_user)
{
	char line[SINEW_CONFIG_ERROR_MAX], text[HOST_TEXT_MAX];

	EACH_RING(config, const struct static_node, node, i) {
		const struct static_node *old = before ? static_find(before, node->nodeid) : NULL;
		const struct ring *ring = &node->rings[i];
		const struct ring *was = old && old->rings[i].line &&
			!strcmp(old->rings[i].host, ring->host) ? &old->rings[i] : NULL;
		struct config_error e = {
			.file = config->file, .text = line, .size = sizeof(line),
		};

		snprintf(line, sizeof(line), "peer=%" PRIu32 " ", node->nodeid);
		config_behind(&e, "");
		if (is_open(ring) && !(was && is_open(was) && !strcmp(why(was), why(ring)))) {
			resolve_explain(node, i, &e);
			config_behind(&e, !ring->has_addr ? "; retrying" :
				      "; retrying, keeping its old address until then");
			log(log_user, SINEW_WARNING, line);
		} else if (was && is_open(was) && !is_open(ring)) {
			snprintf(e.text, e.size, "\"%.80s\" resolved to %s", ring->host,
				 host_text(&ring->addr, true, text));
			log(log_user, SINEW_INFO, line);
		}
	}
}
