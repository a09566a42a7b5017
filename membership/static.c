/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/static.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "membership/again.h"
#include "membership/array.h"
#include "membership/resolve.h"
#include "membership/similar.h"
#include "membership/static_inside.h"

#define NODEID_MAX	INT32_MAX
#define FENCE_TIMEOUT_MS	60000
#define PEERS_DEFAULT	128	/* of max_peers in sinew.h */

/* ---- reading ---- */

static int add_node(struct sinew_config *config, unsigned line, struct config_error *err)
{
	struct static_node *nodes;

	if (config->n_nodes == STATIC_NODES_MAX)
		return config_fail(err, line, "found more than %d nodes, the maximum",
				   STATIC_NODES_MAX);
	nodes = realloc(config->nodes, (config->n_nodes + 1) * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	config->nodes = nodes;
	nodes[config->n_nodes] = (struct static_node){ .line = line };
	config->n_nodes++;
	return 0;
}

static int take_string(char *to, size_t size, const struct config_item *item,
		       struct config_error *err)
{
	size_t len = strlen(item->value);

	if (len >= size)
		return config_fail(err, item->line, "%s: found %zu bytes, expected at most %zu",
				   item->key, len, size - 1);
	memcpy(to, item->value, len + 1);
	return 0;
}

static int take_node_number(const struct config_item *item, uint64_t max, uint64_t *ret_number,
			    struct config_error *err)
{
	int rc;

	rc = config_number(item->value, 0, 1, max, ret_number);
	if (rc)
		return config_fail(err, item->line, "%s: found \"%.40s\", expected a number from "
				   "1 to %" PRIu64, item->key, item->value, max);
	return 0;
}

/* The number of "ring0_addr" to "ring7_addr"; -1: it is none. */
static int ring_of(const char *key)
{
	if (strncmp(key, "ring", 4) || key[4] < '0' || key[4] >= '0' + SINEW_ADDRS_MAX ||
	    strcmp(key + 5, "_addr"))
		return -1;
	return key[4] - '0';
}

static bool is_ascii(const char *text)
{
	while (*text && !(*text & 0x80))
		text++;
	return !*text;
}

/* A key that is none of ours is corosync's, unless it looks as if one of ours was meant. */
static int take_unknown(const struct config_item *item, struct config_error *err)
{
	static const struct {
		const char *key, *shown;
		unsigned most;
	} known[] = {
		{ "ring0_addr", "ring0_addr .. ring7_addr", 2 },
		{ "nodeid", "nodeid", 2 },
		{ "name", "name", 1 },
		{ "sinew_port", "sinew_port", 2 },
		{ "dial", "dial", 1 },
	};
	char text[CONFIG_SHOWN_MAX];

	config_shown(item->key, strlen(item->key), text);
	if (!is_ascii(item->key))
		return config_fail(err, item->line, "found the key \"%s\" in \"node {\" with bytes "
				   "that are not ASCII (a non-breaking space?), expected ASCII",
				   text);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (similar(item->key, known[i].key, known[i].most))
			return config_fail(err, item->line, "unknown key \"%s\" in "
					   "\"node {\", expected %s", text, known[i].shown);
	return 0;
}

static int take_dial(struct static_node *node, const struct config_item *item,
		     struct config_error *err)
{
	const bool never = !strcmp(item->value, "never");

	if (!never && strcmp(item->value, "always"))
		return config_fail(err, item->line, "dial: found \"%.40s\", expected \"never\" or "
				   "\"always\"", item->value);
	node->dial_line = never ? item->line : 0;
	return 0;
}

static int take_node(struct static_node *node, const struct config_item *item,
		     struct config_error *err)
{
	const int i = ring_of(item->key);
	uint64_t n = 0;
	int rc;

	if (!strcmp(item->key, "name"))
		return take_string(node->name, sizeof(node->name), item, err);
	if (!strcmp(item->key, "nodeid")) {
		rc = take_node_number(item, NODEID_MAX, &n, err);
		node->nodeid = (uint32_t)n;
		node->nodeid_line = item->line;
		return rc;
	}
	if (!strcmp(item->key, "sinew_port")) {
		rc = take_node_number(item, UINT16_MAX, &n, err);
		node->port = (uint16_t)n;
		return rc;
	}
	if (!strcmp(item->key, "dial"))
		return take_dial(node, item, err);
	if (i < 0)
		return take_unknown(item, err);
	if (!*item->value)
		return config_fail(err, item->line, "%s: found nothing, expected an address or "
				   "a host name", item->key);
	node->rings[i].line = item->line;
	return take_string(node->rings[i].host, sizeof(node->rings[i].host), item, err);
}

static int take_totem(struct sinew_config *config, const struct config_item *item,
		      struct config_error *err)
{
	static const char *const names[] = {
		[HOST_IPV6_4] = "ipv6-4", [HOST_IPV4_6] = "ipv4-6",
		[HOST_IPV4] = "ipv4", [HOST_IPV6] = "ipv6",
	};

	if (!strcmp(item->key, "cluster_name"))
		return take_string(config->cluster, sizeof(config->cluster), item, err);
	if (!strcmp(item->key, "transport"))
		config->is_udp = !strcmp(item->value, "udp");
	if (strcmp(item->key, "ip_version"))
		return 0;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(item->value, names[i]))
			continue;
		config->family = (enum host_family)i;
		config->has_family = true;
	}
	return 0;
}

static int take_item(void *user, const struct config_item *item, struct config_error *err)
{
	struct sinew_config *config = user;

	if (item->kind == CONFIG_OPEN && !strcmp(item->path, "nodelist.node"))
		return add_node(config, item->line, err);
	if (item->kind == CONFIG_OPEN && !strncmp(item->path, "sinew.", 6))
		return config_fail(err, item->line, "unknown section \"%.40s\" in "
				   "\"sinew {\", expected \"key: value\"", item->path + 6);
	if (item->kind != CONFIG_VALUE)
		return 0;
	if (!strcmp(item->path, "nodelist.node"))
		return take_node(&config->nodes[config->n_nodes - 1], item, err);
	if (!strcmp(item->path, "totem"))
		return take_totem(config, item, err);
	if (!strcmp(item->path, "sinew") || !strcmp(item->path, "calls"))
		return section_take(&config->section, item, err);
	if (!strcmp(item->path, "control"))
		return rights_take(&config->rights, item, err);
	return 0;
}

/* ---- checking ---- */

static int check_node(const struct sinew_config *config, const struct static_node *node,
		      struct config_error *err)
{
	if (!node->nodeid)
		return config_fail(err, node->line, "found a node without nodeid, expected "
				   "\"nodeid: NUMBER\" in it");
	for (const struct static_node *other = config->nodes; other < node; other++) {
		if (other->nodeid == node->nodeid)
			return config_fail(err, node->nodeid_line, "found nodeid %" PRIu32
					   " again, already used in line %u: give each "
					   "node its own",
					   node->nodeid, other->nodeid_line);
	}
	if (node->dial_line && config->section.values.profile == SINEW_PROFILE_DLM)
		return config_fail(err, node->dial_line, "dial: found never, expected always: in "
				   "the dlm profile each node dials");
	for (unsigned i = 0; i < SINEW_ADDRS_MAX; i++)
		if (node->rings[i].line)
			return 0;
	return config_fail(err, node->line, "found node %" PRIu32 " without an address, expected "
			   "\"ring0_addr: ADDRESS\" in it", node->nodeid);
}

static int check(struct sinew_config *config, struct config_error *err)
{
	int rc;

	if (!config->n_nodes)
		return config_fail(err, 0, "found no node, expected \"nodelist { node { nodeid, "
				   "ring0_addr } ... }\"");
	array_each(const struct static_node, node, config->nodes, config->n_nodes) {
		rc = check_node(config, node, err);
		if (rc)
			return rc;
	}
	rc = section_check(&config->section, err);
	return rc ? rc : resolve_numbers(config, err);
}

int sinew_config_parse(const char *name, const char *text, size_t len,
		       struct sinew_config **ret_config, char *err, size_t err_size)
{
	struct config_error error = { .file = name, .text = err, .size = err_size };
	struct sinew_config *config;
	int rc = -ENOMEM;

	if (err_size)
		err[0] = '\0';
	config = calloc(1, sizeof(*config));
	if (!config)
		goto out;
	config->file = strdup(name);
	if (!config->file)
		goto out;
	rc = config_parse(text, len, take_item, config, &error);
	/* As corosync does it. */
	if (config->is_udp && !config->has_family)
		config->family = HOST_IPV4;
	if (!rc)
		rc = check(config, &error);
	if (rc)
		goto out;
	*ret_config = config;
	return 0;
out:
	if (rc == -ENOMEM)
		config_fail(&error, 0, "out of memory");
	sinew_config_free(config);
	return rc;
}

void sinew_config_free(struct sinew_config *config)
{
	if (!config)
		return;
	again_stop(config->again);
	free(config->nodes);
	free(config->file);
	free(config);
}

struct sinew_config *static_copy(const struct sinew_config *config)
{
	struct sinew_config *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *config;
	copy->again = NULL;
	copy->file = strdup(config->file);
	copy->nodes = malloc(config->n_nodes * sizeof(*config->nodes));
	if (!copy->file || !copy->nodes) {
		sinew_config_free(copy);
		return NULL;
	}
	memcpy(copy->nodes, config->nodes, config->n_nodes * sizeof(*config->nodes));
	return copy;
}

/* ---- the file ---- */

/* Reads all of fd. A file may grow or be a pipe: its size is a hint only. */
static int read_all(int fd, char **ret_text, size_t *ret_len)
{
	char *text;
	size_t len = 0;
	ssize_t n;
	int rc = 0;

	text = malloc(STATIC_FILE_MAX + 1);
	if (!text)
		return -ENOMEM;
	while (!rc && len <= STATIC_FILE_MAX) {
		n = read(fd, text + len, STATIC_FILE_MAX + 1 - len);
		if (!n)
			break;
		if (n > 0)
			len += (size_t)n;
		else if (errno != EINTR)
			rc = -errno;
	}
	if (len > STATIC_FILE_MAX)
		rc = -EFBIG;
	if (rc) {
		free(text);
		return rc;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}

int sinew_config_load(const char *file, struct sinew_config **ret_config, char *err,
		      size_t err_size)
{
	return sinew_config_load_until(file, -1, ret_config, err, err_size);
}

int sinew_config_load_until(const char *file, int stop_fd, struct sinew_config **ret_config,
			    char *err, size_t err_size)
{
	struct config_error error = { .file = file, .text = err, .size = err_size };
	struct sinew_config *config;
	char *text = NULL;
	size_t len = 0;
	int fd, rc;

	fd = open(file, O_RDONLY | O_CLOEXEC);
	rc = fd < 0 ? -errno : read_all(fd, &text, &len);
	if (fd >= 0)
		close(fd);
	if (rc) {
		config_fail(&error, 0, "cannot read: %s", strerror(-rc));
		return rc;
	}
	rc = sinew_config_parse(file, text, len, &config, err, err_size);
	free(text);
	if (rc)
		return rc;
	rc = sinew_config_resolve(config, stop_fd, err, err_size);
	if (rc) {
		sinew_config_free(config);
		return rc;
	}
	*ret_config = config;
	return 0;
}

/* ---- using ---- */

const struct static_node *static_find(const struct sinew_config *config, uint32_t nodeid)
{
	array_each(const struct static_node, node, config->nodes, config->n_nodes)
		if (node->nodeid == nodeid)
			return node;
	return NULL;
}

unsigned sinew_config_nodes(const struct sinew_config *config, uint32_t *nodeids, unsigned max)
{
	for (unsigned i = 0; i < config->n_nodes && i < max; i++)
		nodeids[i] = config->nodes[i].nodeid;
	return config->n_nodes;
}

const char *sinew_config_name(const struct sinew_config *config, uint32_t nodeid)
{
	const struct static_node *node = static_find(config, nodeid);

	return node ? node->name : "";
}

const char *sinew_config_cluster(const struct sinew_config *config)
{
	return config->cluster;
}

int sinew_config_fence(const struct sinew_config *config, struct sinew_config_fence *ret)
{
	const struct section *s = &config->section;

	if (ret->size < sizeof(*ret))
		return -EINVAL;
	*ret = (struct sinew_config_fence){
		.size = ret->size,
		.command = s->fence_command[0] ? s->fence_command : NULL,
		.timeout_ms = s->fence_timeout_ms ? s->fence_timeout_ms : FENCE_TIMEOUT_MS,
		.hold = s->fence_hold,
	};
	return 0;
}

int sinew_config_calls(const struct sinew_config *config, struct sinew_config_calls *ret)
{
	if (ret->size < sizeof(*ret))
		return -EINVAL;
	*ret = (struct sinew_config_calls){
		.size = ret->size,
		.slots = config->section.calls.slots,
		.window = config->section.calls.window,
	};
	return 0;
}

int sinew_config_control(const struct sinew_config *config, struct sinew_config_control *ret,
			 char *err, size_t err_size)
{
	struct config_error error = { .file = config->file, .text = err, .size = err_size };
	struct sinew_config_control found = { .size = sizeof(found) };
	int rc;

	if (ret->size < sizeof(*ret))
		return -EINVAL;
	rc = rights_resolve(&config->rights, &found, &error);
	if (rc)
		return rc;
	found.size = ret->size;
	*ret = found;
	return 0;
}

uint16_t static_port(const struct sinew_config *config, const struct static_node *node)
{
	if (node->port)
		return node->port;
	return config->section.values.port ? config->section.values.port : SINEW_PORT;
}

unsigned static_addrs(const struct static_node *node, struct sockaddr_storage *addrs)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SINEW_ADDRS_MAX; i++)
		if (node->rings[i].has_addr)
			addrs[n++] = node->rings[i].addr;
	return n;
}

unsigned sinew_config_addrs(const struct sinew_config *config, uint32_t nodeid,
			    struct sockaddr_storage *addrs)
{
	const struct static_node *node = static_find(config, nodeid);

	return node ? static_addrs(node, addrs) : 0;
}

/* Of two nodes that nobody dials neither begins. */
int static_check_dial(const struct sinew_config *config, uint32_t nodeid, struct config_error *err)
{
	const struct static_node *own = static_find(config, nodeid);

	if (!own || !own->dial_line)
		return 0;
	array_each(const struct static_node, other, config->nodes, config->n_nodes)
		if (other != own && other->dial_line)
			return config_fail(err, other->dial_line, "dial: found never in node %"
					   PRIu32 ", as in line %u in the own node %" PRIu32
					   ": neither would dial the other. Give this node a file "
					   "without node %" PRIu32 ", or remove one of the lines",
					   other->nodeid, own->dial_line, nodeid, other->nodeid);
	return 0;
}

int sinew_config_options(const struct sinew_config *config, uint32_t nodeid,
			 struct sinew_options *opt, char *err, size_t err_size)
{
	struct config_error error = { .file = config->file, .text = err, .size = err_size };
	const struct static_node *node = static_find(config, nodeid);
	uint32_t n_peers = config->n_nodes - 1;

	if (!node)
		return config_fail(&error, 0, "found no node with nodeid %" PRIu32 ", expected the "
				   "own node in nodelist", nodeid);
	if (static_check_dial(config, nodeid, &error))
		return -EINVAL;
	section_apply(&config->section, opt);
	opt->nodeid = nodeid;
	opt->cluster = config->cluster;
	opt->membership = SINEW_MEMBERSHIP_STATIC;
	opt->port = static_port(config, node);
	opt->n_addrs = static_addrs(node, opt->addrs);
	/* The list is what was meant, whatever room was asked for. */
	if (n_peers > (opt->max_peers ? opt->max_peers : PEERS_DEFAULT))
		opt->max_peers = n_peers;
	return 0;
}

/* Why nobody can listen there, and what to do; without the place in the file. */
static void explain_addr(const struct static_node *node, const struct ring *ring, int error,
			 struct config_error *err)
{
	char text[HOST_TEXT_MAX];

	if (error == -EADDRINUSE)
		config_fail(err, ring->line, "%s of node %" PRIu32 " is in use by another program: "
			    "stop it (is node %" PRIu32 " running already?), or set another "
			    "sinew_port in this node", host_text(&ring->addr, true, text),
			    node->nodeid, node->nodeid);
	else if (error == -EADDRNOTAVAIL)
		config_fail(err, ring->line, "%s of node %" PRIu32 " is not an address of this "
			    "machine: run node %" PRIu32 " on the machine that has it, or correct "
			    "the line", host_text(&ring->addr, false, text), node->nodeid,
			    node->nodeid);
	else
		config_fail(err, ring->line, "cannot listen on %s of node %" PRIu32 ": %s",
			    host_text(&ring->addr, true, text), node->nodeid, strerror(-error));
}

/* The next step where no address of the file is to blame; a transport may need another port. */
static const char *start_hint(int error)
{
	switch (-error) {
	case EADDRINUSE:
		return ": stop the program that has its port (is it running already?)";
	case EMFILE:
		return ": raise the open file limit";
	case ENFILE:
		return ": raise fs.file-max";
	default:
		return "";
	}
}

void sinew_config_explain(const struct sinew_config *config, uint32_t nodeid, int error, char *err,
			  size_t err_size)
{
	struct config_error e = { .file = config->file, .text = err, .size = err_size };
	const struct static_node *node = static_find(config, nodeid);
	int why[SINEW_ADDRS_MAX];
	bool is_it = false;

	if (err_size)
		err[0] = '\0';
	/* One address would have been enough: each has its reason, and that of one is the error. */
	for (unsigned i = 0; node && i < SINEW_ADDRS_MAX; i++) {
		why[i] = node->rings[i].has_addr ? host_try(&node->rings[i].addr) : 0;
		is_it |= why[i] == error;
	}
	for (unsigned i = 0; is_it && i < SINEW_ADDRS_MAX; i++) {
		const struct ring *ring = &node->rings[i];

		if (!why[i] && (!ring->line || ring->has_addr))
			continue;
		config_behind(&e, "; ");
		if (why[i])
			explain_addr(node, ring, why[i], &e);
		else
			resolve_explain(node, i, &e);
	}
	if (!is_it)
		config_fail(&e, node ? node->line : 0, "cannot start node %" PRIu32 ": %s%s",
			    nodeid, strerror(-error), start_hint(error));
}
