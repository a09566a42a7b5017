/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the connection and the loop of a subscriber; what it prints is with the subcommands. */
#include "tools/subscriber.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/notify.h"
#include "tools/say.h"
#include "tools/signals.h"

int subscriber_connect(const struct local_arguments *args, struct sinew_topo **ret_topo)
{
	char name[SINEW_CONTROL_NAME_MAX];
	int status = local_find(args, name), rc;

	if (status)
		return status;
	rc = sinew_topo_connect(name, ret_topo);
	return rc ? local_failed(name, rc) : STATUS_OK;
}

void subscriber_wait(struct sinew_topo *topo, int signal_fd, const bool *is_over, int more_fd,
		     void (*readable)(void *arg), void *arg)
{
	struct pollfd p[] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = sinew_topo_get_fd(topo), .events = POLLIN },
		{ .fd = more_fd, .events = POLLIN },
	};

	while (!*is_over) {
		if (poll(p, 3, -1) < 0)
			continue;
		if (p[0].revents && signals_take(signal_fd))
			return;
		sinew_topo_dispatch(topo, 0);
		if (p[2].revents)
			readable(arg);
	}
}

int subscriber_run(struct subscriber *s, const struct local_arguments *args,
		   const struct sinew_topo_filter *filter, sinew_topo_fn fn, void *user)
{
	struct sinew_topo *topo = NULL;
	int signal_fd = -1, status, rc;

	status = signals_start(0, &signal_fd);
	if (!status)
		status = subscriber_connect(args, &topo);
	if (status)
		goto out;
	rc = sinew_topo_subscribe(topo, filter, fn, user, NULL);
	if (rc) {
		say(SINEW_ERROR, "cannot subscribe: %s", strerror(-rc));
		status = STATUS_USAGE;
		goto out;
	}
	subscriber_wait(topo, signal_fd, &s->is_over, -1, NULL, NULL);
	status = s->status;
out:
	sinew_topo_close(topo);
	close(signal_fd);
	return status;
}

void subscriber_end(struct subscriber *s, int status)
{
	s->status = s->status ? s->status : status;
	s->is_over = true;
}

/* ---- of changes ---- */

struct follower {
	struct subscriber subscriber;
	int (*print)(const struct sinew_topo_msg *msg, void *user);
	void *user;
	bool told_ready;	/* to the service manager */
};

static void on_change(struct sinew_subscription *sub, const struct sinew_topo_msg *msg, void *user)
{
	struct follower *f = user;
	int status;

	(void)sub;
	if (f->subscriber.is_over)
		return;
	status = f->print(msg, f->user);
	if (status)
		subscriber_end(&f->subscriber, status);
	switch (msg->event) {
	case SINEW_TOPO_CURRENT:
		if (!f->told_ready)
			notify("READY=1");
		f->told_ready = true;
		break;
	case SINEW_TOPO_LOST:
		say(SINEW_WARNING, "the node is gone; waiting for it to come back");
		break;
	case SINEW_TOPO_REFUSED:
		say(SINEW_ERROR, "the node refuses the subscription: %s", strerror(-msg->error));
		subscriber_end(&f->subscriber, STATUS_USAGE);
		break;
	case SINEW_TOPO_OVERRUN:
		subscriber_end(&f->subscriber, STATUS_NOT_UP);
		break;
	case SINEW_TOPO_TIMEOUT:
		subscriber_end(&f->subscriber, STATUS_OK);
		break;
	case SINEW_TOPO_PUBLISHED:
	case SINEW_TOPO_WITHDRAWN:
		break;
	}
}

int subscriber_follow(const struct local_arguments *args, const struct sinew_topo_filter *filter,
		      int (*print)(const struct sinew_topo_msg *msg, void *user), void *user)
{
	struct follower f = { .print = print, .user = user };

	return subscriber_run(&f.subscriber, args, filter, on_change, &f);
}
