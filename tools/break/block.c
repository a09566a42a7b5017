/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew break block": nothing gets from one address to another, for a time; the one file that
 * includes libnftables. Knows nothing of the language of nft(8).
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_NFTABLES
#include <nftables/libnftables.h>
#endif

#include "tools/break/break.h"
#include "tools/break/rules.h"
#include "tools/json.h"
#include "tools/options.h"
#include "tools/say.h"

#define SCHEMA		1
#define COMMAND_MAX	128	/* bytes of one that names a table */
#define COMM_MAX	17	/* bytes of /proc/PID/comm, newline and NUL included */

struct block {
	struct rules rules;
	const char *netns;
	uint64_t namespace;	/* in which we were started; 0: not known */
	uint32_t for_ms;	/* 0: until a signal */
	bool host, clean, json;
	char *said;		/* the output or the error of the last commands, or NULL */
	struct pace pace;
	char table[RULES_NAME_MAX];
	char *commands;		/* that make the table */
	struct rules_count counts[2];
};

/* ---- command line ---- */

static const struct option_row rows[] = {
	OPTION_PART("from", struct block, rules.from, filter_take_prefix, "A[/BITS]",
		    "source network (default: any)"),
	OPTION_PART("to", struct block, rules.to, filter_take_prefix, "B[/BITS]",
		    "destination network (default: any)"),
	OPTION_PART("port", struct block, rules.ports, filter_take_port, "P",
		    "only TCP, UDP and SCTP with that port at one end (repeatable)"),
	OPTION_FLAG("both", struct block, rules.both, "block B to A as well"),
	OPTION_FLAG("reject", struct block, rules.reject,
		    "answer TCP segments with a reset instead of dropping them"),
	OPTION_SECONDS("for", struct block, for_ms, 1, OPTIONS_SECONDS_MAX_MS,
		       "end after S seconds (default: on a signal)"),
	OPTION_TEXT("netns", struct block, netns, "NAME",
		    "network namespace, by name or path (/proc/PID/ns/net)"),
	OPTION_FLAG("host", struct block, host, "permit blocking in the host's own namespace"),
	OPTION_FLAG("clean", struct block, clean,
		    "remove the tables of processes that no longer exist"),
	OPTION_FLAG("json", struct block, json, "print the result as JSON"),
	OPTION_END,
};

static const struct option_table command_line = {
	.name = "sinew break block",
	.usage =
		"usage: sinew break block --from A --to B [OPTION...]\n"
		"       sinew break block --clean [--netns NAME]\n"
		"\n"
		"Drops packets from A to B in a network namespace, and passes all others, by an\n"
		"nftables table of its own, which is removed at the end.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"Requires root (CAP_NET_ADMIN). Exit status: 0 blocked for the given time, or\n"
		"until a signal, 2 usage, 3 not permitted or not supported by the kernel.\n",
};

static int parse(struct block *b, int argc, char **argv)
{
	int rc = options_parse(&command_line, b, argc, argv);
	unsigned from = b->rules.from.address.family, to = b->rules.to.address.family;

	if (rc >= 0 || b->clean)
		return rc;
	if (!from && !to) {
		say(SINEW_ERROR, "--from or --to is missing: without one everything would be "
		    "blocked; see \"sinew break block --help\"");
		return BREAK_USAGE;
	}
	if (from && to && from != to) {
		say(SINEW_ERROR, "--from and --to: one is an IPv4 address, the other IPv6");
		return BREAK_USAGE;
	}
	return -1;
}

/* ---- the kernel ---- */

/*
 * Hands commands of nft(8) to the kernel, of the current network namespace, all of them or none.
 * *ret_said, for free(), is their output; in case of -EPERM, CAP_NET_ADMIN is missing, and of -EIO,
 * anything else, the first line of the errors. -ENOMEM. -EOPNOTSUPP: built without libnftables.
 */
static int run_commands(const char *commands, char **ret_said)
{
#ifdef HAVE_NFTABLES
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	const char *said;
	int rc = -ENOMEM;

	if (!nft || nft_ctx_buffer_output(nft) || nft_ctx_buffer_error(nft))
		goto out;
	if (nft_run_cmd_from_buffer(nft, commands)) {
		said = nft_ctx_get_error_buffer(nft);
		rc = strstr(said, strerror(EPERM)) ? -EPERM : -EIO;
		/* The first line says what, the others show where in the commands. */
		*ret_said = strndup(said, strcspn(said, "\n"));
	} else {
		rc = 0;
		*ret_said = strdup(nft_ctx_get_output_buffer(nft));
	}
	if (!*ret_said)
		rc = -ENOMEM;
out:
	if (nft)
		nft_ctx_free(nft);
	return rc;
#else
	(void)commands;
	(void)ret_said;
	return -EOPNOTSUPP;
#endif
}

static int refused(const struct block *b, int rc, const char *what)
{
	if (rc == -EOPNOTSUPP)
		say(SINEW_ERROR, "built without libnftables; install libnftables-dev "
		    "and rebuild");
	else if (rc == -EPERM)
		say(SINEW_ERROR, "%s: %s; requires root (CAP_NET_ADMIN); " BREAK_WITHOUT_ROOT,
		    what, strerror(EPERM));
	else
		say(SINEW_ERROR, "%s: %s", what, b->said ? b->said : strerror(-rc));
	return BREAK_REFUSED;
}

static int nft(struct block *b, const char *commands)
{
	free(b->said);
	b->said = NULL;
	return run_commands(commands, &b->said);
}

/* A command and the name of a table. */
static int nft_table(struct block *b, const char *command, const char *table)
{
	char text[COMMAND_MAX];

	snprintf(text, sizeof(text), "%s table inet %s", command, table);
	return nft(b, text);
}

/*
 * One's own ssh may go over what is blocked in the machine's own namespace. Where process 1
 * is hidden, one that was chosen and is not that of our shell will not be it.
 */
static int check_namespace(const struct block *b)
{
	uint64_t now = 0, first = 0;
	int rc = netns_number("thread-self", &now);

	if (!rc)
		rc = netns_number("1", &first);
	if (b->host || (!rc && now != first))
		return 0;
	if (rc && b->netns && b->namespace && now && now != b->namespace)
		return 0;
	if (rc)
		say(SINEW_ERROR, "cannot determine whether this is the host's own network "
		    "namespace (/proc/1/ns/net: %s): choose another with --netns NAME, or permit "
		    "it with --host", strerror(-rc));
	else
		say(SINEW_ERROR, "this is the host's own network namespace: choose another "
		    "with --netns NAME, or permit it with --host");
	return BREAK_USAGE;
}

static int read_counts(struct block *b)
{
	int rc = nft_table(b, "list", b->table);

	if (!rc)
		rules_read_counts(b->said, b->counts);
	return rc;
}

static int delete_table(struct block *b, const char *table)
{
	int rc = nft_table(b, "delete", table);

	if (!rc)
		return 0;
	say(SINEW_ERROR, "the table inet %s stays, \"sinew break block --clean\" removes it",
	    table);
	return refused(b, rc, "cannot remove it");
}

/* ---- standing ---- */

static char *print_prefix(const struct filter_prefix *p, char text[FILTER_ADDRESS_TEXT + 4])
{
	char address[FILTER_ADDRESS_TEXT];
	unsigned whole = p->address.family == AF_INET6 ? 128 : 32;

	if (!p->address.family)
		return strcpy(text, "anywhere");
	filter_print_address(&p->address, address);
	snprintf(text, FILTER_ADDRESS_TEXT + 4, p->n_bits == whole ? "%s" : "%s/%u", address,
		 (unsigned)p->n_bits);
	return text;
}

/* A line on a terminal once a second. */
static void stand(struct block *b)
{
	bool is_terminal = isatty(STDERR_FILENO);
	uint64_t next = is_terminal ? b->pace.began_ns + CLOCK_S : CLOCK_NEVER;

	while (pace_wait_in_round(&b->pace, -1, next) != PACE_OVER) {
		next += CLOCK_S;
		if (!read_counts(b))
			fprintf(stderr, "\r\033[K%" PRIu64 " packets blocked",
				b->counts[0].n_packets + b->counts[1].n_packets);
	}
	if (is_terminal)
		fprintf(stderr, "\r\033[K");
}

static struct json_object *document_of(const struct block *b, const char *from, const char *to,
				       int status)
{
	struct json_object *o = json_document(SCHEMA), *array, *element;
	unsigned way;

	json_put_string(o, "mode", "block");
	json_put_number(o, "status", (uint64_t)status);
	json_put_double(o, "seconds", (double)(clock_now_ns() - b->pace.began_ns) / 1e9);
	array = json_put_array(o, "blocked");
	for (way = 0; way <= (unsigned)b->rules.both; way++) {
		element = json_element(array);
		json_put_string(element, "from", way ? to : from);
		json_put_string(element, "to", way ? from : to);
		json_put_number(element, "packets", b->counts[way].n_packets);
		json_put_number(element, "bytes", b->counts[way].n_bytes);
	}
	return o;
}

static int report(const struct block *b, const char *from, const char *to, int status)
{
	unsigned way;

	if (b->json)
		return break_print(document_of(b, from, to, status), status);
	printf("%-24s %-24s %10s %12s\n", "from", "to", "packets", "bytes");
	for (way = 0; way <= (unsigned)b->rules.both; way++)
		printf("%-24s %-24s %10" PRIu64 " %12" PRIu64 "\n", way ? to : from,
		       way ? from : to, b->counts[way].n_packets, b->counts[way].n_bytes);
	return break_print(NULL, status);
}

static int print_commands(struct block *b)
{
	size_t size;
	FILE *to = open_memstream(&b->commands, &size);

	if (!to)
		return -ENOMEM;
	rules_print(&b->rules, b->table, to);
	return fclose(to) ? -ENOMEM : 0;
}

/* Signals are taken from before the table is there until after it is gone. */
static int run(struct block *b)
{
	char from[FILTER_ADDRESS_TEXT + 4], to[FILTER_ADDRESS_TEXT + 4];
	int rc, status;

	print_prefix(&b->rules.from, from);
	print_prefix(&b->rules.to, to);
	rules_name(getpid(), b->table);
	rc = print_commands(b);
	if (!rc)
		rc = pace_open(&b->pace, 0, b->for_ms);
	if (rc)
		return refused(b, rc, "cannot start");
	rc = nft(b, b->commands);
	if (rc)
		return refused(b, rc, "nothing is blocked");
	say(SINEW_INFO, "blocked from %s to %s%s, by the table inet %s", from, to,
	    b->rules.both ? " and back" : "", b->table);
	stand(b);
	rc = read_counts(b);
	if (rc)
		say(SINEW_WARNING, "cannot read the table inet %s: %s", b->table,
		    b->said ? b->said : strerror(-rc));
	status = delete_table(b, b->table);
	return report(b, from, to, status);
}

/* ---- what others left behind ---- */

/* A process id may belong to something else by now. */
static bool is_running(long pid)
{
	char path[64], comm[COMM_MAX] = "";
	FILE *f;

	if (pid == getpid() || (kill((pid_t)pid, 0) && errno == ESRCH))
		return false;
	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return errno != ENOENT;
	if (!fgets(comm, sizeof(comm), f))
		comm[0] = '\0';
	fclose(f);
	return !comm[0] || !strcmp(comm, "sinew\n");
}

static int clean(struct block *b)
{
	struct json_object *o;
	char table[RULES_NAME_MAX], *tables;
	unsigned n = 0;
	const char *at;
	long pid;
	int rc;

	rc = nft(b, "list tables inet");
	if (rc)
		return refused(b, rc, "cannot list the tables");
	at = tables = b->said;
	b->said = NULL;
	while (!rc && (pid = rules_next_table(&at)) > 0) {
		if (is_running(pid))
			continue;
		rules_name(pid, table);
		rc = delete_table(b, table);
		n += !rc;
	}
	free(tables);
	if (rc)
		return rc;
	if (!b->json) {
		printf("%u tables removed\n", n);
		return break_print(NULL, BREAK_OK);
	}
	o = json_document(SCHEMA);
	json_put_string(o, "mode", "block");
	json_put_number(o, "removed", n);
	return break_print(o, BREAK_OK);
}

static int do_as_ordered(struct block *b)
{
	int rc;

	netns_number("thread-self", &b->namespace);
	rc = netns_enter(b->netns);
	if (!rc && b->clean)
		return clean(b);
	if (!rc)
		rc = check_namespace(b);
	return rc ? rc : run(b);
}

int block_main(int argc, char **argv)
{
	struct block *b = calloc(1, sizeof(*b));
	int rc;

	if (!b) {
		say(SINEW_ERROR, "out of memory");
		return BREAK_REFUSED;
	}
	b->pace.signal_fd = -1;
	rc = parse(b, argc, argv);
	if (rc < 0)
		rc = do_as_ordered(b);
	pace_close(&b->pace);
	free(b->commands);
	free(b->said);
	free(b);
	return rc;
}
