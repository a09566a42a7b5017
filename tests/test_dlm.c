/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets that tools/dump/dlm.h takes and refuses: lengths at their limits, packets cut at
 * every byte, lists of names that never end. Real packets are in test_golden.c.
 */
#include "proto/wire.h"
#include "tests/check.h"
#include "tools/dump/dlm.h"

#include <errno.h>
#include <stdlib.h>

static uint8_t buf[WIRE_DLM_MAX + 16];
static uint8_t filler[WIRE_DLM_MAX];

/* Decodes from memory of exactly n bytes, so that a sanitizer sees what is read. */
static int decode(size_t n, bool rcom)
{
	uint8_t *p = malloc(n ? n : 1);
	struct dlm_message m;
	struct dlm_rcom r;
	int err;

	if (!CHECK(p != NULL))
		return -ENOMEM;
	memcpy(p, buf, n);
	err = rcom ? dlm_rcom_decode(p, n, &r) : dlm_message_decode(p, n, &m);
	if (!err && rcom && r.type == DLM_RCOM_NAMES_REPLY) {
		struct span list = r.names_reply.list, name;

		while (dlm_names_next(&list, &name))
			CHECK(name.p >= p && name.p + name.n <= p + n);
	}
	free(p);
	return err;
}

static int put_message(uint32_t type, size_t extra)
{
	struct dlm_message m = {
		.version = WIRE_VERSION_3_2, .lockspace = 5, .sender = 2, .type = type,
		.nodeid = -1, .rqmode = DLM_MODE_EX, .extra = { filler, extra },
	};

	return dlm_message_encode(&m, buf, sizeof buf);
}

static int put_rcom(struct dlm_rcom r)
{
	r.version = WIRE_VERSION_3_2;
	return dlm_rcom_encode(&r, buf, sizeof buf);
}

static void names_and_lvbs_of_messages(void)
{
	for (uint32_t type = DLM_MSG_REQUEST; type <= DLM_MSG_PURGE; type++) {
		enum dlm_extra extra = dlm_msg_extra(type);
		size_t most = extra == DLM_EXTRA_NAME ? DLM_NAME_MAX :
			extra == DLM_EXTRA_LVB ? WIRE_DLM_MAX - DLM_MSG_BYTES : 0;

		CHECK_EQ(put_message(type, most), DLM_MSG_BYTES + most);
		CHECK_EQ(decode(DLM_MSG_BYTES + most, false), 0);
		CHECK_EQ(put_message(type, most + 1), -EINVAL);
		put_le16(buf + 12, (uint16_t)(DLM_MSG_BYTES + most + 1));
		CHECK_EQ(decode(DLM_MSG_BYTES + most + 1, false), -EBADMSG);
		CHECK_EQ(put_message(type, 0),
			 extra == DLM_EXTRA_NAME ? -EINVAL : (int)DLM_MSG_BYTES);
		put_le16(buf + 12, DLM_MSG_BYTES);
		CHECK_EQ(decode(DLM_MSG_BYTES, false), extra == DLM_EXTRA_NAME ? -EBADMSG : 0);
	}
	CHECK_EQ(put_message(0, 0), -EINVAL);
	CHECK_EQ(put_message(DLM_MSG_PURGE + 1, 0), -EINVAL);
}

static void not_of_that_kind(void)
{
	CHECK_EQ(put_message(DLM_MSG_BAST, 0), 88);
	CHECK_EQ(decode(88, true), -EBADMSG);
	put_le32(buf + 16, 0);
	CHECK_EQ(decode(88, false), -EPROTO);
	put_le32(buf + 16, DLM_MSG_PURGE + 1);
	CHECK_EQ(decode(88, false), -EPROTO);
	CHECK_EQ(put_rcom((struct dlm_rcom) { .type = DLM_RCOM_LOOKUP_REPLY }), 48);
	CHECK_EQ(decode(48, false), -EBADMSG);
	put_le32(buf + 16, DLM_RCOM_LOCK_REPLY + 1);
	CHECK_EQ(decode(48, true), -EPROTO);
	CHECK_EQ(put_rcom((struct dlm_rcom) { .type = DLM_RCOM_LOCK_REPLY + 1 }), -EINVAL);
	CHECK_EQ(put_rcom((struct dlm_rcom) { .type = 0 }), -EINVAL);
}

static void room_at_its_limit(void)
{
	struct dlm_message m = { .type = DLM_MSG_GRANT, .extra = { filler, 32 } };

	memset(buf, 0xee, sizeof buf);
	CHECK_EQ(dlm_message_encode(&m, buf, 119), -EMSGSIZE);
	CHECK_EQ(dlm_message_encode(&m, buf, 15), -EMSGSIZE);
	CHECK_EQ(buf[119], 0xee);
	CHECK_EQ(dlm_message_encode(&m, buf, 120), 120);
	CHECK_EQ(buf[120], 0xee);
}

/* One rcom of each type, with a body as long as it may be. */
static int put_longest(uint32_t type)
{
	static uint8_t slots[252 * DLM_SLOT_BYTES];
	struct dlm_rcom r = { .type = type };
	size_t used = 0;

	switch (type) {
	case DLM_RCOM_STATUS_REPLY:
		for (uint16_t i = 0; i < 251; i++)
			dlm_slot_put(slots + i * DLM_SLOT_BYTES, (struct dlm_slot) { i, i });
		r.status_reply.n_slots = 251;
		r.status_reply.slots = (struct span) { slots, 251 * DLM_SLOT_BYTES };
		break;
	case DLM_RCOM_NAMES:
	case DLM_RCOM_LOOKUP:
		r.name = (struct span) { filler, DLM_NAME_MAX };
		break;
	case DLM_RCOM_NAMES_REPLY:
		while (dlm_names_add(slots, DLM_NAMES_BODY, &used,
				     (struct span) { filler, DLM_NAME_MAX }))
			;
		CHECK_EQ(used, 60 * 66);
		r.names_reply = (struct dlm_names_reply) { { slots, used }, true, DLM_NAMES_BODY };
		break;
	case DLM_RCOM_LOCK:
		r.lock.namelen = DLM_NAME_MAX;
		r.lock.lvb = (struct span) { filler, 32 };
		break;
	}
	return put_rcom(r);
}

static void rcoms_cut_at_every_byte(void)
{
	for (uint32_t type = DLM_RCOM_STATUS; type <= DLM_RCOM_LOCK_REPLY; type++) {
		int n = put_longest(type), good = 0;

		if (!CHECK(n >= (int)DLM_RCOM_BYTES))
			continue;
		CHECK_EQ(decode((size_t)n, true), 0);
		CHECK_EQ(decode((size_t)n - 1, true), -EBADMSG);
		for (int cut = 0; cut < n; cut += cut < 200 ? 1 : 7) {
			put_longest(type);
			put_le16(buf + 12, (uint16_t)cut);
			good += decode((size_t)cut, true) == 0;
		}
		/* Only names, an lvb and the filling of a list may be shorter. */
		if (type != DLM_RCOM_NAMES && type != DLM_RCOM_LOOKUP &&
		    type != DLM_RCOM_LOCK && type != DLM_RCOM_NAMES_REPLY)
			CHECK_EQ(good, 0);
	}
}

static void messages_cut_at_every_byte(void)
{
	for (size_t cut = 0; cut < DLM_MSG_BYTES; cut++) {
		put_message(DLM_MSG_GRANT, 0);
		CHECK_EQ(decode(cut, false), -EBADMSG);
		put_le16(buf + 12, (uint16_t)cut);
		CHECK_EQ(decode(cut, false), -EBADMSG);
	}
}

static void longer_than_a_packet(void)
{
	put_longest(DLM_RCOM_NAMES_REPLY);
	memset(buf + 4072, 0, sizeof buf - 4072);
	put_le16(buf + 12, WIRE_DLM_MAX);
	CHECK_EQ(decode(WIRE_DLM_MAX, true), 0);
	put_le16(buf + 12, WIRE_DLM_MAX + 1);
	CHECK_EQ(decode(WIRE_DLM_MAX + 1, true), -EBADMSG);
}

static void slots_do_not_fit(void)
{
	put_longest(DLM_RCOM_STATUS_REPLY);
	put_le16(buf + 48 + 14, 250);
	CHECK_EQ(decode(48 + 32 + 251 * 16, true), -EBADMSG);
	put_le16(buf + 48 + 14, 0xffff);
	CHECK_EQ(decode(48 + 32 + 251 * 16, true), -EBADMSG);
	CHECK_EQ(put_rcom((struct dlm_rcom) { .type = DLM_RCOM_STATUS_REPLY,
					      .status_reply = { .n_slots = 1 } }), -EINVAL);
}

/* A NAMES_REPLY whose body is these bytes. */
static int names_body(const char *body, size_t n, struct dlm_rcom *r)
{
	CHECK_EQ(put_rcom((struct dlm_rcom) { .type = DLM_RCOM_LOOKUP_REPLY }), 48);
	put_le32(buf + 16, DLM_RCOM_NAMES_REPLY);
	put_le16(buf + 12, (uint16_t)(48 + n));
	memcpy(buf + 48, body, n);
	if (decode(48 + n, true))
		return decode(48 + n, true);
	return dlm_rcom_decode(buf, 48 + n, r);
}

static void lists_of_names(void)
{
	struct dlm_rcom r;
	struct span name;

	CHECK_EQ(names_body("\0\2ab\0\1c\377\377", 9, &r), 0);
	CHECK(r.names_reply.last && r.names_reply.list.n == 7 && r.names_reply.body == 9);
	CHECK(dlm_names_next(&r.names_reply.list, &name) && name.n == 2 && name.p[0] == 'a');
	CHECK(dlm_names_next(&r.names_reply.list, &name) && name.n == 1 && name.p[0] == 'c');
	CHECK(!dlm_names_next(&r.names_reply.list, &name));
	CHECK_EQ(names_body("\0\0", 2, &r), 0);
	CHECK(!r.names_reply.last && r.names_reply.list.n == 0);
	CHECK_EQ(names_body("", 0, &r), -EBADMSG);
	CHECK_EQ(names_body("\377", 1, &r), -EBADMSG);
	CHECK_EQ(names_body("\0\2ab", 4, &r), -EBADMSG);		/* no end */
	CHECK_EQ(names_body("\0\2ab\377", 5, &r), -EBADMSG);		/* half an end */
	CHECK_EQ(names_body("\0\5ab\377\377", 6, &r), -EBADMSG);	/* beyond the body */
	CHECK_EQ(names_body("\377\376ab", 4, &r), -EBADMSG);
	CHECK_EQ(put_rcom((struct dlm_rcom) { .type = DLM_RCOM_NAMES_REPLY,
					      .names_reply = { { filler, 9 }, true, 10 } }),
		 -EINVAL);
}

static void a_name_too_long(void)
{
	uint8_t list[200] = { 0 };
	size_t used = 0;
	struct dlm_rcom r;

	CHECK(!dlm_names_add(list, 200, &used, (struct span) { filler, DLM_NAME_MAX + 1 }));
	CHECK(!dlm_names_add(list, 200, &used, (struct span) { filler, 0 }));
	CHECK(!dlm_names_add(list, 10, &used, (struct span) { filler, 7 }));
	CHECK(dlm_names_add(list, 10, &used, (struct span) { filler, 6 }));
	CHECK_EQ(used, 8);
	memset(list, 'x', sizeof list);
	list[0] = 0;
	list[1] = DLM_NAME_MAX + 1;
	CHECK_EQ(names_body((const char *)list, 100, &r), -EBADMSG);
	put_longest(DLM_RCOM_LOCK);
	put_le16(buf + 48 + 42, DLM_NAME_MAX + 1);
	CHECK_EQ(decode(48 + 108 + 32, true), -EBADMSG);
	CHECK_EQ(put_rcom((struct dlm_rcom) { .type = DLM_RCOM_LOOKUP }), -EINVAL);
	CHECK_EQ(put_rcom((struct dlm_rcom) { .type = DLM_RCOM_NAMES,
					      .name = { filler, DLM_NAME_MAX + 1 } }), -EINVAL);
	CHECK_EQ(put_rcom((struct dlm_rcom) { .type = DLM_RCOM_LOCK_REPLY,
					      .lock = { .lvb = { filler, 32 } } }), -EINVAL);
}

static void names_of_values(void)
{
	CHECK_STR(dlm_msg_type_name(DLM_MSG_PURGE), "PURGE");
	CHECK_STR(dlm_msg_type_name(0), "unknown");
	CHECK_STR(dlm_msg_type_name(UINT32_MAX), "unknown");
	CHECK_STR(dlm_rcom_type_name(DLM_RCOM_LOCK_REPLY), "LOCK_REPLY");
	CHECK_STR(dlm_rcom_type_name(9), "unknown");
	CHECK_STR(dlm_mode_name(DLM_MODE_NONE), "IV");
	CHECK_STR(dlm_mode_name(DLM_MODE_EX), "EX");
	CHECK_STR(dlm_mode_name(-2), "unknown");
	CHECK_STR(dlm_mode_name(6), "unknown");
	CHECK_STR(dlm_lock_status_name(0), "unknown");
	CHECK_STR(dlm_lock_status_name(DLM_LOCK_CONVERT), "CONVERT");
	CHECK_STR(dlm_status_bit_name(DLM_STATUS_DONE_ALL), "DONE_ALL");
	CHECK(dlm_status_bit_name(0x100) == NULL && dlm_status_bit_name(3) == NULL);
	CHECK_STR(dlm_lkf_name(DLM_LKF_PERSISTENT), "PERSISTENT");
	CHECK(dlm_lkf_name(1u << 31) == NULL);
}

int main(void)
{
	memset(filler, 'n', sizeof filler);
	RUN(names_and_lvbs_of_messages);
	RUN(not_of_that_kind);
	RUN(room_at_its_limit);
	RUN(rcoms_cut_at_every_byte);
	RUN(messages_cut_at_every_byte);
	RUN(longer_than_a_packet);
	RUN(slots_do_not_fit);
	RUN(lists_of_names);
	RUN(a_name_too_long);
	RUN(names_of_values);
	return check_done();
}
