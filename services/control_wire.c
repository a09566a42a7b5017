/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/control_wire.h"

#include <assert.h>

#include "proto/wire.h"

_Static_assert(CONTROL_BODY_MAX + CONTROL_HEAD == CONTROL_MAX, "a message");
_Static_assert(!(CONTROL_EVENTS & CONTROL_ANSWER), "kinds leave the bit free");

void control_put_head(uint8_t *p, const struct control_head *head)
{
	assert(head->size >= CONTROL_HEAD && head->size <= CONTROL_MAX);
	put_le32(p, head->size);
	p[4] = head->kind;
	p[5] = head->flags;
	put_le16(p + 6, 0);
	put_le32(p + 8, head->id);
	put_le32(p + 12, (uint32_t)head->status);
}

bool control_get_head(const uint8_t *p, size_t n, struct control_head *ret_head)
{
	if (n < CONTROL_HEAD || n > CONTROL_MAX || get_le32(p) != n)
		return false;
	*ret_head = (struct control_head) {
		.size = (uint32_t)n, .id = get_le32(p + 8), .kind = p[4], .flags = p[5],
		.status = (int32_t)get_le32(p + 12),
	};
	assert(ret_head->size >= CONTROL_HEAD);
	return true;
}

void control_put_hello(uint8_t p[CONTROL_HELLO_ANSWER], const struct control_hello *hello)
{
	assert(hello->version);
	put_le32(p, hello->version);
	put_le32(p + 4, hello->nodeid);
	put_le64(p + 8, hello->incarnation);
	put_le64(p + 16, hello->epoch);
}

void control_get_hello(const uint8_t p[CONTROL_HELLO_ANSWER], struct control_hello *ret_hello)
{
	*ret_hello = (struct control_hello) {
		.version = get_le32(p), .nodeid = get_le32(p + 4),
		.incarnation = get_le64(p + 8), .epoch = get_le64(p + 16),
	};
}
