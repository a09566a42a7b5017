/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the two files of the kernel model. Nothing else includes it.
 */
#ifndef SINEW_TESTS_SIM_KERNEL_PEER_H
#define SINEW_TESTS_SIM_KERNEL_PEER_H

#include "sim.h"

#define K_UNACKED	512u
#define K_PACKET	4096u
#define K_FRAME		(WIRE_OPTS + K_PACKET)
#define K_TICK_NS	(500 * MSEC)
#define K_DEAD_TICKS	20u	/* TCP gives a silent hole up after so many */
#define K_LEAVE_NS	(5 * SEC)
#define K_LAST_NS	(20 * SEC)	/* 6.1 waits longer for the last ACK */

enum k_event { K_SEND = 0x10000, K_TICK = 0x20000, K_DIAL = 0x30000, K_LEAVE = 0x40000,
	       K_GONE = 0x50000, K_MEMBER = 0x60000 };

struct k_msg {
	uint32_t seq, off;
	uint16_t len;
	bool fin;
};

struct k_con {
	struct conn *c;
	uint32_t gen;
	uint8_t side;
};

struct k_peer {
	bool member, removed, dialling, repeat, held;
	enum fsm_state st;
	uint8_t inc;			/* of the core at the other end */
	uint32_t tx_seq, rx_seq, since_ack;
	bool drops;			/* the next packet that it queues */
	bool ack_due, status_due;	/* status_due: asks for the status, bare */
	uint64_t lost_last_ns;	/* when an ACK of its last FIN went with its link; 0: none */
	uint32_t answer_id;		/* of a question of ours; 0: none */
	struct k_msg un[K_UNACKED];	/* not acknowledged, oldest first */
	unsigned head, n_un, unsent;	/* unsent: index of the next to be written */
	struct k_con con, other;
	uint32_t cur_len, cur_off;	/* the packet being written */
	uint8_t cur[K_FRAME];
	struct stream *tx, *rx;
};

struct kernel {
	bool rare_acks, v31, leaving;
	unsigned ticks;
	struct k_peer peer[SIM_NODES];
};

void k_at(struct node *n, uint64_t delay_ns, uint32_t what);
void k_dial(struct node *n, unsigned j);
void k_drop(struct k_con *k, bool reset);
/* Behind both FINs: 6.12 shuts its side down and waits for the end of ours, 6.1 closes. */
void k_release(const struct node *n, struct k_con *k);
bool k_usable(const struct k_con *k);
void k_pump(struct node *n, unsigned j);
void k_queue(struct node *n, unsigned j, bool fin, uint16_t len);
void k_last_ack(struct node *n, unsigned j);

#endif
