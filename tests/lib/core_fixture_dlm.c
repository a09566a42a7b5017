/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the packets of a peer that is a kernel; knows nothing of what is right. */
#include "tests/lib/core_fixture_dlm.h"

#define SECOND_ADDRESS { .ip = { [14] = 1, [15] = HIGH }, .port = 1 }

struct wire *kernel_up(void)
{
	struct path_addr addrs[] = { address_of(HIGH), SECOND_ADDRESS };

	fixture_begin(false);
	peer_remove(&fx->peer[HIGH]);
	settle();
	fx->peer[HIGH] = (struct peer) { 0 };
	peer_add(&fx->core, &fx->peer[HIGH], HIGH, &profile_dlm, addrs, 2);
	peer_provide(&fx->peer[HIGH], new_session());
	peer_added(&fx->peer[HIGH], incarnation(HIGH));
	settle();
	pass(1000);
	return fx->dial[HIGH];
}

struct wire *its_own(void)
{
	struct path_addr from = address_of(HIGH);
	struct wire *w = new_wire();

	link_accept_dlm(&fx->core, &w->link, &fx->peer[HIGH], &from);
	settle();
	return w;
}

size_t put_packet(uint8_t *p, uint32_t version, uint32_t nodeid, size_t len)
{
	memset(p, 0, len);
	wire_put_header(p, version, 0, nodeid, len, WIRE_MSG);
	return len;
}

size_t put_envelope(uint8_t *p, uint32_t seq, uint8_t command, size_t len)
{
	size_t n = wire_put_opts(p, HIGH, seq, command, len);

	put_packet(p + n, WIRE_VERSION_3_2, HIGH, len);
	p[n + offsetof(struct wire_header, cmd)] = command;
	return n + len;
}
