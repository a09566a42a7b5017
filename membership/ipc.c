/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/ipc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <corosync/cmap.h>
#include <corosync/corotypes.h>
#include <corosync/cpg.h>
#include <corosync/quorum.h>

#define LINES_MAX	4096	/* keys of cmap that matter */

struct ipc {
	const struct ipc_events *events;
	void *arg;
	cpg_handle_t cpg;
	quorum_handle_t quorum;
	cmap_handle_t cmap;
	bool has_cpg, has_quorum, has_cmap;
	struct cpg_name group;
};

/* Maps corosync's errors to ours. */
static int error_of(cs_error_t rc)
{
	switch (rc) {
	case CS_OK:
		return 0;
	case CS_ERR_TRY_AGAIN:
	case CS_ERR_BUSY:
	case CS_ERR_QUEUE_FULL:
		return -EAGAIN;
	case CS_ERR_NO_MEMORY:
		return -ENOMEM;
	default:
		return -ENOTCONN;
	}
}

/* ---- callbacks of CPG ---- */

static struct ipc *of_cpg(cpg_handle_t handle)
{
	void *ipc = NULL;

	cpg_context_get(handle, &ipc);
	return ipc;
}

static void on_message(cpg_handle_t handle, const struct cpg_name *group, uint32_t nodeid,
		       uint32_t pid, void *msg, size_t len)
{
	const struct view_process from = { .nodeid = nodeid, .pid = pid };
	struct ipc *ipc = of_cpg(handle);

	(void)group;
	ipc->events->message(ipc->arg, &from, msg, len);
}

static enum view_cause cause_of(uint32_t reason)
{
	if (reason == CPG_REASON_LEAVE)
		return VIEW_LEAVE;
	return reason == CPG_REASON_PROCDOWN ? VIEW_PROCDOWN : VIEW_NODEDOWN;
}

static void on_group(cpg_handle_t handle, const struct cpg_name *group,
		     const struct cpg_address *members, size_t n_members,
		     const struct cpg_address *left, size_t n_left,
		     const struct cpg_address *joined, size_t n_joined)
{
	struct view_process now[CPG_MEMBERS_MAX];
	struct view_gone gone[CPG_MEMBERS_MAX];
	struct ipc *ipc = of_cpg(handle);

	(void)group;
	(void)joined;
	(void)n_joined;
	if (n_members > CPG_MEMBERS_MAX)
		n_members = CPG_MEMBERS_MAX;
	if (n_left > CPG_MEMBERS_MAX)
		n_left = CPG_MEMBERS_MAX;
	for (size_t i = 0; i < n_members; i++)
		now[i] = (struct view_process){ members[i].nodeid, members[i].pid };
	for (size_t i = 0; i < n_left; i++)
		gone[i] = (struct view_gone){ { left[i].nodeid, left[i].pid },
					      cause_of(left[i].reason) };
	ipc->events->group(ipc->arg, (uint32_t)getpid(), now, (unsigned)n_members, gone,
			   (unsigned)n_left);
}

static void on_group_ring(cpg_handle_t handle, struct cpg_ring_id id, uint32_t n_members,
			  const uint32_t *members)
{
	const struct view_ring ring = { .nodeid = id.nodeid, .seq = id.seq };
	struct ipc *ipc = of_cpg(handle);

	(void)n_members;
	(void)members;
	ipc->events->group_ring(ipc->arg, &ring);
}

/* ---- callbacks of quorum and cmap ---- */

static void on_quorum(quorum_handle_t handle, uint32_t is_quorate, struct quorum_ring_id id,
		      uint32_t n_members, const uint32_t *members)
{
	const struct view_ring ring = { .nodeid = id.nodeid, .seq = id.seq };
	const void *context = NULL;
	const struct ipc *ipc;

	(void)n_members;
	(void)members;
	quorum_context_get(handle, &context);
	ipc = context;
	ipc->events->quorum(ipc->arg, is_quorate != 0, &ring);
}

/* The group says who is there; this one is wanted by the library. */
static void on_nodes(quorum_handle_t handle, struct quorum_ring_id id, uint32_t n_members,
		     const uint32_t *members, uint32_t n_joined, const uint32_t *joined,
		     uint32_t n_left, const uint32_t *left)
{
	(void)handle;
	(void)id;
	(void)n_members;
	(void)members;
	(void)n_joined;
	(void)joined;
	(void)n_left;
	(void)left;
}

static void on_config(cmap_handle_t handle, cmap_track_handle_t track, int32_t event,
		      const char *key, struct cmap_notify_value new_value,
		      struct cmap_notify_value old_value, void *arg)
{
	struct ipc *ipc = arg;

	(void)handle;
	(void)track;
	(void)event;
	(void)key;
	(void)new_value;
	(void)old_value;
	ipc->events->config(ipc->arg);
}

/* ---- open and close ---- */

static cs_error_t open_cpg(struct ipc *ipc)
{
	cpg_model_v1_data_t model = {
		.model = CPG_MODEL_V1,
		.cpg_deliver_fn = on_message,
		.cpg_confchg_fn = on_group,
		.cpg_totem_confchg_fn = on_group_ring,
		.flags = CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF,
	};
	cs_error_t rc;

	rc = cpg_model_initialize(&ipc->cpg, CPG_MODEL_V1, (cpg_model_data_t *)&model, ipc);
	ipc->has_cpg = rc == CS_OK;
	return rc;
}

static cs_error_t open_quorum(struct ipc *ipc)
{
	quorum_model_v1_data_t model = {
		.model = QUORUM_MODEL_V1,
		.quorum_notify_fn = on_quorum,
		.nodelist_notify_fn = on_nodes,
	};
	uint32_t type;
	cs_error_t rc;

	rc = quorum_model_initialize(&ipc->quorum, QUORUM_MODEL_V1, (quorum_model_data_t *)&model,
				     &type, ipc);
	ipc->has_quorum = rc == CS_OK;
	if (rc == CS_OK)
		rc = quorum_trackstart(ipc->quorum, CS_TRACK_CURRENT | CS_TRACK_CHANGES);
	return rc;
}

static cs_error_t open_cmap(struct ipc *ipc)
{
	static const char *const prefixes[] = { "nodelist.", "sinew.", "totem.cluster_name" };
	const int32_t events = CMAP_TRACK_ADD | CMAP_TRACK_DELETE | CMAP_TRACK_MODIFY |
			       CMAP_TRACK_PREFIX;
	cmap_track_handle_t track;
	cs_error_t rc;

	rc = cmap_initialize(&ipc->cmap);
	ipc->has_cmap = rc == CS_OK;
	for (size_t i = 0; rc == CS_OK && i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		rc = cmap_track_add(ipc->cmap, prefixes[i], events, on_config, ipc, &track);
	return rc;
}

int ipc_open(const struct ipc_events *events, void *arg, struct ipc **ret_ipc, char *ret_text,
	     size_t text_size)
{
	static const struct {
		const char *name;
		cs_error_t (*open)(struct ipc *ipc);
	} services[] = {
		{ "cmap", open_cmap }, { "cpg", open_cpg }, { "quorum", open_quorum },
	};
	struct ipc *ipc = calloc(1, sizeof(*ipc));
	cs_error_t rc = CS_OK;
	size_t i;

	if (!ipc)
		return -ENOMEM;
	ipc->events = events;
	ipc->arg = arg;
	for (i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		rc = services[i].open(ipc);
		if (rc != CS_OK)
			break;
	}
	if (rc == CS_OK) {
		*ret_ipc = ipc;
		return 0;
	}
	snprintf(ret_text, text_size, "corosync's %s service: %s", services[i].name,
		 rc == CS_ERR_LIBRARY ? "corosync is not running" :
		 rc == CS_ERR_TRY_AGAIN ? "corosync is not ready yet" :
		 rc == CS_ERR_ACCESS ? "access denied by corosync; see uidgid in "
				       "corosync.conf(5)" : cs_strerror(rc));
	ipc_close(ipc);
	return error_of(rc);
}

void ipc_close(struct ipc *ipc)
{
	if (!ipc)
		return;
	if (ipc->has_cpg)
		cpg_finalize(ipc->cpg);
	if (ipc->has_quorum)
		quorum_finalize(ipc->quorum);
	if (ipc->has_cmap)
		cmap_finalize(ipc->cmap);
	free(ipc);
}

/* ---- configuration ---- */

/* One "key: value" of cmap on its way to the text. */
struct lines {
	struct line {
		char key[CMAP_KEYNAME_MAXLEN + 1];
		char *value;
	} *all;
	unsigned n;
};

static void free_lines(struct lines *lines)
{
	while (lines->n)
		free(lines->all[--lines->n].value);
	free(lines->all);
}

/* A value as the file would have it; NULL: none, or out of memory. */
static char *value_of(struct ipc *ipc, const char *key)
{
	cmap_value_types_t type;
	uint32_t number;
	uint16_t small;
	char *text = NULL, digits[16];
	size_t len;

	if (cmap_get(ipc->cmap, key, NULL, &len, &type) != CS_OK)
		return NULL;
	if (type == CMAP_VALUETYPE_STRING)
		return cmap_get_string(ipc->cmap, key, &text) == CS_OK ? text : NULL;
	if (type == CMAP_VALUETYPE_UINT32 && cmap_get_uint32(ipc->cmap, key, &number) == CS_OK)
		snprintf(digits, sizeof(digits), "%" PRIu32, number);
	else if (type == CMAP_VALUETYPE_UINT16 && cmap_get_uint16(ipc->cmap, key, &small) == CS_OK)
		snprintf(digits, sizeof(digits), "%" PRIu16, small);
	else
		return NULL;
	return strdup(digits);
}

static int take_prefix(struct ipc *ipc, struct lines *lines, const char *prefix)
{
	char key[CMAP_KEYNAME_MAXLEN + 1];
	cmap_iter_handle_t iter;
	cmap_value_types_t type;
	size_t len;
	cs_error_t rc;

	if (cmap_iter_init(ipc->cmap, prefix, &iter) != CS_OK)
		return -ENOTCONN;
	while ((rc = cmap_iter_next(ipc->cmap, iter, key, &len, &type)) == CS_OK &&
	       lines->n < LINES_MAX) {
		char *value = value_of(ipc, key);

		/* Deleted since, or of a type that no key of ours has. */
		if (!value)
			continue;
		memcpy(lines->all[lines->n].key, key, sizeof(key));
		lines->all[lines->n++].value = value;
	}
	cmap_iter_finalize(ipc->cmap, iter);
	return rc == CS_OK || rc == CS_ERR_NO_SECTIONS ? 0 : -ENOTCONN;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->key, ((const struct line *)b)->key);
}

static bool fits_a_line(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ')
			return false;
	return true;
}

/* The lines of one section: those whose keys begin so; the rest of the key is its name. */
static void write_section(FILE *to, const struct lines *lines, const char *name,
			  const char *prefix)
{
	size_t skip = strlen(prefix);

	fprintf(to, "%s {\n", name);
	for (unsigned i = 0; i < lines->n; i++)
		if (!strncmp(lines->all[i].key, prefix, skip))
			fprintf(to, "%s: %s\n", lines->all[i].key + skip, lines->all[i].value);
	fprintf(to, "}\n");
}

static bool has_lines(const struct lines *lines, const char *prefix)
{
	for (unsigned i = 0; i < lines->n; i++)
		if (!strncmp(lines->all[i].key, prefix, strlen(prefix)))
			return true;
	return false;
}

/* "nodelist.node.7." of a key that begins so; 0: it does not. */
static size_t node_prefix(const char *key)
{
	static const char start[] = "nodelist.node.";
	size_t n = sizeof(start) - 1;

	if (strncmp(key, start, n))
		return 0;
	n += strspn(key + n, "0123456789");
	return key[n] == '.' ? n + 1 : 0;
}

/* Sorted keys have those of one node side by side. */
static void write_nodes(FILE *to, const struct lines *lines)
{
	char prefix[CMAP_KEYNAME_MAXLEN + 1] = "";

	fprintf(to, "nodelist {\n");
	for (unsigned i = 0; i < lines->n; i++) {
		size_t len = node_prefix(lines->all[i].key);

		if (!len || !strncmp(prefix, lines->all[i].key, len))
			continue;
		memcpy(prefix, lines->all[i].key, len);
		prefix[len] = '\0';
		write_section(to, lines, "node", prefix);
	}
	fprintf(to, "}\n");
}

static int write_text(const struct lines *lines, char **ret_text)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to;

	for (unsigned i = 0; i < lines->n; i++)
		if (!fits_a_line(lines->all[i].value))
			return -EINVAL;
	to = open_memstream(&text, &size);
	if (!to)
		return -ENOMEM;
	write_section(to, lines, "totem", "totem.");
	write_nodes(to, lines);
	write_section(to, lines, "sinew", "sinew.");
	/* Few have it. */
	if (has_lines(lines, "control."))
		write_section(to, lines, "control", "control.");
	if (fclose(to)) {
		free(text);
		return -ENOMEM;
	}
	if (size > IPC_TEXT_MAX) {
		free(text);
		return -EFBIG;
	}
	*ret_text = text;
	return 0;
}

static int local_nodeid(struct ipc *ipc, uint32_t *ret_local)
{
	unsigned int id;

	if (cpg_local_get(ipc->cpg, &id) != CS_OK)
		return -ENOTCONN;
	*ret_local = id;
	return 0;
}

int ipc_config(struct ipc *ipc, char **ret_text, uint32_t *ret_local)
{
	static const char *const prefixes[] = {
		"totem.cluster_name", "totem.ip_version", "nodelist.node.", "sinew.",
		"control.",
	};
	struct lines lines = { .all = calloc(LINES_MAX, sizeof(*lines.all)) };
	int rc = lines.all ? local_nodeid(ipc, ret_local) : -ENOMEM;

	for (size_t i = 0; !rc && i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		rc = take_prefix(ipc, &lines, prefixes[i]);
	if (!rc && lines.n == LINES_MAX)
		rc = -EFBIG;
	if (!rc) {
		qsort(lines.all, lines.n, sizeof(*lines.all), by_key);
		rc = write_text(&lines, ret_text);
	}
	free_lines(&lines);
	return rc;
}

/* ---- the group ---- */

int ipc_join(struct ipc *ipc, const char *group)
{
	size_t len = strlen(group);

	if (len >= sizeof(ipc->group.value))
		return -EINVAL;
	ipc->group.length = (uint32_t)len;
	memcpy(ipc->group.value, group, len + 1);
	return error_of(cpg_join(ipc->cpg, &ipc->group));
}

int ipc_leave(struct ipc *ipc)
{
	return error_of(cpg_leave(ipc->cpg, &ipc->group));
}

int ipc_quorate(struct ipc *ipc, bool *ret_is_quorate)
{
	int is_quorate, rc;

	rc = error_of(quorum_getquorate(ipc->quorum, &is_quorate));
	if (!rc)
		*ret_is_quorate = is_quorate;
	return rc;
}

int ipc_check(struct ipc *ipc)
{
	bool is_quorate;

	return ipc_quorate(ipc, &is_quorate) == -ENOTCONN ? -ENOTCONN : 0;
}

void ipc_fds(const struct ipc *ipc, int fds[IPC_FDS])
{
	if (cpg_fd_get(ipc->cpg, &fds[0]) != CS_OK)
		fds[0] = -1;
	if (quorum_fd_get(ipc->quorum, &fds[1]) != CS_OK)
		fds[1] = -1;
	if (cmap_fd_get(ipc->cmap, &fds[2]) != CS_OK)
		fds[2] = -1;
}

int ipc_dispatch(struct ipc *ipc)
{
	int rc;

	rc = error_of(cpg_dispatch(ipc->cpg, CS_DISPATCH_ALL));
	if (!rc || rc == -EAGAIN)
		rc = error_of(quorum_dispatch(ipc->quorum, CS_DISPATCH_ALL));
	if (!rc || rc == -EAGAIN)
		rc = error_of(cmap_dispatch(ipc->cmap, CS_DISPATCH_ALL));
	return rc == -EAGAIN ? 0 : rc;
}

int ipc_send(struct ipc *ipc, const void *bytes, size_t len)
{
	struct iovec piece = { .iov_base = (void *)bytes, .iov_len = len };

	return error_of(cpg_mcast_joined(ipc->cpg, CPG_TYPE_AGREED, &piece, 1));
}
