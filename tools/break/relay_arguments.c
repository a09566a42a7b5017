/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of "sinew break relay", and the two nodes that it names: where they are, and the
 * configurations by which they meet at the relay. Knows nothing of what happens there.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lowcomms/sockaddr.h"
#include "membership/config.h"
#include "membership/host.h"
#include "membership/static.h"
#include "tools/break/relay.h"
#include "tools/command.h"
#include "tools/file.h"
#include "tools/options.h"
#include "tools/say.h"

#define LINES_MAX	64	/* more than a node has, repeated keys included */

/* The lines of a configuration that say where a node is, in their order. */
struct lines {
	uint32_t node;
	uint32_t open;		/* the nodeid of the section that is open */
	bool are_found;		/* the section of the node has been closed */
	unsigned at[LINES_MAX], n;
};

/* ---- command line ---- */

/* "192.0.2.1", "192.0.2.1:7000", "::1" or "[::1]:7000"; port 0 if there is none. */
static bool parse_address(const char *text, size_t len, struct sockaddr_storage *ret_addr)
{
	char buf[HOST_TEXT_MAX], *host = buf, *port = NULL;
	uint64_t number = 0;

	if (len >= sizeof(buf))
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (*buf == '[') {
		host = buf + 1;
		port = strchr(buf, ']');
		if (!port || (port[1] && port[1] != ':'))
			return false;
		*port = '\0';
		port = port[1] ? port + 2 : NULL;
	} else if (strchr(buf, ':') == strrchr(buf, ':')) {
		port = strchr(buf, ':');
		if (port)
			*port++ = '\0';
	}
	if (port && config_number(port, 0, 1, UINT16_MAX, &number))
		return false;
	return !sinew_parse_address(host, (uint16_t)number, ret_addr) && host_is_single(ret_addr);
}

/* Two addresses with a comma between. */
static bool parse_two(const char *text, struct sockaddr_storage *ret_x,
		      struct sockaddr_storage *ret_y)
{
	size_t len = strcspn(text, ",");

	return text[len] && parse_address(text, len, ret_x) &&
	       parse_address(text + len + 1, strlen(text + len + 1), ret_y);
}

static const char *take_node(void *node, const char *text)
{
	struct relay_node *n = node;

	return parse_two(text, &n->at, &n->stand_in) ? NULL :
	       "ADDRESS[:PORT],STAND-IN[:PORT], with numeric addresses";
}

static const char *take_ids(void *nodes, const char *text)
{
	struct relay_node *two = nodes;
	uint32_t ids[RELAY_SIDES];
	unsigned n = 0;

	if (!options_nodeids(text, ids, RELAY_SIDES, &n) || n != RELAY_SIDES || ids[0] == ids[1])
		return "two nodeids with a comma between";
	two[RELAY_A].id = ids[0];
	two[RELAY_B].id = ids[1];
	return NULL;
}

static const char *take_stand_ins(void *settings, const char *text)
{
	struct relay_arguments *args = settings;

	args->has_stand_ins = parse_two(text, &args->nodes[RELAY_A].stand_in,
					&args->nodes[RELAY_B].stand_in);
	return args->has_stand_ins ? NULL : "two numeric addresses with a comma between, each "
	       "optionally with :PORT";
}

/* Those beyond the last are only counted. */
static const char *take_rule(struct relay_faults *faults, const char *text,
			     bool (*parse)(const char *, struct relay_rule *),
			     const char *expected)
{
	struct relay_rule rule;

	if (!parse(text, &rule))
		return expected;
	if (faults->n_rules < RELAY_RULES_MAX)
		faults->rules[faults->n_rules] = rule;
	faults->n_rules++;
	return NULL;
}

static const char *take_every(void *faults, const char *text)
{
	return take_rule(faults, text, relay_rule_every,
			 "[a:|b:]BYTES:ACT with ACT one of " RELAY_ACT_FORMS);
}

static const char *take_at(void *faults, const char *text)
{
	return take_rule(faults, text, relay_rule_at,
			 "CONNECTION:DIRECTION:OFFSET:ACT, for example a3:b:1000:reset, with ACT "
			 "one of " RELAY_ACT_FORMS);
}

static const struct option_row rows[] = {
	OPTION_PART("a", struct relay_arguments, nodes[RELAY_A], take_node, "ADDR,STAND-IN",
		    "address of node a, and its stand-in for node b"),
	OPTION_PART("b", struct relay_arguments, nodes[RELAY_B], take_node, "ADDR,STAND-IN",
		    "address of node b, and its stand-in for node a"),
	OPTION_TEXT("config", struct relay_arguments, config, "FILE",
		    "read the addresses of the two nodes from a configuration"),
	OPTION_PART("nodes", struct relay_arguments, nodes, take_ids, "A,B", "their nodeids"),
	OPTION_OTHER("stand-ins", take_stand_ins, "X,Y", "the stand-in of each"),
	OPTION_TEXT("write-configs", struct relay_arguments, write_configs, "DIR",
		    "write DIR/A.conf and DIR/B.conf, which have the stand-ins"),
	OPTION_PART("every", struct relay_arguments, faults, take_every, "[DIRECTION:]BYTES:ACT",
		    "repeat ACT, every BYTES on average"),
	OPTION_PART("at", struct relay_arguments, faults, take_at,
		    "CONNECTION:DIRECTION:OFFSET:ACT", "do ACT once. CONNECTION: a3\n"
		    "(the third that node a dialled), b3, 3 (both), a, b or all;\n"
		    "DIRECTION: a (bytes from node a), b or both; OFFSET: bytes\n"
		    "that pass before"),
	OPTION_NUMBER("seed", struct relay_arguments, faults.seed, 0, INT64_MAX, "N",
		      "seed of --every; default: random, printed at start"),
	OPTION_TEXT("log", struct relay_arguments, log, "FILE", "log each act as a line of JSON"),
	OPTION_TEXT("replay", struct relay_arguments, replay, "LOG",
		    "do the acts of a log instead, at the same bytes"),
	OPTION_SECONDS("for", struct relay_arguments, for_ms, 1, OPTIONS_SECONDS_MAX_MS,
		       "end the faults after S seconds"),
	OPTION_NUMBER("resets", struct relay_arguments, resets, 1, UINT32_MAX, "N",
		      "end the faults after N resets; in both cases bytes pass on,\n"
		      "and the relay ends when no connection was open for 3 s"),
	OPTION_FLAG("verbose", struct relay_arguments, verbose, "print a line per act"),
	OPTION_FLAG("json", struct relay_arguments, json, "print the summary as JSON"),
	OPTION_END,
};

static const struct option_table table = {
	.name = "sinew break relay",
	.usage =
		"usage: sinew break relay --a ADDRESS[:PORT],STAND-IN[:PORT]\n"
		"                         --b ADDRESS[:PORT],STAND-IN[:PORT] [OPTION...]\n"
		"       sinew break relay --config FILE --nodes A,B --stand-ins STAND-IN,"
		"STAND-IN\n"
		"                         [--write-configs DIR] [OPTION...]\n"
		"\n"
		"Relays connections between two nodes and injects faults at exact bytes. Each "
		"node\n"
		"sees the other one at its stand-in, a further address of this machine; "
		"connections\n"
		"to it are forwarded to the node, from the stand-in of the dialling node.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"ACT is one of\n"
		"  reset               RST to both sides\n"
		"  fin                 end of file to the reader, the rest is discarded\n"
		"  hole                the rest is discarded, without end of file\n"
		"  stall=MS[,both]     nothing passes for MS milliseconds (in both directions)\n"
		"  delay=MS[,LENGTH]   each piece passes MS milliseconds later, for LENGTH bytes\n"
		"  throttle=BYTES[,LENGTH]   at most BYTES per second\n"
		"  split=BYTES[,LENGTH]      segments of 1 to BYTES bytes\n"
		"  join=BYTES,MS[,LENGTH]    collect BYTES, for at most MS, then write once\n"
		"LENGTH defaults to the end; with --every it is drawn. Numbers of bytes may end\n"
		"in k, M or G. Exit status: 0 success, 1 the log or the summary could not be\n"
		"written, or not all acts of --replay were done, 2 usage, files, or no start.\n",
};

static int wrong(const char *text)
{
	say(SINEW_ERROR, "%s; see \"%s --help\"", text, table.name);
	return STATUS_USAGE;
}

static int check(const struct relay_arguments *args)
{
	const struct relay_node *a = &args->nodes[RELAY_A], *b = &args->nodes[RELAY_B];
	bool has_ends = a->at.ss_family || b->at.ss_family;

	if (has_ends && args->config)
		return wrong("found --config and --a or --b, expected one of both ways to name "
			     "the nodes");
	if (!has_ends && !args->config)
		return wrong("found no nodes, expected --a and --b, or --config");
	if (has_ends && (!a->at.ss_family || !b->at.ss_family))
		return wrong("found one of --a and --b, expected both");
	if (args->config && !a->id)
		return wrong("--config needs --nodes A,B");
	if (args->config && !args->has_stand_ins)
		return wrong("--config needs --stand-ins: two further addresses of this machine");
	if (has_ends && (a->id || args->has_stand_ins || args->write_configs))
		return wrong("--nodes, --stand-ins and --write-configs need --config");
	if (args->faults.n_rules > RELAY_RULES_MAX)
		return wrong("found more than 32 of --every and --at together");
	if (args->replay && (args->faults.n_rules || args->faults.seed != RELAY_SEED_NONE))
		return wrong("--replay has acts and seed from the log: found --every, --at or "
			     "--seed as well");
	return -1;
}

/* ---- nodes of a file ---- */

/* The first address of each node. */
static int find_in_config(const char *file, struct relay_node nodes[RELAY_SIDES])
{
	struct sinew_config *config;
	struct sinew_options opt;
	char err[SINEW_CONFIG_ERROR_MAX];
	unsigned s;
	int rc;

	rc = sinew_config_load(file, &config, err, sizeof(err));
	if (rc) {
		say(SINEW_ERROR, "%s", err);
		return rc;
	}
	for (s = 0; s < RELAY_SIDES && !rc; s++) {
		SINEW_OPTIONS_INIT(&opt);
		rc = sinew_config_options(config, nodes[s].id, &opt, err, sizeof(err));
		if (!rc)
			rc = sinew_config_own(config, nodes[s].id, err, sizeof(err));
		if (rc)
			say(SINEW_ERROR, "%s", err);
		else
			nodes[s].at = opt.addrs[0];
	}
	sinew_config_free(config);
	return rc;
}

/* ---- the changed text ---- */

/* "ring0_addr" to "ring7_addr", or the port. */
static bool says_where(const char *key)
{
	if (!strcmp(key, "sinew_port"))
		return true;
	return !strncmp(key, "ring", 4) && key[4] >= '0' && key[4] < '0' + SINEW_ADDRS_MAX &&
	       !strcmp(key + 5, "_addr");
}

static int take_item(void *user, const struct config_item *item, struct config_error *err)
{
	struct lines *l = user;

	(void)err;
	if (l->are_found || strcmp(item->path, "nodelist.node"))
		return 0;
	switch (item->kind) {
	case CONFIG_OPEN:
		l->open = l->n = 0;
		break;
	case CONFIG_VALUE:
		if (says_where(item->key) && l->n < LINES_MAX)
			l->at[l->n++] = item->line;
		else if (!strcmp(item->key, "nodeid"))
			options_nodeid(item->value, &l->open);
		break;
	case CONFIG_CLOSE:
		l->are_found = l->open == l->node;
		break;
	}
	return 0;
}

/* As a line that says where the node is: indented as the line that it stands for. */
static void write_stand_in(FILE *to, const char *line, const struct sockaddr_storage *stand_in)
{
	int indent = (int)strspn(line, " \t");
	char text[HOST_TEXT_MAX];

	fprintf(to, "%.*sring0_addr: %s\n%.*ssinew_port: %u\n", indent, line,
		host_text(stand_in, false, text), indent, line, addr_port(stand_in));
}

/* A copy, with the stand-in at the first of those lines and none of the others. */
static void write_copy(FILE *to, const char *text, const struct lines *l,
		       const struct sockaddr_storage *stand_in)
{
	unsigned line, i = 0;
	size_t len;

	for (line = 1; *text; line++, text += len) {
		len = strcspn(text, "\n");
		len += text[len] == '\n';
		if (!l->are_found || i == l->n || l->at[i] != line)
			fwrite(text, 1, len, to);
		else if (!i++)
			write_stand_in(to, text, stand_in);
	}
}

/* The copy, to be released by free(). */
static int change(const char *text, const struct relay_node *node, struct config_error *err,
		  char **ret_text)
{
	struct lines lines = { .node = node->id };
	size_t size;
	FILE *to;
	int rc;

	rc = config_parse(text, strlen(text), take_item, &lines, err);
	if (rc)
		return rc;
	to = open_memstream(ret_text, &size);
	if (!to)
		return -ENOMEM;
	write_copy(to, text, &lines, &node->stand_in);
	if (fclose(to)) {
		free(*ret_text);
		return -ENOMEM;
	}
	/* The last newline comes back with the file. */
	if (size && (*ret_text)[size - 1] == '\n')
		(*ret_text)[size - 1] = '\0';
	return 0;
}

/* ---- files ---- */

/* The text of a file that was good, so that it has no NUL; to be released by free(). */
static int read_text(const char *file, char **ret_text)
{
	FILE *from = fopen(file, "re");
	char *text = NULL;
	size_t room = 0;
	int rc = 0;

	if (!from)
		return -errno;
	errno = EIO;
	if (getdelim(&text, &room, '\0', from) < 0)
		rc = -errno;
	fclose(from);
	if (rc)
		free(text);
	else
		*ret_text = text;
	return rc;
}

static bool is_same_file(const char *x, const char *y)
{
	struct stat x_stat, y_stat;

	return !stat(x, &x_stat) && !stat(y, &y_stat) && x_stat.st_dev == y_stat.st_dev &&
	       x_stat.st_ino == y_stat.st_ino;
}

static int write_one(const char *file, const char *dir, uint32_t node, const char *text)
{
	char name[PATH_MAX];
	int rc = -ENAMETOOLONG;

	if ((size_t)snprintf(name, sizeof(name), "%s/%" PRIu32 ".conf", dir, node) < sizeof(name)) {
		if (is_same_file(file, name)) {
			say(SINEW_ERROR, "--write-configs: %s is --config itself: name another "
			    "folder", name);
			return -EEXIST;
		}
		rc = file_replace(name, text);
	}
	if (rc)
		say(SINEW_ERROR, "--write-configs: cannot write %s/%" PRIu32 ".conf: %s", dir,
		    node, strerror(-rc));
	return rc;
}

/*
 * Makes DIR (if it is not there) and in it ID.conf for each of the two: the same
 * text, but the other node has its stand-in as only address.
 */
static int write_configs(const char *file, const char *dir,
			 const struct relay_node nodes[RELAY_SIDES])
{
	char err[SINEW_CONFIG_ERROR_MAX] = "", *text = NULL, *changed = NULL;
	struct config_error error = { .file = file, .text = err, .size = sizeof(err) };
	unsigned s;
	int rc;

	rc = read_text(file, &text);
	if (rc) {
		say(SINEW_ERROR, "%s: cannot read: %s", file, strerror(-rc));
		return rc;
	}
	if (mkdir(dir, 0777) && errno != EEXIST) {
		rc = -errno;
		say(SINEW_ERROR, "--write-configs: cannot create %s: %s", dir, strerror(-rc));
	}
	for (s = 0; s < RELAY_SIDES && !rc; s++) {
		rc = change(text, &nodes[!s], &error, &changed);
		if (rc) {
			say(SINEW_ERROR, "%s", *err ? err : strerror(-rc));
			break;
		}
		rc = write_one(file, dir, nodes[s].id, changed);
		free(changed);
	}
	free(text);
	return rc;
}

/* ---- all ---- */

static bool fit(const struct relay_arguments *args)
{
	unsigned s, other;

	for (s = 0; s < RELAY_SIDES; s++) {
		const struct sockaddr_storage *stand_in = &args->nodes[s].stand_in;

		for (other = 0; other < RELAY_SIDES; other++) {
			if (!addr_same(stand_in, &args->nodes[other].at))
				continue;
			say(SINEW_ERROR, "the stand-in of %s is the address of %s: name another "
			    "address or port", RELAY_SIDE_NAME(s), RELAY_SIDE_NAME(other));
			return false;
		}
		/* It is the source of the dial on to the other node. */
		if (stand_in->ss_family == args->nodes[!s].at.ss_family)
			continue;
		say(SINEW_ERROR, "the stand-in of %s and the address of %s are not of one family: "
		    "expected both as IPv4 or both as IPv6", RELAY_SIDE_NAME(s),
		    RELAY_SIDE_NAME(!s));
		return false;
	}
	return true;
}

static bool find_ends(struct relay_arguments *args)
{
	unsigned s;

	if (args->config && find_in_config(args->config, args->nodes))
		return false;
	for (s = 0; s < RELAY_SIDES; s++) {
		struct relay_node *n = &args->nodes[s];

		if (!addr_port(&n->at))
			addr_set_port(&n->at, SINEW_PORT);
		if (!addr_port(&n->stand_in))
			addr_set_port(&n->stand_in, addr_port(&n->at));
	}
	return fit(args) && !(args->write_configs &&
			      write_configs(args->config, args->write_configs, args->nodes));
}

int relay_arguments_parse(struct relay_arguments *args, int argc, char **argv)
{
	int rc;

	*args = (struct relay_arguments){ .faults.seed = RELAY_SEED_NONE };
	rc = options_parse(&table, args, argc, argv);
	if (rc < 0)
		rc = check(args);
	if (rc >= 0)
		return rc;
	return find_ends(args) ? -1 : STATUS_USAGE;
}
