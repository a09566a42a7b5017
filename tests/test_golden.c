/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Real kernels' traffic (tests/golden) through the codec: every packet decodes,
 * says what another decoder said of it, and encodes back byte for byte. Knows
 * nothing of sessions. To be run from the top of the project.
 */
#include "proto/wire.h"
#include "tests/check.h"
#include "tests/pcap.h"
#include "tools/dump/dlm.h"

#include <errno.h>
#include <stdarg.h>

#define GOLDEN "tests/golden/"
#define TEXT_MAX 16384

/* ---- a decoded packet in the words of the captures' texts ---- */

struct text {
	char s[TEXT_MAX];
	size_t n;
};

__attribute__((format(printf, 2, 3)))
static void say(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->n, sizeof t->s - t->n, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof t->s - t->n)
		t->n += (size_t)n;
}

static void say_hex(struct text *t, const char *key, uint32_t value)
{
	if (value)
		say(t, " %s=%x", key, value);
}

static void say_bytes(struct text *t, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n')
			say(t, "\\n");
		else if (s.p[i] == '\\')
			say(t, "\\\\");
		else if (s.p[i] >= 0x20 && s.p[i] < 0x7f)
			say(t, "%c", s.p[i]);
		else
			say(t, "\\x%02x", s.p[i]);
	}
}

static void say_message(struct text *t, const struct dlm_message *m, size_t len)
{
	say(t, "MSG  ver=%x node=%u len=%zu ls=%x %s", m->version, m->sender, len,
	    m->lockspace, dlm_msg_type_name(m->type));
	if (m->nodeid)
		say(t, " m_nodeid=%d", m->nodeid);
	say_hex(t, "pid", m->pid);
	say_hex(t, "lkid", m->lkid);
	say_hex(t, "remid", m->remid);
	say_hex(t, "parent_lkid", m->parent_lkid);
	say_hex(t, "parent_remid", m->parent_remid);
	say_hex(t, "exflags", m->exflags);
	say_hex(t, "sbflags", m->sbflags);
	say_hex(t, "flags", m->flags);
	say_hex(t, "lvbseq", m->lvbseq);
	say_hex(t, "hash", m->hash);
	if (m->status)
		say(t, " status=%s", dlm_lock_status_name(m->status));
	say(t, " grmode=%s rqmode=%s bastmode=%s", dlm_mode_name(m->grmode),
	    dlm_mode_name(m->rqmode), dlm_mode_name(m->bastmode));
	if (m->asts)
		say(t, " asts=%d", m->asts);
	if (m->result)
		say(t, " result=%d", m->result);
	if (m->extra.n) {
		say(t, " extra[%zu]=", m->extra.n);
		say_bytes(t, m->extra);
	}
}

static void say_result(struct text *t, const struct dlm_rcom *r)
{
	bool any = false;

	say(t, " result=");
	if (r->result == -ESRCH) {
		say(t, "-ESRCH");
		return;
	}
	if (r->type != DLM_RCOM_STATUS_REPLY || !r->result) {
		say(t, "%d", r->result);
		return;
	}
	for (uint32_t bit = 1; bit; bit <<= 1) {
		if (!((uint32_t)r->result & bit))
			continue;
		say(t, "%s%s", any ? "|" : "", dlm_status_bit_name(bit));
		any = true;
	}
}

static void say_names(struct text *t, const struct dlm_names_reply *s)
{
	struct span list = s->list, name;
	bool any = false;

	say(t, " names=[");
	while (dlm_names_next(&list, &name)) {
		say(t, "%s'", any ? ", " : "");
		say_bytes(t, name);
		say(t, "'");
		any = true;
	}
	say(t, "] %s at %zu of %u", s->last ? "END(ffff)" : "MORE(0000)", s->list.n + 2,
	    s->body);
}

static void say_lock(struct text *t, const struct dlm_rcom_lock *l)
{
	say(t, " rl{pid=%x lkid=%x remid=%x exflags=%x flags=%x lvbseq=%u result=%d rq=%s gr=%s"
	    " sts=%s asts=%d wait=%u name=", l->pid, l->lkid, l->remid, l->exflags, l->flags,
	    l->lvbseq, l->result, dlm_mode_name(l->rqmode), dlm_mode_name(l->grmode),
	    dlm_lock_status_name(l->status), l->asts, l->wait_type);
	say_bytes(t, (struct span) { l->name, l->namelen });
	say(t, "}");
	if (l->lvb.n) {
		say(t, " lvb=");
		say_bytes(t, l->lvb);
	}
}

static void say_rcom_body(struct text *t, const struct dlm_rcom *r)
{
	const struct dlm_status_reply *s = &r->status_reply;

	switch ((enum dlm_rcom_type)r->type) {
	case DLM_RCOM_STATUS:
		say(t, " rs_flags=%u", r->status.flags);
		break;
	case DLM_RCOM_STATUS_REPLY:
		say(t, " lvblen=%u lsflags=%x rf_flags=%u our_slot=%u num_slots=%u gen=%u",
		    s->lvblen, s->lsflags, s->flags, s->our_slot, s->n_slots, s->generation);
		for (unsigned i = 0; i < s->n_slots; i++)
			say(t, " slot[%u]=node%u", dlm_slot_get(s, i).slot,
			    dlm_slot_get(s, i).nodeid);
		break;
	case DLM_RCOM_NAMES:
	case DLM_RCOM_LOOKUP:
		say(t, " name=");
		say_bytes(t, r->name);
		break;
	case DLM_RCOM_NAMES_REPLY:
		say_names(t, &r->names_reply);
		break;
	case DLM_RCOM_LOOKUP_REPLY:
		break;
	case DLM_RCOM_LOCK:
	case DLM_RCOM_LOCK_REPLY:
		say_lock(t, &r->lock);
		break;
	}
}

static void say_rcom(struct text *t, const struct dlm_rcom *r, size_t len)
{
	say(t, "RCOM ver=%x node=%u len=%zu ls=%x %s", r->version, r->sender, len, r->lockspace,
	    dlm_rcom_type_name(r->type));
	say_result(t, r);
	say(t, " id=%llx seq=%llu seq_reply=%llu", (unsigned long long)r->id,
	    (unsigned long long)r->seq, (unsigned long long)r->seq_reply);
	say_rcom_body(t, r);
}

/* ---- decode, describe, encode back ---- */

/* One MSG or RCOM packet: into words, and back into the same bytes. */
static void through_dlm(const uint8_t *p, size_t n, struct text *t)
{
	static uint8_t back[WIRE_DLM_MAX];
	struct dlm_message m;
	struct dlm_rcom r;

	if (p[offsetof(struct wire_header, cmd)] == WIRE_MSG) {
		CHECK_EQ(dlm_message_decode(p, n, &m), 0);
		say_message(t, &m, n);
		CHECK_EQ(dlm_message_encode(&m, back, sizeof back), n);
	} else {
		CHECK_EQ(dlm_rcom_decode(p, n, &r), 0);
		say_rcom(t, &r, n);
		CHECK_EQ(dlm_rcom_encode(&r, back, sizeof back), n);
	}
	CHECK_MEM(back, p, n);
}

static void through_opts(const struct frame *f, const uint8_t *p, struct text *t)
{
	uint8_t back[WIRE_OPTS + WIRE_HEADER];

	say(t, "OPTS ver=%x node=%u len=%u seq=%u next=%s optlen=%u { ", f->version, f->nodeid,
	    f->length, f->u, wire_cmd_name(f->nextcmd), f->optlen);
	CHECK_EQ(wire_put_opts(back, f->nodeid, f->u, f->nextcmd, f->inner_len), WIRE_OPTS);
	CHECK_MEM(back, p, WIRE_OPTS);
	if (f->nextcmd == WIRE_FIN_CMD) {
		say(t, "FIN  ver=%x node=%u len=%u", f->version, f->nodeid, f->inner_len);
		CHECK_EQ(wire_put_fin(back, f->nodeid, f->u), f->length);
		CHECK_MEM(back, p, f->length);
	} else {
		through_dlm(f->inner, f->inner_len, t);
	}
	say(t, " }");
}

/* One whole frame; its words go to t. */
static void through(const uint8_t *p, size_t n, struct text *t)
{
	uint8_t back[WIRE_HEADER];
	struct frame f;

	t->n = 0;
	t->s[0] = 0;
	CHECK_EQ(frame_length(p, n), n);
	CHECK_OR_RETURN(frame_parse(p, n, &f) == 0);
	wire_put_header(back, f.version, f.u, f.nodeid, f.length, f.cmd);
	CHECK_MEM(back, p, WIRE_HEADER);
	if (f.cmd == WIRE_OPTS_CMD) {
		through_opts(&f, p, t);
	} else if (f.cmd == WIRE_ACK) {
		say(t, "ACK  ver=%x node=%u len=%u ackseq=%u", f.version, f.nodeid, f.length, f.u);
		CHECK_EQ(wire_put_ack(back, f.nodeid, f.u), WIRE_HEADER);
		CHECK_MEM(back, p, WIRE_HEADER);
	} else {
		through_dlm(p, n, t);
	}
}

/* ---- golden-*.jsonl ---- */

/* The string value of a key in one line of JSON, unescaped where texts need it. */
static bool json_string(const char *line, const char *key, char *out, size_t room)
{
	char find[40];
	const char *p;
	size_t n = 0;

	snprintf(find, sizeof find, "\"%s\": \"", key);
	p = strstr(line, find);
	if (!p)
		return false;
	for (p += strlen(find); *p && *p != '"' && n + 1 < room; p++) {
		if (*p == '\\' && p[1])
			p++;
		out[n++] = *p;
	}
	out[n] = 0;
	return *p == '"';
}

static size_t from_hex(const char *hex, uint8_t *out, size_t room)
{
	size_t n = 0;
	unsigned byte;

	while (n < room && sscanf(hex + 2 * n, "%2x", &byte) == 1)
		out[n++] = (uint8_t)byte;
	return n;
}

static void golden_file(const char *path, int n_expected)
{
	static char line[40000], hex[2 * WIRE_DLM_MAX + 1], text[TEXT_MAX];
	static uint8_t p[WIRE_DLM_MAX];
	static struct text t;
	FILE *file = fopen(path, "r");
	int n_lines = 0;

	CHECK_OR_RETURN(file != NULL);
	while (fgets(line, sizeof line, file)) {
		const char *length = strstr(line, "\"length\": ");
		unsigned long n = length ? strtoul(length + 10, NULL, 10) : 0;

		CHECK(n >= WIRE_HEADER && n <= sizeof p);
		if (!json_string(line, "hex", hex, sizeof hex) ||
		    !json_string(line, "text", text, sizeof text) || n > sizeof p) {
			CHECK(!"a line of another form");
			break;
		}
		memset(p, 0, sizeof p);
		CHECK(from_hex(hex, p, sizeof p) <= n);
		through(p, n, &t);
		CHECK_STR(t.s, text);
		n_lines++;
	}
	fclose(file);
	CHECK_EQ(n_lines, n_expected);
}

static void each_kind_of_6_1(void)
{
	golden_file(GOLDEN "golden-6.1.jsonl", 32);
}

static void each_kind_of_6_12(void)
{
	golden_file(GOLDEN "golden-6.12.jsonl", 32);
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
	static char line[TEXT_MAX];

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
	static char expected[TEXT_MAX];
	static struct text t;
	struct capture *c = arg;
	struct stream *s = &c->streams[flow];
	size_t off = 0;
	int length;

	CHECK_OR_RETURN(n <= sizeof s->p - s->n);
	memcpy(s->p + s->n, p, n);
	s->n += n;
	while ((length = frame_length(s->p + off, s->n - off)) > 0 &&
	       (size_t)length <= s->n - off) {
		through(s->p + off, (size_t)length, &t);
		CHECK_OR_RETURN(next_text(c->text, expected, sizeof expected));
		CHECK_STR(t.s, expected);
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
	char line[TEXT_MAX];

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
