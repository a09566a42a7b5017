/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/answer.h"

#include "tests/lib/check.h"

uint64_t answer_number(struct json_object *o, const char *key)
{
	uint64_t n = UINT64_MAX;

	if (!CHECK(o && json_get_number(o, key, &n)))
		printf("# the member is %s\n", key);
	return n;
}

bool answer_is(struct json_object *o, const char *key)
{
	bool is = false;

	if (!CHECK(o && json_get_bool(o, key, &is)))
		printf("# the member is %s\n", key);
	return is;
}
