/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Received messages on their way to the output.
 * Knows nothing of sessions beyond the handle of a message.
 */
#include "tools/cat/printer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_MAX	16	/* "2147483647\t" and a NUL */

struct printer_kept {
	struct printer_kept *next;
	struct sinew_kept *kept;	/* NULL: copied behind this struct */
	size_t len;
	size_t done;			/* bytes of prefix, payload and newline that are out */
	unsigned prefix_len, newline_len;
	char prefix[PREFIX_MAX];
	char copy[];
};

void printer_init(struct printer *p, struct output *out, bool raw)
{
	*p = (struct printer){ .out = out, .raw = raw };
	p->last = &p->first;
}

static void drop_first(struct printer *p)
{
	struct printer_kept *k = p->first;

	p->first = k->next;
	if (!p->first)
		p->last = &p->first;
	if (!k->kept)
		p->copied -= k->len;
	sinew_release(k->kept);
	free(k);
	p->n_waiting--;
}

uint64_t printer_clear(struct printer *p)
{
	uint64_t n = p->n_waiting;

	while (p->first)
		drop_first(p);
	return n;
}

static unsigned write_prefix(const struct printer *p, struct sinew_peer *peer,
			     char prefix[PREFIX_MAX])
{
	if (p->raw)
		return 0;
	return (unsigned)snprintf(prefix, PREFIX_MAX, "%" PRIu32 "\t", sinew_peer_nodeid(peer));
}

/* Over the memory of the node a copy is made: a message is not lost for that. */
static int keep(struct printer *p, struct sinew_peer *peer, const struct sinew_message *msg)
{
	struct sinew_kept *kept = NULL;
	struct printer_kept *k;

	if (sinew_keep(peer, msg, &kept))
		kept = NULL;
	k = malloc(sizeof(*k) + (kept ? 0 : msg->len));
	if (!k) {
		sinew_release(kept);
		return -ENOMEM;
	}
	*k = (struct printer_kept){
		.kept = kept,
		.len = msg->len,
		.newline_len = p->raw ? 0 : 1,
	};
	k->prefix_len = write_prefix(p, peer, k->prefix);
	if (!kept && msg->len)
		memcpy(k->copy, msg->data, msg->len);
	if (!kept)
		p->copied += msg->len;
	*p->last = k;
	p->last = &k->next;
	p->n_waiting++;
	return 0;
}

int printer_message(struct printer *p, struct sinew_peer *peer, const struct sinew_message *msg)
{
	char prefix[PREFIX_MAX];
	unsigned len;

	len = write_prefix(p, peer, prefix);
	if (!p->first && output_put_whole(p->out, prefix, len, msg->data, msg->len, "\n",
					  p->raw ? 0 : 1))
		return 0;
	return keep(p, peer, msg);
}

/* One part of a message, which lies at the offset from. False: no room for all. */
static bool put_part(struct printer *p, struct printer_kept *k, size_t from, const void *data,
		     size_t len)
{
	size_t done = k->done > from ? k->done - from : 0;

	if (done >= len)
		return true;
	k->done += output_put(p->out, (const char *)data + done, len - done);
	return k->done == from + len;
}

static bool put_kept(struct printer *p, struct printer_kept *k)
{
	const void *data = k->kept ? sinew_kept_data(k->kept) : k->copy;

	return put_part(p, k, 0, k->prefix, k->prefix_len) &&
	       put_part(p, k, k->prefix_len, data, k->len) &&
	       put_part(p, k, k->prefix_len + k->len, "\n", k->newline_len);
}

void printer_pump(struct printer *p)
{
	while (p->first && put_kept(p, p->first))
		drop_first(p);
}

bool printer_is_full(const struct printer *p)
{
	return p->copied > PRINTER_COPIED_MAX;
}
