/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/lib/topo_pair.h"

#include <stdarg.h>
#include <stdlib.h>

#include "tests/lib/check.h"

#define ALL	UINT32_MAX
#define ZONE	32u			/* bytes behind a block that nobody may write */
#define ZONE_BYTE	0x5a

/* Its size is before each block. */
union head {
	size_t n;
	max_align_t align;
};

static void *allocate(void *user, size_t n)
{
	struct topo_pair *p = user;
	union head *h;

	if (++p->n_asked == p->fail_at)
		return NULL;
	h = malloc(sizeof *h + n + ZONE);
	if (!h)
		return NULL;
	memset((uint8_t *)(h + 1) + n, ZONE_BYTE, ZONE);
	h->n = n;
	p->n_blocks++;
	p->n_bytes += n;
	return h + 1;
}

static void check_zone(const uint8_t *zone)
{
	unsigned n_wrong = 0;

	for (unsigned i = 0; i < ZONE; i++)
		n_wrong += zone[i] != ZONE_BYTE;
	CHECK_EQ(n_wrong, 0);
}

static void give_back(void *user, void *mem)
{
	struct topo_pair *p = user;
	union head *h = (union head *)mem - 1;

	check_zone((const uint8_t *)mem + h->n);
	p->n_blocks--;
	p->n_bytes -= h->n;
	/* A look at it is seen. */
	memset(mem, 0xa5, h->n);
	free(h);
}

struct topo_memory topo_pair_memory(struct topo_pair *p)
{
	return (struct topo_memory){ .alloc = allocate, .release = give_back, .user = p };
}

struct topo_config topo_pair_config(struct topo_pair *p, uint32_t log_entries)
{
	return (struct topo_config){
		.limits = { .log_entries = log_entries, .max_publications = 200000,
			    .max_subscriptions = 100 },
		.memory = topo_pair_memory(p), .epoch = TOPO_PAIR_EPOCH,
		.own_incarnation = TOPO_PAIR_LIFE, .own_node = TOPO_PAIR_NODE, .first_pub = 1,
		.first_index = 100,
	};
}

void topo_pair_init(struct topo_pair *p, uint32_t log_entries)
{
	struct topo_config cfg = topo_pair_config(p, log_entries);

	memset(p, 0, sizeof *p);
	CHECK(topo_init(&p->topo, &cfg) == 0);
	topo_owner_init(&p->library, &p->topo, TOPO_LIBRARY, ALL);
	topo_owner_init(&p->a, &p->topo, TOPO_LOCAL, ALL);
	topo_owner_init(&p->b, &p->topo, TOPO_LOCAL, ALL);
}

void topo_pair_fini(struct topo_pair *p)
{
	topo_fini(&p->topo);
	CHECK_EQ(p->n_blocks, 0);
	CHECK_EQ(p->n_bytes, 0);
}

/* As many attributes as there may be: an event fills the least room. */
struct topo_offer topo_pair_offer(uint32_t type, uint32_t lower, uint32_t upper)
{
	static const uint8_t attr[TOPO_ATTR_MAX] = "some=words\n";

	return (struct topo_offer){
		.name = { type, lower, upper }, .scope = TOPO_SCOPE_CLUSTER,
		.attr = attr, .attr_len = sizeof attr,
	};
}

uint32_t topo_pair_publish(struct topo_pair *p, uint32_t type, uint32_t lower, uint32_t upper)
{
	struct topo_offer offer = topo_pair_offer(type, lower, upper);
	uint32_t pub = 0;

	CHECK(topo_publish_next(&p->topo, &p->a, &offer, &pub) == 0);
	return pub;
}

void topo_pair_withdraw(struct topo_pair *p, uint32_t pub)
{
	CHECK(topo_withdraw(&p->topo, &p->a, pub) == 0);
}

struct topo_request topo_pair_all(void)
{
	return (struct topo_request){
		.name = { TOPO_TYPE_ANY, 0, UINT32_MAX }, .timeout_ms = TOPO_TIMEOUT_NONE,
		.usr = 0x5152535455565758,
	};
}

struct topo_sub *topo_pair_subscribe(struct topo_pair *p, struct topo_request r)
{
	struct topo_sub *sub = NULL;

	CHECK(topo_subscribe(&p->topo.subs, &r, 0, p, &sub) == 0);
	return sub;
}

struct topo_sub *topo_pair_attach(struct topo_pair *p, const struct topo_view *v)
{
	uint8_t bytes[TOPO_REQUEST_LEN];
	struct topo_request r;

	topo_view_request(v, &r);
	topo_request_put(bytes, &r);
	CHECK(topo_request_parse(bytes, sizeof bytes, &r) == 0);
	return topo_pair_subscribe(p, r);
}

static void __attribute__((format(printf, 2, 3))) say(struct topo_pair *p, const char *fmt, ...)
{
	size_t n = strlen(p->text);
	va_list ap;

	va_start(ap, fmt);
	if (n)
		n += (size_t)snprintf(p->text + n, sizeof p->text - n, " ");
	vsnprintf(p->text + n, sizeof p->text - n, fmt, ap);
	va_end(ap);
}

static void say_change(struct topo_pair *p, const struct topo_event *e)
{
	char sign = e->what == TOPO_PUBLISHED ? '+' : '-';

	if (e->flags & TOPO_EV_OF_SNAPSHOT)
		say(p, "%c%u", sign, e->pub);
	else
		say(p, "%c%u%s@%llu", sign, e->pub, e->flags & TOPO_EV_GROUP ? "~" : "",
		    (unsigned long long)e->position);
}

static void say_event(struct topo_pair *p, const struct topo_event *e)
{
	unsigned long long at = e->position;

	CHECK(e->usr == 0x5152535455565758);
	switch ((enum topo_what)e->what) {
	case TOPO_PUBLISHED:
	case TOPO_WITHDRAWN:
		say_change(p, e);
		break;
	case TOPO_TIMEOUT:
		say(p, "timeout");
		break;
	case TOPO_SNAPSHOT:
		CHECK(e->incarnation == TOPO_PAIR_EPOCH);
		say(p, "snapshot@%llu", at);
		break;
	case TOPO_SNAPSHOT_END:
		CHECK(e->incarnation == TOPO_PAIR_EPOCH);
		if (e->n_skipped == TOPO_SKIPPED_UNKNOWN)
			say(p, "end/?@%llu", at);
		else
			say(p, "end/%llu@%llu", (unsigned long long)e->n_skipped, at);
		break;
	case TOPO_OVERRUN:
		say(p, "overrun");
		break;
	}
}

static void say_told(struct topo_pair *p, const struct topo_told *t)
{
	static const char *const names[] = {
		[TOPO_TOLD_PUBLISHED] = "+", [TOPO_TOLD_WITHDRAWN] = "-",
		[TOPO_TOLD_CURRENT] = "current", [TOPO_TOLD_TIMEOUT] = "timeout",
		[TOPO_TOLD_OVERRUN] = "overrun",
	};
	char number[20] = "";

	if (t->row)
		snprintf(number, sizeof number, "%u", t->row->id.pub);
	say(p, "%s%s%s%s%s", names[t->what], number, t->first ? "f" : "",
	    t->collapsed ? "c" : "", t->group ? "g" : "");
}

static int tell(struct topo_pair *p, struct topo_view *v, const struct topo_event *e)
{
	struct topo_told t;
	int r = topo_view_event(v, e);

	while (topo_view_next(v, &t))
		say_told(p, &t);
	if (r)
		say(p, "%d", r);
	return r;
}

/* The events in a buffer; false: the view has refused one. */
static bool read_all(struct topo_pair *p, struct topo_view *v, const uint8_t *buf, size_t n)
{
	struct topo_event e;

	for (size_t at = 0; at < n;) {
		int r = topo_event_parse(buf + at, n - at, &e);

		if (!CHECK(r > 0))
			return false;
		at += (size_t)r;
		if (!v)
			say_event(p, &e);
		else if (tell(p, v, &e))
			return false;
	}
	return true;
}

const char *topo_pair_told_some(struct topo_pair *p, struct topo_sub *sub, struct topo_view *v,
				unsigned n)
{
	static uint8_t buf[TOPO_EVENT_MAX];
	bool goes_on = true;

	p->text[0] = 0;
	while (goes_on && n-- && topo_has(sub)) {
		size_t bytes = topo_fill(&p->topo.subs, sub, buf, sizeof buf);

		if (!CHECK(bytes > 0))
			break;
		goes_on = read_all(p, v, buf, bytes);
		topo_taken(&p->topo.subs, sub);
	}
	return p->text;
}

const char *topo_pair_told(struct topo_pair *p, struct topo_sub *sub, struct topo_view *v)
{
	return topo_pair_told_some(p, sub, v, UINT32_MAX);
}

const char *topo_pair_some(struct topo_pair *p, struct topo_sub *sub, unsigned n)
{
	return topo_pair_told_some(p, sub, NULL, n);
}

const char *topo_pair_events(struct topo_pair *p, struct topo_sub *sub)
{
	return topo_pair_some(p, sub, UINT32_MAX);
}

void topo_pair_view(struct topo_pair *p, struct topo_view *v, struct topo_request r)
{
	struct topo_view_config cfg = {
		.request = r, .memory = topo_pair_memory(p), .max_rows = 1000,
		.server_node = TOPO_PAIR_NODE,
	};

	CHECK(topo_view_init(v, &cfg) == 0);
}

/* ---- with one view ---- */

void topo_pair_begin(struct topo_pair *p, struct topo_view *v, uint32_t log_entries,
		     struct topo_request r)
{
	topo_pair_init(p, log_entries);
	topo_pair_view(p, v, r);
}

void topo_pair_end(struct topo_pair *p, struct topo_view *v)
{
	topo_view_fini(v);
	topo_pair_fini(p);
}

void topo_pair_publish_some(struct topo_pair *p, unsigned n)
{
	while (n--)
		topo_pair_publish(p, 64, 1, 2);
}

struct topo_sub *topo_pair_again(struct topo_pair *p, struct topo_view *v, struct topo_sub *sub)
{
	topo_cancel(&p->topo.subs, sub);
	topo_view_lost(v);
	return topo_pair_attach(p, v);
}
