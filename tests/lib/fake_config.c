/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program's questions to its machine, answered from the table of fake_corosync.h: the calls of
 * libcmap, getaddrinfo() and getrandom(). Knows nothing of what the library concludes.
 */
#include <netdb.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include "tests/lib/fake_corosync.h"

/* ---- libcmap ---- */

cs_error_t cmap_initialize(cmap_handle_t *handle)
{
	*handle = 1;
	return fake_rc();
}

cs_error_t cmap_finalize(cmap_handle_t handle)
{
	(void)handle;
	return CS_OK;
}

cs_error_t cmap_fd_get(cmap_handle_t handle, int *fd)
{
	(void)handle;
	(void)fd;
	return CS_ERR_NOT_SUPPORTED;
}

cs_error_t cmap_track_add(cmap_handle_t handle, const char *prefix, int32_t type,
			  cmap_notify_fn_t fn, void *arg, cmap_track_handle_t *track)
{
	(void)handle;
	(void)prefix;
	(void)type;
	(void)track;
	fake.on_config = fn;
	fake.config_arg = arg;
	return fake_rc();
}

cs_error_t cmap_dispatch(cmap_handle_t handle, cs_dispatch_flags_t flags)
{
	const struct cmap_notify_value none = { .len = 0 };
	struct fake_event e;

	(void)flags;
	while (fake_pop(FAKE_CONFIG, FAKE_CONFIG, &e))
		fake.on_config(handle, 0, 0, "", none, none, fake.config_arg);
	pthread_mutex_lock(&fake.lock);
	fake.n_turns++;
	pthread_mutex_unlock(&fake.lock);
	return fake_rc();
}

cs_error_t cmap_iter_init(cmap_handle_t handle, const char *prefix, cmap_iter_handle_t *iter)
{
	(void)handle;
	pthread_mutex_lock(&fake.lock);
	while (fake.hangs)
		pthread_cond_wait(&fake.changed, &fake.lock);
	snprintf(fake.prefix, sizeof(fake.prefix), "%s", prefix);
	fake.at = 0;
	pthread_mutex_unlock(&fake.lock);
	*iter = 1;
	return fake_rc();
}

cs_error_t cmap_iter_next(cmap_handle_t handle, cmap_iter_handle_t iter,
			  char key[], size_t *len, cmap_value_types_t *type)
{
	cs_error_t rc = CS_ERR_NO_SECTIONS;

	(void)handle;
	(void)iter;
	(void)len;
	(void)type;
	pthread_mutex_lock(&fake.lock);
	memset(key, 0, CMAP_KEYNAME_MAXLEN + 1);
	while (fake.at < fake.n_keys && rc != CS_OK) {
		const char *found = fake.keys[fake.at++].key;

		if (strncmp(found, fake.prefix, strlen(fake.prefix)))
			continue;
		memcpy(key, found, strlen(found));
		rc = CS_OK;
	}
	if (rc != CS_OK && fake.at < fake.n_keys + fake.n_more) {
		snprintf(key, CMAP_KEYNAME_MAXLEN, "nodelist.node.1.x%u", fake.at++);
		rc = CS_OK;
	}
	pthread_mutex_unlock(&fake.lock);
	return rc;
}

cs_error_t cmap_iter_finalize(cmap_handle_t handle, cmap_iter_handle_t iter)
{
	(void)handle;
	(void)iter;
	return CS_OK;
}

/* A number where the key holds one; -1: there is no such key. */
static int fake_find(const char *key)
{
	for (unsigned i = 0; i < fake.n_keys; i++)
		if (!strcmp(fake.keys[i].key, key))
			return (int)i;
	return -1;
}

cs_error_t cmap_get(cmap_handle_t handle, const char *key, void *value, size_t *len,
		    cmap_value_types_t *type)
{
	int i;

	(void)handle;
	(void)value;
	(void)len;
	pthread_mutex_lock(&fake.lock);
	i = fake_find(key);
	*type = i >= 0 && fake.keys[i].is_number ? CMAP_VALUETYPE_UINT32 : CMAP_VALUETYPE_STRING;
	pthread_mutex_unlock(&fake.lock);
	return i >= 0 || fake.n_more ? fake_rc() : CS_ERR_NOT_EXIST;
}

cs_error_t cmap_get_string(cmap_handle_t handle, const char *key, char **ret)
{
	int i;

	(void)handle;
	pthread_mutex_lock(&fake.lock);
	i = fake_find(key);
	*ret = strdup(i >= 0 ? fake.keys[i].value : "more");
	pthread_mutex_unlock(&fake.lock);
	return *ret ? fake_rc() : CS_ERR_NO_MEMORY;
}

cs_error_t cmap_get_uint32(cmap_handle_t handle, const char *key, uint32_t *ret)
{
	int i;

	(void)handle;
	pthread_mutex_lock(&fake.lock);
	i = fake_find(key);
	*ret = i >= 0 ? (uint32_t)atoi(fake.keys[i].value) : 0;
	pthread_mutex_unlock(&fake.lock);
	return i >= 0 ? fake_rc() : CS_ERR_NOT_EXIST;
}

cs_error_t cmap_get_uint16(cmap_handle_t handle, const char *key, uint16_t *ret)
{
	(void)handle;
	(void)key;
	(void)ret;
	return CS_ERR_NOT_EXIST;
}

const char *cs_strerror(cs_error_t err)
{
	return err == CS_OK ? "success" : "a fake error";
}

/* ---- names and randomness ---- */

/* "N.test" is at 10.1.0.N. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	struct addrinfo *ai = calloc(1, sizeof(*ai) + sizeof(struct sockaddr_in));
	struct sockaddr_in *addr = (struct sockaddr_in *)(ai + 1);
	bool fails;

	(void)service;
	(void)hints;
	pthread_mutex_lock(&fake.lock);
	while (fake.resolver_hangs)
		pthread_cond_wait(&fake.changed, &fake.lock);
	fails = fake.resolver_fails;
	pthread_mutex_unlock(&fake.lock);
	if (fails || !ai) {
		free(ai);
		return EAI_NONAME;
	}
	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(0x0a010000u + (uint32_t)atoi(host));
	ai->ai_family = AF_INET;
	ai->ai_socktype = SOCK_STREAM;
	ai->ai_addrlen = sizeof(*addr);
	ai->ai_addr = (struct sockaddr *)addr;
	*ret = ai;
	return 0;
}

void freeaddrinfo(struct addrinfo *ai)
{
	free(ai);
}

ssize_t getrandom(void *buf, size_t n, unsigned int flags)
{
	bool is_interrupted;

	pthread_mutex_lock(&fake.lock);
	is_interrupted = fake.interrupts > 0;
	fake.interrupts -= is_interrupted;
	pthread_mutex_unlock(&fake.lock);
	if (!is_interrupted)
		return syscall(SYS_getrandom, buf, n, flags);
	errno = EINTR;
	return -1;
}
