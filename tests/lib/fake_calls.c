/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/fake_calls.h"

#include <stdlib.h>
#include <sys/uio.h>

struct fake_lib fake_lib;

static cs_error_t rc_of(enum call call)
{
	fake_lib.calls[call]++;
	if (call != fake_lib.wrong || fake_lib.calls[call] <= fake_lib.passes)
		return CS_OK;
	return fake_lib.rc;
}

static cs_error_t opened(enum call call)
{
	cs_error_t rc = rc_of(call);

	fake_lib.n_open += rc == CS_OK;
	return rc;
}

static cs_error_t closed(void)
{
	fake_lib.n_open--;
	return CS_OK;
}

cs_error_t cpg_model_initialize(cpg_handle_t *handle, cpg_model_t model, cpg_model_data_t *data,
				void *context)
{
	(void)model;
	*handle = 1;
	memcpy(&fake_lib.cpg, data, sizeof(fake_lib.cpg));
	fake_lib.context = context;
	return opened(CPG_OPEN);
}

cs_error_t cpg_context_get(cpg_handle_t handle, void **context)
{
	(void)handle;
	*context = fake_lib.context;
	return CS_OK;
}

cs_error_t cpg_finalize(cpg_handle_t handle)
{
	(void)handle;
	return closed();
}

cs_error_t cpg_local_get(cpg_handle_t handle, unsigned int *ret_nodeid)
{
	(void)handle;
	*ret_nodeid = 7;
	return rc_of(LOCAL);
}

cs_error_t cpg_fd_get(cpg_handle_t handle, int *fd)
{
	(void)handle;
	*fd = 70;
	return rc_of(CPG_FD);
}

cs_error_t cpg_join(cpg_handle_t handle, const struct cpg_name *group)
{
	(void)handle;
	fake_lib.group = *group;
	return rc_of(JOIN);
}

cs_error_t cpg_leave(cpg_handle_t handle, const struct cpg_name *group)
{
	(void)handle;
	fake_lib.group = *group;
	return rc_of(LEAVE);
}

cs_error_t cpg_mcast_joined(cpg_handle_t handle, cpg_guarantee_t guarantee,
			    const struct iovec *iov, unsigned int n)
{
	(void)handle;
	CHECK(guarantee == CPG_TYPE_AGREED && n == 1);
	fake_lib.sent = iov->iov_len;
	return rc_of(MCAST);
}

cs_error_t cpg_dispatch(cpg_handle_t handle, cs_dispatch_flags_t flags)
{
	(void)handle;
	CHECK_EQ(flags, CS_DISPATCH_ALL);
	return rc_of(CPG_READ);
}

cs_error_t quorum_model_initialize(quorum_handle_t *handle, quorum_model_t model,
				   quorum_model_data_t *data, uint32_t *type, void *context)
{
	(void)model;
	*handle = 1;
	*type = QUORUM_SET;
	memcpy(&fake_lib.quorum, data, sizeof(fake_lib.quorum));
	fake_lib.quorum_context = context;
	return opened(QUORUM_OPEN);
}

cs_error_t quorum_context_get(quorum_handle_t handle, const void **context)
{
	(void)handle;
	*context = fake_lib.quorum_context;
	return CS_OK;
}

cs_error_t quorum_finalize(quorum_handle_t handle)
{
	(void)handle;
	return closed();
}

cs_error_t quorum_fd_get(quorum_handle_t handle, int *fd)
{
	(void)handle;
	*fd = 71;
	return rc_of(QUORUM_FD);
}

cs_error_t quorum_trackstart(quorum_handle_t handle, unsigned int flags)
{
	(void)handle;
	CHECK_EQ(flags, CS_TRACK_CURRENT | CS_TRACK_CHANGES);
	return rc_of(QUORUM_TRACK);
}

cs_error_t quorum_getquorate(quorum_handle_t handle, int *quorate)
{
	(void)handle;
	*quorate = fake_lib.is_quorate;
	return rc_of(QUORATE);
}

cs_error_t quorum_dispatch(quorum_handle_t handle, cs_dispatch_flags_t flags)
{
	(void)handle;
	CHECK_EQ(flags, CS_DISPATCH_ALL);
	return rc_of(QUORUM_READ);
}

cs_error_t cmap_initialize(cmap_handle_t *handle)
{
	*handle = 1;
	return opened(CMAP_OPEN);
}

cs_error_t cmap_finalize(cmap_handle_t handle)
{
	(void)handle;
	return closed();
}

cs_error_t cmap_fd_get(cmap_handle_t handle, int *fd)
{
	(void)handle;
	*fd = 72;
	return rc_of(CMAP_FD);
}

cs_error_t cmap_track_add(cmap_handle_t handle, const char *prefix, int32_t type,
			  cmap_notify_fn_t fn, void *arg, cmap_track_handle_t *track)
{
	(void)handle;
	(void)prefix;
	(void)type;
	(void)track;
	fake_lib.on_config = fn;
	fake_lib.config_arg = arg;
	return rc_of(CMAP_TRACK);
}

cs_error_t cmap_dispatch(cmap_handle_t handle, cs_dispatch_flags_t flags)
{
	(void)handle;
	CHECK_EQ(flags, CS_DISPATCH_ALL);
	return rc_of(CMAP_READ);
}

cs_error_t cmap_iter_init(cmap_handle_t handle, const char *prefix, cmap_iter_handle_t *iter)
{
	(void)handle;
	*iter = 1;
	fake_lib.at = 0;
	snprintf(fake_lib.prefix, sizeof(fake_lib.prefix), "%s", prefix);
	return rc_of(ITER);
}

cs_error_t cmap_iter_next(cmap_handle_t handle, cmap_iter_handle_t iter, char key[], size_t *len,
			  cmap_value_types_t *type)
{
	cs_error_t rc = rc_of(NEXT);

	(void)handle;
	(void)iter;
	(void)len;
	(void)type;
	memset(key, 0, CMAP_KEYNAME_MAXLEN + 1);
	while (fake_lib.at < fake_lib.n_keys &&
	       strncmp(fake_lib.keys[fake_lib.at].key, fake_lib.prefix,
		       strlen(fake_lib.prefix)))
		fake_lib.at++;
	if (rc != CS_OK || fake_lib.at == fake_lib.n_keys)
		return rc == CS_OK ? CS_ERR_NO_SECTIONS : rc;
	strcpy(key, fake_lib.keys[fake_lib.at++].key);
	return CS_OK;
}

cs_error_t cmap_iter_finalize(cmap_handle_t handle, cmap_iter_handle_t iter)
{
	(void)handle;
	(void)iter;
	return CS_OK;
}

static const char *value_of(const char *key, cmap_value_types_t *ret_type)
{
	unsigned i = fake_lib.at - 1;

	CHECK_STR(fake_lib.keys[i].key, key);
	*ret_type = fake_lib.keys[i].type;
	return fake_lib.keys[i].value;
}

cs_error_t cmap_get(cmap_handle_t handle, const char *key, void *value, size_t *len,
		    cmap_value_types_t *type)
{
	(void)handle;
	(void)value;
	(void)len;
	value_of(key, type);
	return rc_of(GET);
}

cs_error_t cmap_get_string(cmap_handle_t handle, const char *key, char **ret)
{
	cmap_value_types_t type;
	cs_error_t rc = rc_of(GET_TEXT);

	(void)handle;
	if (rc == CS_OK)
		*ret = strdup(value_of(key, &type));
	return rc;
}

cs_error_t cmap_get_uint32(cmap_handle_t handle, const char *key, uint32_t *ret)
{
	cmap_value_types_t type;

	(void)handle;
	*ret = (uint32_t)strtoul(value_of(key, &type), NULL, 10);
	return rc_of(GET_32);
}

cs_error_t cmap_get_uint16(cmap_handle_t handle, const char *key, uint16_t *ret)
{
	cmap_value_types_t type;

	(void)handle;
	*ret = (uint16_t)strtoul(value_of(key, &type), NULL, 10);
	return rc_of(GET_16);
}

const char *cs_strerror(cs_error_t err)
{
	return err == CS_ERR_EXIST ? "it is there" : "another error";
}
