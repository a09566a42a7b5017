/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Real kernels' traffic (tests/golden): tests/lib/decode.h reads of every packet what another
 * decoder said of it, the library reads the same, and writes the same bytes back. Knows nothing of
 * sessions. To be run from the top of the project.
 */
#include <stdlib.h>

#include "proto/wire.h"
#include "tests/lib/check.h"
#include "tests/lib/decode.h"
#include "tests/lib/golden.h"
#include "tests/lib/pcap.h"

#define GOLDEN "tests/golden/"
#define WORDS_MAX 256	/* headers alone */

/* ---- what another decoder says ---- */

static size_t header_in_words(char *out, const char *kind, const struct decoded_header *h)
{
	return (size_t)sprintf(out, "%-4s ver=%x node=%u len=%zu", kind, h->version, h->nodeid,
			       h->length);
}

/* A frame in the words of the captures' texts, up to the type of a kernel's message. */
static void in_words(char *out, const struct decoded *d)
{
	if (d->in_opts) {
		out += header_in_words(out, "OPTS", &d->outer);
		out += sprintf(out, " seq=%u next=%s optlen=%zu { ", d->outer.u, d->kind,
			       d->optlen);
	}
	out += header_in_words(out, d->kind, &d->inner);
	if (d->inner.cmd == WIRE_ACK)
		sprintf(out, " ackseq=%u", d->inner.u);
	else if (d->inner.cmd == WIRE_FIN_CMD)
		strcpy(out, " }");
	else
		sprintf(out, " ls=%x %s ", d->inner.u, d->type);
}

static void compare_with_text(const struct decoded *d, const char *text)
{
	char words[WORDS_MAX], begin[WORDS_MAX];

	in_words(words, d);
	/* Fields of a kernel's message follow. */
	snprintf(begin, sizeof begin, "%.*s", *d->type ? (int)strlen(words) : WORDS_MAX, text);
	CHECK_STR(begin, words);
}

/* ---- what the library reads and writes ---- */

static void compare_header(const struct decoded_header *h, const uint8_t *p)
{
	uint8_t back[WIRE_HEADER];

	wire_put_header(back, h->version, h->u, h->nodeid, h->length, h->cmd);
	CHECK_MEM(back, p, WIRE_HEADER);
}

static void compare_opts(const struct frame *f, const struct decoded *d, const uint8_t *p)
{
	uint8_t back[WIRE_FIN];

	CHECK_EQ(f->nextcmd, d->inner.cmd);
	CHECK_EQ(f->optlen, d->optlen);
	CHECK_EQ(f->inner_len, d->inner.length);
	CHECK(f->opts == d->tlvs && f->inner == d->packet);
	CHECK_EQ(wire_put_opts(back, f->nodeid, f->u, f->nextcmd, f->inner_len), WIRE_OPTS);
	CHECK_MEM(back, p, WIRE_OPTS);
	compare_header(&d->inner, f->inner);
	if (f->nextcmd == WIRE_FIN_CMD) {
		CHECK_EQ(wire_put_fin(back, f->nodeid, f->u), f->length);
		CHECK_MEM(back, p, f->length);
	}
}

static void compare_frame(const struct decoded *d, const uint8_t *p, size_t n)
{
	uint8_t back[WIRE_HEADER];
	struct frame f;

	CHECK_EQ(frame_length(p, n), n);
	CHECK_OR_RETURN(frame_parse(p, n, &f) == 0);
	CHECK_EQ(f.version, d->outer.version);
	CHECK_EQ(f.u, d->outer.u);
	CHECK_EQ(f.nodeid, d->outer.nodeid);
	CHECK_EQ(f.length, d->outer.length);
	CHECK_EQ(f.cmd, d->outer.cmd);
	compare_header(&d->outer, p);
	if (f.cmd == WIRE_OPTS_CMD)
		compare_opts(&f, d, p);
	if (f.cmd == WIRE_ACK) {
		CHECK_EQ(wire_put_ack(back, f.nodeid, f.u), WIRE_HEADER);
		CHECK_MEM(back, p, WIRE_HEADER);
	}
}

/* One whole frame, of which another decoder said that. */
static void through(const uint8_t *p, size_t n, const char *text)
{
	struct decoded d;

	CHECK_OR_RETURN(decode(p, n, &d));
	compare_with_text(&d, text);
	compare_frame(&d, p, n);
}

/* ---- golden-*.jsonl ---- */

static void each_kind_of_6_1(void)
{
	golden_file(GOLDEN "golden-6.1.jsonl", 32, through);
}

static void each_kind_of_6_12(void)
{
	golden_file(GOLDEN "golden-6.12.jsonl", 32, through);
}

/* ---- whole captures ---- */

struct capture {
	FILE *text;
	struct stream {
		uint8_t p[2 * WIRE_FRAME_MAX];
		size_t n;
	} streams[PCAP_FLOWS_MAX];
	unsigned n_frames;
};

/* The next line of the capture's text that describes a packet. */
static bool next_text(FILE *file, char *out, size_t room)
{
	static char line[GOLDEN_TEXT_MAX];

	while (fgets(line, sizeof line, file)) {
		char *p = strstr(line, " > ");

		if (line[0] == '#' || !p || strstr(p, " -- "))
			continue;
		p = strchr(p + 3, ' ');
		if (!p)
			return false;
		p += strspn(p, " ");
		p[strcspn(p, "\n")] = 0;
		snprintf(out, room, "%s", p);
		return true;
	}
	return false;
}

static void capture_bytes(void *arg, unsigned flow, const uint8_t *p, size_t n)
{
	static char expected[GOLDEN_TEXT_MAX];
	struct capture *c = arg;
	struct stream *s = &c->streams[flow];
	size_t off = 0;
	int length;

	CHECK_OR_RETURN(n <= sizeof s->p - s->n);
	memcpy(s->p + s->n, p, n);
	s->n += n;
	while ((length = frame_length(s->p + off, s->n - off)) > 0 &&
	       (size_t)length <= s->n - off) {
		CHECK_OR_RETURN(next_text(c->text, expected, sizeof expected));
		through(s->p + off, (size_t)length, expected);
		c->n_frames++;
		off += (size_t)length;
	}
	CHECK(length >= 0);
	memmove(s->p, s->p + off, s->n - off);
	s->n -= off;
}

static void capture_file(const char *pcap_path, const char *text_path, unsigned n_expected)
{
	static struct capture c;
	struct pcap pcap = { .bytes = capture_bytes, .arg = &c };
	char line[GOLDEN_TEXT_MAX];

	memset(&c, 0, sizeof c);
	c.text = fopen(text_path, "r");
	CHECK_OR_RETURN(c.text != NULL);
	if (!CHECK(pcap_read(&pcap, pcap_path)))
		printf("# %s: %s\n", pcap_path, pcap.error);
	CHECK_EQ(c.n_frames, n_expected);
	CHECK(!next_text(c.text, line, sizeof line));
	for (unsigned i = 0; i < PCAP_FLOWS_MAX; i++)
		CHECK_EQ(c.streams[i].n, 0);
	fclose(c.text);
}

static void capture_of_6_1_tcp(void)
{
	capture_file(GOLDEN "kernel-6.1-tcp.pcap", GOLDEN "kernel-6.1-tcp.txt", 170);
}

static void capture_of_6_1_sctp(void)
{
	capture_file(GOLDEN "kernel-6.1-sctp.pcap", GOLDEN "kernel-6.1-sctp.txt", 186);
}

static void capture_of_6_12_tcp(void)
{
	capture_file(GOLDEN "kernel-6.12-tcp.pcap", GOLDEN "kernel-6.12-tcp.txt", 127);
}

int main(void)
{
	RUN(each_kind_of_6_1);
	RUN(each_kind_of_6_12);
	RUN(capture_of_6_1_tcp);
	RUN(capture_of_6_1_sctp);
	RUN(capture_of_6_12_tcp);
	return check_done();
}
