/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/control_answer.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/inbox.h"
#include "services/control_config.h"
#include "services/control_request.h"
#include "services/control_status.h"
#include "services/json.h"
#include "services/server.h"

struct asking {
	const struct control *c;
	const struct ucred *who;	/* NULL: a member */
	unsigned rights;
	uint32_t peer;
};

/* ---- may they ---- */

/* "uid 0, pid 123", or "node 2". */
static void name_asker(const struct asking *a, char by[OPTIONS_BY_MAX])
{
	assert(a->who || a->peer);
	if (a->who)
		snprintf(by, OPTIONS_BY_MAX, "uid %u, pid %d", (unsigned)a->who->uid,
			 (int)a->who->pid);
	else
		snprintf(by, OPTIONS_BY_MAX, "node %u", (unsigned)a->peer);
}

static unsigned rights_for(enum control_asked asked)
{
	assert(asked != ASKED_NOTHING);
	return asked == ASKED_CONFIG_SET ? SERVER_READS | SERVER_WRITES : SERVER_READS;
}

static int check_rights(const struct asking *a, enum control_asked asked,
			struct control_error *why)
{
	unsigned wanted = rights_for(asked);
	char by[OPTIONS_BY_MAX];

	name_asker(a, by);
	if (!a->who && (wanted & SERVER_WRITES))
		return control_error(why, -EPERM, "%s may not change options of this node, "
				     "nobody may from afar", by);
	if (!a->who && !a->c->remote_status)
		return control_error(why, -EPERM, "%s may not read the status of this node: its "
				     "section \"control\" does not say \"remote: status\"", by);
	if ((a->rights & wanted) == wanted)
		return 0;
	if (a->rights & SERVER_READS)
		return control_error(why, -EPERM, "%s may read, but not change options: root and "
				     "the user of the program may, and those that \"write\" of its "
				     "section \"control\" names", by);
	return control_error(why, -EPERM, "%s may not read the status of this node: root and the "
			     "user of the program may, and those that its section \"control\" "
			     "names", by);
}

/* ---- the answer ---- */

static int fill(const struct asking *a, const struct control_request *r, struct json_object *o,
		struct control_error *why)
{
	char by[OPTIONS_BY_MAX];
	int err = 0;

	assert(!why->err);
	switch (r->asked) {
	case ASKED_STATUS:
		err = control_status(a->c, r->peer, o);
		if (err == -ENOENT)
			return control_error(why, err, "this node has no peer %u",
					     (unsigned)r->peer);
		break;
	case ASKED_TOP:
		err = control_top(a->c, o);
		break;
	case ASKED_SUBSCRIBERS:
		err = control_subscribers(a->c, o);
		break;
	case ASKED_CONFIG_GET:
		return control_config_get(a->c, r, o, why);
	case ASKED_CONFIG_SET:
		name_asker(a, by);
		return control_config_set(a->c, r, by, o, why);
	case ASKED_NOTHING:
		assert(false);
		break;
	}
	if (err)
		return control_error(why, err, "cannot read the status: %s", strerror(-err));
	return 0;
}

static struct json_object *document_of(enum control_asked asked)
{
	struct json_object *o = json_document(CONTROL_SCHEMA);

	json_put_string(o, "ask", control_asked_name(asked));
	return o;
}

static struct json_object *refusal(enum control_asked asked, const struct control_error *why)
{
	struct json_object *o = document_of(asked), *e = json_new();

	assert(why->err < 0);
	json_put_string(e, "errno", sinew_error_name(why->err));
	json_put_string(e, "text", why->text);
	json_put(o, "error", e);
	return o;
}

/* An empty request of a member is one for the status. */
static int understand(const struct asking *a, const char *json, size_t len,
		      struct control_request *r, struct control_error *why)
{
	assert(json || !len);
	if (a->who || len)
		return control_request_parse(json, len, r, why);
	*r = (struct control_request) { .asked = ASKED_STATUS };
	return 0;
}

int control_answer(const struct control *c, const char *json, size_t len, const struct ucred *who,
		   unsigned rights, uint32_t peer, char **ret_text)
{
	const struct asking a = { c, who, who ? rights : SERVER_READS, peer };
	struct control_error why = { 0 };
	struct control_request r;
	struct json_object *o = NULL;
	const char *text;
	int err;

	assert(who || peer);
	err = understand(&a, json, len, &r, &why);
	if (!err)
		err = check_rights(&a, r.asked, &why);
	if (!err) {
		o = document_of(r.asked);
		err = fill(&a, &r, o, &why);
	}
	if (err) {
		json_free(o);
		o = refusal(r.asked, &why);
	}
	control_request_free(&r);
	text = json_text(o);
	*ret_text = text ? strdup(text) : NULL;
	json_free(o);
	return *ret_text ? 0 : -ENOMEM;
}
