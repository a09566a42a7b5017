/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: all of `sinew dump` behind the reading of files. The input is a capture
 * file (pcap, little endian), whose snapshot length chooses the options; anything
 * else is hexadecimal text. All output must be printable, in lines of the length
 * that is promised. Knows no layout but that of the file.
 */
#define FUZZ_NAME "pcap"
#include "tests/fuzz/input.h"

#include <errno.h>

#include "tools/dump/engine.h"
#include "tools/dump/hex.h"

#define MAGIC		0xa1b2c3d4u
#define LINE_MAX_ALL	(RECORD_LINE_MAX + 32)

enum choice { ALL_PORTS = 1, JSON = 2, PAYLOAD = 4, SUMMARY = 8, UTC = 16, MARKED = 32 };

static void check_output(const char *text, size_t n, bool json)
{
	size_t line = 0;

	MUST(!n || text[n - 1] == '\n');
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\n') {
			MUST(json || line <= LINE_MAX_ALL);
			line = 0;
			continue;
		}
		MUST(text[i] >= 0x20 && text[i] < 0x7f);
		line++;
	}
}

static void choose(struct engine_options *o, uint32_t choice)
{
	o->filter.all_ports = choice & ALL_PORTS;
	o->json = choice & JSON;
	o->style.n_payload = choice & PAYLOAD ? 64 : 0;
	o->summary = choice & SUMMARY;
	o->style.utc = choice & UTC;
	if (choice & MARKED)
		MUST(filter_kinds(&o->filter, "MARKED,NOTE"));
}

static void feed_packets(struct engine *e, enum packet_link link, struct input *in)
{
	while (in->left >= 16) {
		uint64_t s = input_u32(in), us = input_u32(in);
		uint32_t caplen = input_u32(in), len = input_u32(in);
		const uint8_t *bytes;
		size_t n = input_bytes(in, &bytes, caplen);
		uint8_t *copy = input_copy(bytes, n);
		int rc = engine_packet(e, link, s * 1000000000 + us * 1000, copy, n, len);

		free(copy);
		MUST(!rc);
	}
}

static int on_bytes(void *arg, const uint8_t *p, size_t n)
{
	return engine_bytes(arg, p, n);
}

static int on_packet(void *arg, const uint8_t *p, size_t n)
{
	return engine_packet(arg, PACKET_RAW, 0, p, n, n);
}

static void feed_text(struct engine *e, struct input *in)
{
	struct hex_events events = { on_bytes, on_packet, e };
	char err[HEX_ERROR_MAX] = "";
	struct hex *h;
	int rc = 0;

	MUST(!hex_new(&events, &h));
	while (!rc && in->left) {
		const char *line = (const char *)in->p;
		const char *end = memchr(line, '\n', in->left);
		size_t n = end ? (size_t)(end - line) : in->left;

		rc = hex_line(h, line, n, err);
		MUST(rc == 0 || (rc == -EINVAL && err[0]));
		n += end != NULL;
		in->p += n;
		in->left -= n;
	}
	if (!rc)
		MUST(!hex_end(h));
	hex_free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct input in = { p, n };
	struct engine_options options;
	enum packet_link link = PACKET_RAW;
	struct engine *e = NULL;
	char *text = NULL;
	bool is_capture = n >= 24 && input_u32(&in) == MAGIC;
	size_t n_text;
	FILE *out;

	memset(&options, 0, sizeof options);
	if (is_capture) {
		input_u64(&in);
		input_u32(&in);
		choose(&options, input_u32(&in));
		if (!packet_link((int)input_u32(&in), &link))
			return 0;
	} else {
		in = (struct input) { p, n };
	}
	out = open_memstream(&text, &n_text);
	MUST(out);
	MUST(!engine_new(&options, out, &e));
	if (is_capture)
		feed_packets(e, link, &in);
	else
		feed_text(e, &in);
	MUST(!engine_end(e));
	engine_free(e);
	fclose(out);
	check_output(text, n_text, options.json);
	free(text);
	return 0;
}

#include "tests/fuzz/replay.h"
