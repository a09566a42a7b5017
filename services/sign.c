/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/sign.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int sign_open(struct sign *s)
{
	assert(s->fd < 0 && !s->shown);
	s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return s->fd < 0 ? -errno : 0;
}

void sign_close(struct sign *s)
{
	assert(s->fd >= 0 || !s->shown);
	if (s->fd >= 0)
		close(s->fd);
	sign_init(s);
}

void sign_change(struct sign *s, bool shown)
{
	uint64_t n = 1;
	ssize_t done;

	assert(s->fd >= 0 && s->shown != shown);
	s->shown = shown;
	/* Its counter is 0 or 1: neither can fail. */
	done = shown ? write(s->fd, &n, sizeof n) : read(s->fd, &n, sizeof n);
	assert(done == sizeof n && n == 1);
	(void)done;
}
