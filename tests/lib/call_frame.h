/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether two frames of services/call_wire.h say the same, field by field: a struct has padding.
 * Data are not compared.
 */
#ifndef SINEW_TESTS_LIB_CALL_FRAME_H
#define SINEW_TESTS_LIB_CALL_FRAME_H

#include <stdbool.h>

#include "services/call_wire.h"

static inline bool same_call_frame(const struct call_frame *a, const struct call_frame *b)
{
	return a->kind == b->kind && a->flags == b->flags && a->slot == b->slot &&
		a->gen == b->gen && a->total == b->total && a->op == b->op &&
		a->deadline_ms == b->deadline_ms && a->after_gen == b->after_gen &&
		a->after_slot == b->after_slot && a->binding == b->binding &&
		a->service == b->service && a->cred == b->cred && a->cred_kind == b->cred_kind &&
		a->extra == b->extra &&
		a->target == b->target && a->depth == b->depth && a->reason == b->reason &&
		a->seen == b->seen && a->state == b->state && a->code == b->code &&
		a->retry_ms == b->retry_ms && a->consumed == b->consumed &&
		a->received == b->received && a->window == b->window && a->age_ms == b->age_ms;
}

#endif
