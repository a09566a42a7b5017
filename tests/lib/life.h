/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of one session, told in verbs: A (nodeid 1, which decides), B (nodeid 2), and C, another
 * program with the nodeid of B, or a kernel. The clock moves when run() says so. The trace of all
 * that happens is compared with tests/golden/lives/NAME.txt.
 */
#ifndef SINEW_TESTS_LIB_LIFE_H
#define SINEW_TESTS_LIB_LIFE_H

#include "tests/lib/life_cores.h"

/* ---- begin and end ---- */

/* --record: the traces are written anew. */
void life_arguments(int argc, char **argv);
void story(const char *name, const char *rule);
void the_end(void);

void starts(enum who who);

/* The program is gone; silently: its machine is. */
void dies(enum who who, bool silently);

/* The clock moves by so many milliseconds. */
void run(unsigned ms);

/* A story that names what is not there fails. */
struct life_conn *link_of(unsigned number);
struct session *session_of(enum who who);

/* A connection breaks: what is under way on it is lost, both ends see an error. */
void cut(unsigned number);

/* Begins like open-b-dials, which the trace does not repeat. */
void both_start(void);

/* ---- verbs ---- */

/* 0: as many as its name has. */
void send_bytes(enum who who, size_t bytes);
void sends(enum who who, unsigned messages);
void finishes(enum who who);
void closes(enum who who);

/* From the configuration. */
void removes(enum who who);

void mute(enum who who, bool on);
void path_dies(unsigned path, bool down);

/* A connection of which a firewall has lost the state. */
void loses_state(unsigned number, bool lost);

void has_quorum(enum who who, bool quorate);
void reads(enum who who, bool on);

/* Membership says to one of them what has become of the other. */
enum word { ADDED, LEAVING, LEFT, FAILED };
void hears(enum who who, enum who of, unsigned run_of, enum word word);

#endif
