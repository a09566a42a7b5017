/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hexadecimal text for `sinew dump`, as several programs print it.
 * Knows nothing of what the bytes are.
 */
#include "tests/check.h"
#include "tools/dump/hex.h"

#include <errno.h>

struct got {
	uint8_t p[8192];
	size_t n;
	unsigned n_packets;
	size_t packets[8];
};

static int on_bytes(void *arg, const uint8_t *p, size_t n)
{
	struct got *g = arg;

	if (!CHECK(n <= sizeof g->p - g->n))
		return -ENOMEM;
	memcpy(g->p + g->n, p, n);
	g->n += n;
	return 0;
}

static int on_packet(void *arg, const uint8_t *p, size_t n)
{
	struct got *g = arg;

	if (CHECK(g->n_packets < 8))
		g->packets[g->n_packets++] = n;
	return on_bytes(arg, p, n);
}

static char err[HEX_ERROR_MAX];

/* Reads a text of several lines; gives the number of the line that was refused. */
static int read_text(const char *text, struct got *g)
{
	struct hex_events events = { on_bytes, on_packet, g };
	struct hex *h = NULL;
	int line = 0, rc = 0;

	memset(g, 0, sizeof *g);
	err[0] = 0;
	CHECK_EQ(hex_new(&events, &h), 0);
	for (const char *p = text; !rc && *p; line++) {
		size_t n = strcspn(p, "\n");

		rc = hex_line(h, p, n, err);
		p += n + (p[n] == '\n');
	}
	if (!rc)
		CHECK_EQ(hex_end(h), 0);
	hex_free(h);
	CHECK(rc == 0 || rc == -EINVAL);
	return rc ? line : 0;
}

static void gives(const char *text, const char *bytes, size_t n)
{
	static struct got g;

	if (!CHECK_EQ(read_text(text, &g), 0))
		printf("# %s\n", err);
	CHECK_OR_RETURN(g.n == n);
	CHECK_MEM(g.p, bytes, n);
}

static void refused(const char *text, int line, const char *why)
{
	static struct got g;

	CHECK_EQ(read_text(text, &g), line);
	CHECK_STR(err, why);
}

static void plain_digits(void)
{
	gives("", "", 0);
	gives("0200 0300\n\n# a comment\n  aB,0xCD # more\n", "\2\0\3\0\xab\xcd", 6);
	gives("02:00:03:ff", "\2\0\3\377", 4);
	gives("00000010", "\0\0\0\20", 4);
	gives("02000300\n00000004", "\2\0\3\0\0\0\0\4", 8);
}

static void rows_of_xxd(void)
{
	gives("00000000: 0200 0300 0a  abcd.\n00000005: 0bff  ..", "\2\0\3\0\12\13\377", 7);
	/* The last row is filled up with spaces, then has characters that look like digits. */
	gives("00000000: 6162                                     ab\n", "ab", 2);
	gives("00000000: 0000\n*\n00000006: 01", "\0\0\0\0\0\0\1", 7);
}

static void rows_of_hexdump_and_od(void)
{
	gives("00000000  02 00 03 00 61 62 63 64  01 02 03 04 05 06 07 08  |....abcd........|\n"
	      "00000010  aa                                                |.|\n00000011\n",
	      "\2\0\3\0abcd\1\2\3\4\5\6\7\10\252", 17);
	gives("000000 02 00\n000002 03\n000003\n", "\2\0\3", 3);
	gives("0000000 01 02 03 04 05 06 07 08\n*\n0000020 09\n0000021\n",
	      "\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10\11", 17);
}

static void rows_of_tcpdump(void)
{
	static struct got g;

	CHECK_EQ(read_text("12:00:00.1 IP 10.0.0.1.1 > 10.0.0.2.2: Flags [.], length 0\n"
			   "\t0x0000:  4500 0034 0000\n\t0x0006:  ff\n"
			   "12:00:00.2 IP6 ::1.1 > ::1.2: Flags [.]\n"
			   "\t0x0000:  6000  E.\n", &g), 0);
	CHECK_EQ(g.n_packets, 2);
	CHECK_EQ(g.packets[0], 7);
	CHECK_EQ(g.packets[1], 2);
	CHECK_MEM(g.p, "\x45\0\0\x34\0\0\xff\x60\0", 9);
}

static void what_is_no_digit_is_named(void)
{
	refused("0102\n01 zz", 2, "found \"zz\", expected pairs of hexadecimal digits");
	refused("010", 1, "found \"0\", expected pairs of hexadecimal digits");
	refused("00000000: 01\n00000002: 02", 2,
		"found \"00000002:\", expected the offset of the next row");
	refused("0x0000:  01\nhello", 2, "found \"hello\", expected the offset of the next row");
	refused("0x0000:  01\n0", 2, "found \"0\", expected the offset of the next row");
	refused("00000000: 01\n*\nffffffff: 02", 3,
		"found \"ffffffff:\", expected the offset of the next row");
}

static void limits_hold(void)
{
	static char line[HEX_LINE_MAX + 2];
	static struct got g;
	struct hex_events events = { on_bytes, on_packet, &g };
	struct hex *h = NULL;
	char row[64];
	size_t n = 0;
	int rc = 0;

	memset(line, ' ', sizeof line);
	CHECK_EQ(hex_new(&events, &h), 0);
	CHECK_EQ(hex_line(h, line, HEX_LINE_MAX, err), 0);
	CHECK_EQ(hex_line(h, line, HEX_LINE_MAX + 1, err), -EINVAL);
	CHECK_STR(err, "longer than 1048576 characters");
	while (!rc && n <= HEX_PACKET_MAX) {
		snprintf(row, sizeof row, "0x%04zx:  0000 0000 0000 0000 0000 0000 0000 0000", n);
		rc = hex_line(h, row, strlen(row), err);
		n += 16;
	}
	CHECK_EQ(rc, -EINVAL);
	CHECK_EQ(n, HEX_PACKET_MAX + 16);
	CHECK_STR(err, "a packet longer than 262144 bytes");
	hex_free(h);
}

int main(void)
{
	RUN(plain_digits);
	RUN(rows_of_xxd);
	RUN(rows_of_hexdump_and_od);
	RUN(rows_of_tcpdump);
	RUN(what_is_no_digit_is_named);
	RUN(limits_hold);
	return check_done();
}
