/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the trace of a life; reads frames by section 8 of proto/SESSION.md alone. */
#include "tests/lib/life_trace.h"

#include <stdarg.h>

#define LIFE_FILES "tests/golden/lives/"
#define TRACE_LINES 400u

uint64_t life_incarnation(char letter, unsigned run)
{
	return 0x5eed000000000000u | (uint64_t)(uint8_t)letter << 8 | run;
}

void trace_add(struct trace *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->text + t->n, sizeof t->text - t->n, fmt, ap);
	va_end(ap);
	if (CHECK(n >= 0 && (size_t)n < sizeof t->text - t->n))
		t->n += (size_t)n;
}

/* ---- frames in words ---- */

static uint64_t le_number(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static int count_of(const uint8_t *p)
{
	return (int)(uint32_t)(le_number(p, 4) - LIFE_FIRST);
}

static void say_incarnation(struct trace *t, const char *key, const uint8_t *p)
{
	uint64_t v = le_number(p, 8);

	if (v)
		trace_add(t, " %s=%c%u", key, (char)(v >> 8), (unsigned)(v & 0xff));
	else
		trace_add(t, " %s=none", key);
}

const char *reason_word(uint64_t reason)
{
	static const char *const words[] = {
		"0", "STALE", "FAILED", "CLOSED", "LEAVING", "CLUSTER", "VERSION", "FEATURE",
		"PROTOCOL", "IDENTITY", "CLAIMED",
	};

	return reason < sizeof words / sizeof words[0] ? words[reason] : "unknown";
}

/* in: the inner frame. */
static void say_hello(struct trace *t, const uint8_t *in)
{
	trace_add(t, "HELLO");
	say_incarnation(t, "mine", in + 16);
	say_incarnation(t, "yours", in + 24);
	trace_add(t, " next=%d gen=%u", count_of(in + 32), (unsigned)le_number(in + 36, 4));
	if (in[40] & 1)
		trace_add(t, " CHOSEN");
	if (in[40] & 2)
		trace_add(t, " LEAVING");
	if (in[41] != 1 || in[42] != 1)
		trace_add(t, " versions=%u-%u", in[41], in[42]);
	if (le_number(in + 56, 8))
		trace_add(t, " required=%u", (unsigned)le_number(in + 56, 8));
}

static void say_refuse(struct trace *t, const uint8_t *in)
{
	uint64_t reason = le_number(in + 32, 4);

	trace_add(t, "REFUSE %s", reason_word(reason));
	say_incarnation(t, "mine", in + 16);
	say_incarnation(t, "yours", in + 24);
	if (reason == 3)
		trace_add(t, " next=%d", count_of(in + 36));
	if (reason == 1)
		trace_add(t, " gen=%u", (unsigned)le_number(in + 40, 4));
}

void say_body(struct trace *t, const uint8_t *p, size_t n)
{
	size_t shown = 0;

	while (shown < n && p[shown] > ' ' && p[shown] <= '~')
		shown++;
	trace_add(t, " \"%.*s\"", (int)shown, (const char *)p);
	if (shown < n)
		trace_add(t, " and %zu bytes more", n - shown);
}

/* Commands of their own in the envelope; all others of it are sequenced packets of a kernel. */
static void say_opts(struct trace *t, const uint8_t *p, size_t n)
{
	size_t optlen = le_number(p + 18, 2);
	const uint8_t *in = p + 24 + optlen, *body = in + 16;
	size_t n_body = n - 24 - optlen - 16;
	int seq = count_of(p + 4);

	switch (p[16]) {
	case 0x05:
		trace_add(t, "FIN %d", seq);
		break;
	case 0x40:
		trace_add(t, "DATA %d", seq);
		say_body(t, body, n_body);
		break;
	case 0x41:
		say_hello(t, in);
		break;
	case 0x42:
		trace_add(t, "FRAGMENT %d: %zu bytes at %u of %u", seq, n_body,
			  (unsigned)le_number(p + 32, 4), (unsigned)le_number(p + 28, 4));
		break;
	case 0x43:
		say_refuse(t, in);
		break;
	case 0x44:
		trace_add(t, "LEAVING");
		break;
	case 0x45:
		trace_add(t, "PROBE of %zu bytes", n);
		break;
	case 0x46:
		trace_add(t, "PROBE_REPLY%s%s", n > 24 + 88 && in[92] & 1 ? " PADDED" : "",
			  n > 24 + 88 && in[92] & 2 ? " LOST" : "");
		break;
	case 0x47:
		trace_add(t, "STATUS%s%s%s", in[16] & 1 ? " RX_PAUSED" : "",
			  in[16] & 2 ? " SHORT" : "", in[16] & 3 ? "" : " none");
		break;
	default:
		trace_add(t, "OPTS %d: packet %u of %zu bytes", seq, p[16], n - 24 - optlen);
	}
}

size_t frame_bytes(const uint8_t *p, size_t n)
{
	return n < 16 ? 0 : le_number(p + 12, 2);
}

void say_frame(struct trace *t, const uint8_t *p, size_t n)
{
	if (p[14] == 3)
		say_opts(t, p, n);
	else if (p[14] == 4)
		trace_add(t, "ACK %d", count_of(p + 4));
	else
		trace_add(t, "packet %u of %zu bytes", p[14], n);
}

/* ---- against the recorded trace ---- */

struct lines {
	const char *at[TRACE_LINES];
	int length[TRACE_LINES];
	unsigned n;
};

static void lines_of(struct lines *l, const char *text)
{
	l->n = 0;
	while (*text && l->n < TRACE_LINES) {
		int length = (int)strcspn(text, "\n");

		l->at[l->n] = text;
		l->length[l->n++] = length;
		text += length + (text[length] == '\n');
	}
}

static bool lines_equal(const struct lines *a, unsigned i, const struct lines *b,
			       unsigned j)
{
	return a->length[i] == b->length[j] && !memcmp(a->at[i], b->at[j], (size_t)a->length[i]);
}

/* same[i][j]: the most lines in common from line i and from line j on. */
static void print_diff(const char *name, const struct lines *was, const struct lines *is)
{
	static unsigned short same[TRACE_LINES + 1][TRACE_LINES + 1];
	unsigned i, j;

	for (i = was->n + 1; i-- > 0; )
		for (j = is->n + 1; j-- > 0; ) {
			if (i == was->n || j == is->n)
				same[i][j] = 0;
			else if (lines_equal(was, i, is, j))
				same[i][j] = (unsigned short)(same[i + 1][j + 1] + 1);
			else
				same[i][j] = same[i + 1][j] > same[i][j + 1] ? same[i + 1][j] :
					same[i][j + 1];
		}
	i = j = 0;
	while (i < was->n || j < is->n) {
		if (i < was->n && j < is->n && lines_equal(was, i, is, j)) {
			i++;
			j++;
		} else if (j == is->n || (i < was->n && same[i + 1][j] >= same[i][j + 1])) {
			printf("# %s: -%.*s\n", name, was->length[i], was->at[i]);
			i++;
		} else {
			printf("# %s: +%.*s\n", name, is->length[j], is->at[j]);
			j++;
		}
	}
}

void trace_compare(const struct trace *t, const char *name, bool record)
{
	static char recorded[TRACE_BYTES];
	static struct lines was, is;
	char path[200];
	FILE *file;
	size_t n;

	snprintf(path, sizeof path, LIFE_FILES "%s.txt", name);
	file = fopen(path, record ? "w" : "r");
	if (!CHECK(file != NULL)) {
		printf("# %s: cannot open %s\n", name, path);
		return;
	}
	if (record) {
		CHECK_EQ(fwrite(t->text, 1, t->n, file), t->n);
		CHECK_EQ(fclose(file), 0);
		return;
	}
	n = fread(recorded, 1, sizeof recorded - 1, file);
	fclose(file);
	recorded[n] = 0;
	lines_of(&was, recorded);
	lines_of(&is, t->text);
	CHECK(is.n < TRACE_LINES);
	if (!CHECK(n == t->n && !memcmp(recorded, t->text, n)))
		print_diff(name, &was, &is);
}
