/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls of nodes, as the rest of the simulator knows them (dialog.c, caller.c; calls.h). */
#ifndef SINEW_TESTS_SIM_DIALOG_H
#define SINEW_TESTS_SIM_DIALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node;
struct sess;

void dialog_draw(void);
void dialog_up(struct sess *x);
void dialog_frame(struct sess *x, const uint8_t *p, size_t n);
void dialog_batch_end(struct node *n);
void dialog_writable(struct sess *x);
void dialog_finishing(struct sess *x);
void dialog_finished(struct sess *x);
void dialog_down(struct sess *x);
void dialog_forget(struct sess *x);
void dialog_step(struct sess *x, uint32_t b);
uint64_t dialog_deadline(struct node *n);
void dialog_tick(struct node *n);
void dialog_heal(void);
void dialog_closing(void);
bool dialog_quiet(const struct node *n, unsigned j);
void dialog_show(const struct node *n, unsigned j);
void caller_turn(struct node *n, unsigned j, bool again);

#endif
