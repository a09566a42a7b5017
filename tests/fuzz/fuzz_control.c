/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: requests of the control socket, JSON of strangers. One that is taken asks for
 * something; one that is refused has a text for people, in its bounds. Knows no answer.
 */
#define FUZZ_NAME "control"
/* fuzz.sh: max_len=2000 */
#include "services/control_request.h"

#include <errno.h>

#include "services/json.h"
#include "tests/fuzz/input.h"

static void taken(const struct control_request *r)
{
	MUST(r->document && r->asked != ASKED_NOTHING);
	MUST(*control_asked_name(r->asked));
	MUST(!r->peer || r->asked == ASKED_STATUS);
	MUST(r->asked != ASKED_CONFIG_SET || r->options);
	MUST(!r->options || r->asked == ASKED_CONFIG_GET || r->asked == ASKED_CONFIG_SET);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct control_request r;
	struct control_error why = { 0 };
	uint8_t *copy = input_copy(p, n);
	int err;

	memset(why.text, 0x5a, sizeof why.text);
	err = control_request_parse((const char *)copy, n, &r, &why);
	if (!err) {
		taken(&r);
	} else {
		MUST(err == -EINVAL || err == -E2BIG || err == -EPROTONOSUPPORT ||
		     err == -ENOMEM);
		MUST(why.err == err);
		MUST(strnlen(why.text, sizeof why.text) < sizeof why.text && why.text[0]);
	}
	control_request_free(&r);
	free(copy);
	return 0;
}

#include "tests/fuzz/replay.h"
