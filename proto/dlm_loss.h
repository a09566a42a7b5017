/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For dlm_profile.c: what a session with a kernel awaits and loses.
 */
#ifndef SINEW_PROTO_DLM_LOSS_H
#define SINEW_PROTO_DLM_LOSS_H

#include "core.h"

/* A peer of 3.1 repeats nothing and acknowledges nothing. */
static inline bool dlm_unreliable(const struct session *s)
{
	return s->n.is_3_1;
}

/* If nothing numbered is taken until then, a reset asks for it, or it is lost. */
void dlm_await_repeat(struct session *s, struct core *core);
/* The awaited number has come, or comes no more. */
void dlm_repeat_over(struct session *s);
/* The links that wait for a number in front of what they have read. */
void dlm_read_on(struct session *s);
/* A link was lost, or is: the kernel may write its FIN on it all the same. */
void dlm_doubt_fin(struct session *s);
/* Its FIN is awaited, and may be lost where a reset makes it repeat: to be asked for behind
 * fin_wait_ns of silence. */
bool dlm_fin_missing(const struct session *s);
/* As profile.h says. */
bool dlm_link_over(struct link *l, bool eof);
/* The frame that was read is ahead of the expected one, where a reset makes no kernel repeat. */
enum rx_result dlm_missing(struct link *l);
/* The expected number was taken there: it may show that a connection was lost with nothing. */
void dlm_number_taken(const struct link *l);
/* Over such a transport: a number has been missing for long enough, or none has shown that. */
void dlm_loss_tick(struct peer *p);
/* Nothing was read for so long, and a reset would lose what is on the way. True: it was counted. */
bool dlm_waits_on(struct link *l, uint64_t silent_ns);

#endif
