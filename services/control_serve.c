/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opens the control socket of a node for the user: its rights, its server, its name. Knows no
 * request.
 */
#include <assert.h>
#include <errno.h>

#include "lowcomms/node.h"
#include "lowcomms/service.h"
#include "services/sinew-control.h"

#ifdef HAVE_JSON
#include "services/control_answer.h"
#include "services/server_listen.h"

/* ---- functions of the server: its thread ---- */

static unsigned on_may(void *arg, int fd, const struct ucred *who)
{
	return control_rights_of(arg, fd, who->uid, who->gid);
}

static int on_answer(void *arg, const char *request, size_t len, const struct ucred *who,
		     unsigned rights, uint32_t peer, char **ret_text)
{
	return control_answer(arg, request, len, who, rights, peer, ret_text);
}

static void on_freed(void *arg)
{
	control_free(arg);
}

/* ---- the user's ---- */

static int serve(struct control *c, const char *name)
{
	const struct server_gate gate = {
		.may = on_may, .answer = on_answer, .freed = on_freed, .arg = c,
	};
	int err = sinew_topo_start(c->node, c->calls, NULL);

	/* The gate is constant once peers may ask. */
	if (err == -EALREADY && service_is_late(c->node))
		err = -EBUSY;
	if (!err || err == -EALREADY) {
		c->server = server_of(c->node);
		assert(c->server);
		err = server_listen(c->server, name, &gate);
	}
	/* Else the server has it, until on_freed(). */
	if (err)
		control_free(c);
	return err;
}

int sinew_control_serve(struct sinew_node *node, const struct sinew_control_options *opt)
{
	char name[SINEW_CONTROL_NAME_MAX];
	struct control *c;
	int err;

	if (!node || (opt && opt->size < sizeof *opt))
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	err = sinew_control_name(node->cluster, node->group, node->opt.nodeid, name, sizeof name);
	assert(err > 0);
	err = control_new(node, opt, &c);
	if (err)
		return err;
	return serve(c, opt && opt->name ? opt->name : name);
}

#else

int sinew_control_serve(struct sinew_node *node, const struct sinew_control_options *opt)
{
	(void)opt;
	return node ? -ENOSYS : -EINVAL;
}

#endif
