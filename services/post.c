/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/post.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>

#include "services/control_link.h"
#include "services/heap.h"

static struct topo_post *post_of(struct topo_link *l)
{
	return list_entry(l, struct topo_post, found);
}

struct topo_post *post_find(const struct topo_hash *by_id, uint32_t id)
{
	struct topo_link *l = topo_hash_first(by_id, topo_hash_mix(0, id));

	while (l && post_of(l)->id != id)
		l = l->next;
	return l ? post_of(l) : NULL;
}

uint32_t post_id(struct sinew_topo *t)
{
	do
		t->last_id++;
	while (!t->last_id || post_find(&t->offers_by_id, t->last_id) ||
	       post_find(&t->follows_by_id, t->last_id));
	return t->last_id;
}

void post_add(struct topo_hash *by_id, struct list *all, struct topo_post *p, uint32_t id)
{
	assert(id && !post_find(by_id, id));
	p->id = id;
	list_init(&p->unsent);
	list_append(all, &p->all);
	topo_hash_add(by_id, &heap_memory, &p->found, topo_hash_mix(0, id));
}

void post_remove(struct topo_hash *by_id, struct topo_post *p)
{
	assert(post_find(by_id, p->id) == p);
	topo_hash_remove(by_id, &p->found);
	list_remove(&p->all);
	list_remove(&p->unsent);
}

int post_send(struct sinew_topo *t, const struct control_head *head, const void *body, size_t len)
{
	if (t->state == TOPO_LINK_OVER)
		return -ESHUTDOWN;
	if (t->state != TOPO_LINK_UP)
		return -EAGAIN;
	assert(t->fd >= 0);
	return control_send(t->fd, head, body, len);
}

void post_wait(struct sinew_topo *t, struct topo_post *p)
{
	assert(p->id && t->state != TOPO_LINK_OVER);
	if (list_empty(&p->unsent))
		list_append(&t->unsent, &p->unsent);
	post_watch(t);
}

int post_watch(struct sinew_topo *t)
{
	bool waits = t->state == TOPO_LINK_UP && !list_empty(&t->unsent);
	struct epoll_event ev = {
		.events = waits ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.fd = t->fd,
	};

	if (t->fd < 0 || ev.events == t->events)
		return 0;
	assert(t->epoll >= 0);
	if (epoll_ctl(t->epoll, t->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, t->fd, &ev))
		return -errno;
	t->events = ev.events;
	return 0;
}
