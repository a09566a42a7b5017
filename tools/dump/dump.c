/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew dump": opens the input, reads it into the engine, says what could not
 * be looked into. Knows nothing of frames.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/dump/arguments.h"
#include "tools/dump/capture.h"
#include "tools/dump/engine.h"
#include "tools/dump/hex.h"
#include "tools/say.h"
#include "tools/signals.h"

struct dump {
	struct dump_arguments args;
	struct engine *engine;
	const char *name;	/* of the input, for people */
	bool is_pipe;
	uint64_t n_lines;	/* of hexadecimal text */
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* The first one ends the reading, in order; who writes into our pipe gets it, too, and its
 * end is what we wait for. A second one has its usual effect. */
static void catch_signals(void)
{
	struct sigaction action = {
		.sa_handler = interrupt, .sa_flags = SA_RESTART | SA_RESETHAND,
	};

	sigset_t set;
	int sig;

	sigemptyset(&action.sa_mask);
	signals_set(&set);
	for (sig = 1; sig < SIGRTMIN; sig++)
		if (sigismember(&set, sig) == 1)
			sigaction(sig, &action, NULL);
}

/* ---- reading ---- */

static int on_packet(void *arg, enum packet_link link, uint64_t time_ns, const uint8_t *p,
		     size_t caplen, size_t len)
{
	struct dump *d = arg;

	if (interrupted && !d->is_pipe)
		return -EINTR;
	return engine_packet(d->engine, link, time_ns, p, caplen, len);
}

static int read_capture(struct dump *d, FILE *file)
{
	struct capture_events events = { on_packet, d };
	char err[CAPTURE_ERROR_MAX] = "";
	int rc = capture_read(file, &events, err);

	/* The engine's messages are told at its end. */
	if (!rc || !err[0])
		return STATUS_OK;
	if (rc == -ENODATA) {
		say(SINEW_ERROR, "%s: truncated: %s; everything before was printed", d->name,
		    err);
		return STATUS_UNDELIVERED;
	}
	say(SINEW_ERROR, "%s: %s", d->name, err);
	return STATUS_USAGE;
}

static int on_hex_bytes(void *arg, const uint8_t *p, size_t n)
{
	struct dump *d = arg;

	return engine_bytes(d->engine, p, n);
}

/* With the header of its link or without: only one of the two looks like TCP or SCTP. */
static int on_hex_packet(void *arg, const uint8_t *p, size_t n)
{
	enum packet_link link = PACKET_RAW;
	struct dump *d = arg;
	struct packet packet;

	packet_parse(PACKET_RAW, p, n, n, &packet);
	if (packet.kind != PACKET_TCP && packet.kind != PACKET_SCTP)
		link = PACKET_ETHERNET;
	return engine_packet(d->engine, link, 0, p, n, n);
}

/* Gives the length of the line, its end left out; -1 at the end of the file. */
static ssize_t read_line(FILE *file, char *line)
{
	size_t n = 0;
	int c;

	while ((c = getc(file)) != EOF && c != '\n')
		if (n <= HEX_LINE_MAX)
			line[n++] = (char)c;
	return c == EOF && !n ? -1 : (ssize_t)n;
}

static int read_lines(struct dump *d, FILE *file, struct hex *hex, char *line)
{
	char err[HEX_ERROR_MAX];
	ssize_t n;
	int rc;

	while ((!interrupted || d->is_pipe) && (n = read_line(file, line)) >= 0) {
		d->n_lines++;
		rc = hex_line(hex, line, (size_t)n, err);
		if (rc == -EINVAL) {
			say(SINEW_ERROR, "%s:%" PRIu64 ": %s", d->name, d->n_lines, err);
			return STATUS_USAGE;
		}
		if (rc)
			return STATUS_OK;
	}
	if (ferror(file)) {
		say(SINEW_ERROR, "%s: read error: %s", d->name, strerror(errno));
		return STATUS_UNDELIVERED;
	}
	hex_end(hex);
	return STATUS_OK;
}

static int read_hex(struct dump *d, FILE *file)
{
	struct hex_events events = { on_hex_bytes, on_hex_packet, d };
	char *line = malloc(HEX_LINE_MAX + 1);
	int status = STATUS_USAGE;
	struct hex *hex = NULL;

	if (line && !hex_new(&events, &hex))
		status = read_lines(d, file, hex, line);
	else
		say(SINEW_ERROR, "out of memory");
	hex_free(hex);
	free(line);
	fclose(file);
	return status;
}

/* ---- start and end ---- */

static FILE *open_input(struct dump *d)
{
	const char *path = d->args.file;
	bool is_stdin = !path || !strcmp(path, "-");
	struct stat st;
	FILE *file;
	int fd;

	d->name = is_stdin ? "standard input" : path;
	fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	file = fd < 0 ? NULL : fdopen(fd, "rb");
	if (!file) {
		say(SINEW_ERROR, "%s: cannot open: %s", d->name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	d->is_pipe = !fstat(fd, &st) && !S_ISREG(st.st_mode);
	if (isatty(fd) && !d->args.hex) {
		say(SINEW_ERROR, "%s is a terminal, expected a capture; see \"sinew dump --help\"",
		    d->name);
		fclose(file);
		return NULL;
	}
	return file;
}

/* Packets that were skipped, in sum. */
static void report(const struct dump *d)
{
	const struct engine_counts *n = engine_counts(d->engine);
	char from[PACKET_ADDR_TEXT], to[PACKET_ADDR_TEXT];

	if (n->n_fragments) {
		packet_addr_text(&n->fragment_from, from);
		packet_addr_text(&n->fragment_to, to);
		say(SINEW_WARNING, "%" PRIu64 " fragments of IP were skipped, the first from %s to "
		    "%s: their contents are missing", n->n_fragments, from, to);
	}
	if (n->n_cut)
		say(SINEW_WARNING, "%" PRIu64 " packets were captured so short that a header is "
		    "cut off (tcpdump -s 0 captures whole ones)", n->n_cut);
	if (n->n_bad)
		say(SINEW_WARNING, "%" PRIu64 " packets have malformed headers", n->n_bad);
	if (n->n_forgotten)
		say(SINEW_WARNING, "%" PRIu64 " connections were forgotten: more than 512 at a "
		    "time; --port or --node selects fewer", n->n_forgotten);
	if (n->n_sessions_forgotten)
		say(SINEW_WARNING, "the numbers of %" PRIu64 " sessions were forgotten: \"again\" "
		    "may be missing", n->n_sessions_forgotten);
	if (n->n_packets && !n->n_connections)
		say(SINEW_WARNING, "none of %" PRIu64 " packets is of a selected connection; "
		    "--port and --all-ports select others", n->n_packets);
}

static int finish(struct dump *d, int status)
{
	int rc = engine_end(d->engine);

	if (rc) {
		say(SINEW_ERROR, rc == -ENOMEM ? "%s" : "cannot write to standard output: %s",
		    rc == -ENOMEM ? "out of memory" : strerror(-rc));
		return STATUS_UNDELIVERED;
	}
	report(d);
	return status;
}

int dump_main(int argc, char **argv)
{
	struct dump d = { 0 };
	FILE *file;
	int status, rc;

	say_prefix("sinew dump");
	status = dump_arguments_parse(&d.args, argc, argv);
	if (status >= 0)
		return status;
	file = open_input(&d);
	if (!file)
		return STATUS_USAGE;
	d.args.engine.untimed = d.args.hex;
	d.args.engine.flush_lines = d.args.line_buffered || isatty(STDOUT_FILENO);
	catch_signals();
	rc = engine_new(&d.args.engine, stdout, &d.engine);
	if (rc) {
		say(SINEW_ERROR, "cannot start: %s", strerror(-rc));
		fclose(file);
		return STATUS_UNDELIVERED;
	}
	status = d.args.hex ? read_hex(&d, file) : read_capture(&d, file);
	status = finish(&d, status);
	engine_free(d.engine);
	return status;
}
