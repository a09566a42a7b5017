/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The packets of tests/vm/dlm_packet.h against traffic of real kernels (tests/golden): each is
 * read, and written back to the same bytes; and what is no packet is refused, whatever is wrong.
 * To be run from the top of the project.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/lib/check.h"
#include "tests/lib/golden.h"
#include "tests/vm/dlm_hash.h"
#include "tests/vm/dlm_packet.h"

#define GOLDEN		"tests/golden/"
#define OPTS		24	/* bytes around a packet that is numbered */
#define CMD_AT		14
#define CMD_OPTS	3
#define KINDS		32	/* in each file */
#define PACKETS		30	/* of them without ACK and FIN */

static unsigned n_packets;

/* ---- real packets ---- */

static void message_back(const uint8_t *p, size_t n)
{
	uint8_t back[DLM_PACKET_MAX] = { 0 };
	struct dlm_message m;
	const char *why = "";

	CHECK_EQ(dlm_message_decode(p, n, &m, &why), 0);
	CHECK_STR(why, "");
	CHECK_EQ(dlm_message_encode(back, &m), n);
	CHECK_MEM(back, p, n);
	if (m.name_len)
		CHECK_EQ(dlm_hash(m.name, m.name_len), m.hash);
}

static size_t body_back(const struct dlm_rcom *rcom, uint8_t *body)
{
	static struct dlm_config config;
	struct dlm_relock lock;
	const char *why = "";

	switch (rcom->type) {
	case DLM_RCOM_STATUS:
		return dlm_status_body(body, dlm_status_flags(rcom));
	case DLM_RCOM_STATUS_REPLY:
		CHECK_EQ(dlm_config_decode(rcom, &config, &why), 0);
		return dlm_config_body(body, &config);
	case DLM_RCOM_LOCK:
	case DLM_RCOM_LOCK_REPLY:
		CHECK_EQ(dlm_relock_decode(rcom, &lock, &why), 0);
		return dlm_relock_body(body, &lock);
	case DLM_RCOM_NAMES_REPLY: {
		struct dlm_names names = { 0 };
		size_t at = 0;

		while (dlm_names_next(rcom, &names, &why) == 1)
			CHECK(dlm_names_add(body, &at, names.name, names.len));
		dlm_names_end(body, at, names.is_last);
		return DLM_NAMES;
	}
	case DLM_RCOM_NONE:
	case DLM_RCOM_NAMES:
	case DLM_RCOM_LOOKUP:
	case DLM_RCOM_LOOKUP_REPLY:
	case DLM_RCOM_N_TYPES:
		break;
	}
	memcpy(body, rcom->body, rcom->body_len);
	return rcom->body_len;
}

static void rcom_back(const uint8_t *p, size_t n)
{
	uint8_t back[DLM_PACKET_MAX] = { 0 }, body[DLM_PACKET_MAX];
	struct dlm_rcom rcom;
	const char *why = "";

	CHECK_OR_RETURN(dlm_rcom_decode(p, n, &rcom, &why) == 0);
	rcom.body_len = body_back(&rcom, body);
	rcom.body = body;
	CHECK_EQ(dlm_rcom_encode(back, &rcom), n);
	CHECK_MEM(back, p, n);
}

static void there_and_back(const uint8_t *p, size_t n, const char *text)
{
	struct dlm_header h;
	const char *why;

	(void)text;
	if (p[CMD_AT] == CMD_OPTS) {
		p += OPTS;
		n -= OPTS;
	}
	if (p[CMD_AT] != DLM_MSG && p[CMD_AT] != DLM_RCOM)
		return;
	n_packets++;
	CHECK_OR_RETURN(dlm_header_decode(p, n, &h, &why) == 0);
	if (h.cmd == DLM_MSG)
		message_back(p, n);
	else
		rcom_back(p, n);
}

static void packets_of_6_1(void)
{
	n_packets = 0;
	golden_file(GOLDEN "golden-6.1.jsonl", KINDS, there_and_back);
	CHECK_EQ(n_packets, PACKETS);
}

static void packets_of_6_12(void)
{
	n_packets = 0;
	golden_file(GOLDEN "golden-6.12.jsonl", KINDS, there_and_back);
	CHECK_EQ(n_packets, PACKETS);
}

/* ---- what is refused ---- */

static int decode_any(const uint8_t *p, size_t n)
{
	static struct dlm_config config;
	struct dlm_names names = { 0 };
	struct dlm_message m;
	struct dlm_relock lock;
	struct dlm_rcom rcom;
	struct dlm_header h;
	const char *why;
	int rc = dlm_header_decode(p, n, &h, &why);

	if (rc)
		return rc;
	if (h.cmd == DLM_MSG)
		return dlm_message_decode(p, n, &m, &why);
	rc = dlm_rcom_decode(p, n, &rcom, &why);
	if (rc)
		return rc;
	if (rcom.type == DLM_RCOM_STATUS_REPLY)
		return dlm_config_decode(&rcom, &config, &why);
	if (rcom.type == DLM_RCOM_LOCK || rcom.type == DLM_RCOM_LOCK_REPLY)
		return dlm_relock_decode(&rcom, &lock, &why);
	if (rcom.type == DLM_RCOM_NAMES_REPLY)
		do {
			rc = dlm_names_next(&rcom, &names, &why);
		} while (rc == 1);
	return rc;
}

/* A copy on the heap, so that the address sanitizer sees what is read behind its end. */
static int decode_copy(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	int rc;

	memcpy(copy, p, n);
	rc = decode_any(copy, n);
	free(copy);
	return rc;
}

static void put16(uint8_t *p, size_t n)
{
	p[0] = (uint8_t)n;
	p[1] = (uint8_t)(n >> 8);
}

/* Each byte changed, and each shorter length: read or refused, and nothing else. */
static void spoiled(const uint8_t *p, size_t n, const char *text)
{
	uint8_t other[24 + DLM_PACKET_MAX];
	size_t i, few = n < 300 ? n : 300;

	(void)text;
	if (p[CMD_AT] == CMD_OPTS) {
		p += OPTS;
		n -= OPTS;
		few -= OPTS;
	}
	if (p[CMD_AT] != DLM_MSG && p[CMD_AT] != DLM_RCOM)
		return;
	memcpy(other, p, n);
	for (i = 0; i < few; i++) {
		static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };
		size_t k;

		for (k = 0; k < sizeof(values); k++) {
			int rc;

			other[i] = values[k];
			rc = decode_copy(other, n);
			CHECK(rc == 0 || rc == -EBADMSG);
		}
		other[i] = p[i];
	}
	for (i = 0; i < few; i++) {
		CHECK_EQ(decode_copy(p, i), -EBADMSG);
		put16(other + 12, i);
		CHECK(decode_copy(other, i) == 0 || decode_copy(other, i) == -EBADMSG);
	}
}

static void spoiled_packets(void)
{
	golden_file(GOLDEN "golden-6.12.jsonl", KINDS, spoiled);
}

static size_t a_request(uint8_t *p, size_t name_len)
{
	static const uint8_t name[DLM_NAME_MAX + 1] = "r";
	struct dlm_message m = { .space = 1, .sender = 2, .type = DLM_REQUEST,
				 .grmode = DLM_IV, .rqmode = DLM_EX,
				 .name = name, .name_len = name_len };

	return dlm_message_encode(p, &m);
}

static const char *refusal(const uint8_t *p, size_t n)
{
	struct dlm_message m;
	const char *why = "";

	CHECK_EQ(dlm_message_decode(p, n, &m, &why), -EBADMSG);
	return why;
}

static void names_at_their_limit(void)
{
	uint8_t p[DLM_PACKET_MAX];
	struct dlm_message m;
	const char *why;
	size_t n = a_request(p, DLM_NAME_MAX);

	CHECK_EQ(dlm_message_decode(p, n, &m, &why), 0);
	CHECK_EQ(m.name_len, DLM_NAME_MAX);
	n = a_request(p, DLM_NAME_MAX + 1);
	CHECK_STR(refusal(p, n), "the name of the resource is empty or too long");
	n = a_request(p, 0);
	CHECK_STR(refusal(p, n), "the name of the resource is empty or too long");
}

static void each_refusal_has_its_reason(void)
{
	uint8_t p[DLM_PACKET_MAX];
	size_t n = a_request(p, 1);

	CHECK_STR(refusal(p, n - 1), "its length is not the one in its header");
	p[0] = 3;
	CHECK_STR(refusal(p, n), "its version is neither 3.2 nor 3.1");
	n = a_request(p, 1);
	p[CMD_AT] = CMD_OPTS;
	CHECK_STR(refusal(p, n), "it is neither MSG nor RCOM");
	n = a_request(p, 1);
	p[16] = DLM_N_TYPES;
	CHECK_STR(refusal(p, n), "the type of the message is unknown");
	n = a_request(p, 1);
	p[72] = DLM_EX + 1;
	CHECK_STR(refusal(p, n), "one of its modes is none");
	n = a_request(p, 1);
	p[64] = DLM_CONVERTING + 1;
	CHECK_STR(refusal(p, n), "its status is none");
	n = a_request(p, 1);
	p[16] = DLM_GRANT;
	CHECK_STR(refusal(p, n), "its value block does not have 32 bytes");
}

static void names_fill_their_list(void)
{
	uint8_t body[DLM_NAMES];
	static const uint8_t name[DLM_NAME_MAX];
	struct dlm_rcom rcom = { .type = DLM_RCOM_NAMES_REPLY, .body = body,
				 .body_len = sizeof(body) };
	struct dlm_names names = { 0 };
	const char *why;
	unsigned n = 0, seen = 0;
	size_t at = 0;

	while (dlm_names_add(body, &at, name, sizeof(name)))
		n++;
	CHECK_EQ(n, (DLM_NAMES - 2) / (2 + DLM_NAME_MAX));
	CHECK(dlm_names_add(body, &at, name, DLM_NAMES - 2 - at - 2));
	CHECK(!dlm_names_add(body, &at, name, 1));
	dlm_names_end(body, at, false);
	while (dlm_names_next(&rcom, &names, &why) == 1)
		seen++;
	CHECK_EQ(seen, n + 1);
	CHECK(!names.is_last);
}

int main(void)
{
	RUN(packets_of_6_1);
	RUN(packets_of_6_12);
	RUN(spoiled_packets);
	RUN(names_at_their_limit);
	RUN(each_refusal_has_its_reason);
	RUN(names_fill_their_list);
	return check_done();
}
