/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Members of a JSON answer for tests: one that is missing, or of another type, is a failed check
 * that names it. Knows no answer.
 */
#ifndef SINEW_TESTS_LIB_ANSWER_H
#define SINEW_TESTS_LIB_ANSWER_H

#include "services/json.h"

/* UINT64_MAX, and false, where it is missing. */
uint64_t answer_number(struct json_object *o, const char *key);
bool answer_is(struct json_object *o, const char *key);

#endif
