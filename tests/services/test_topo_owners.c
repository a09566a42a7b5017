/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The owners of a topology server's publications: who may publish and withdraw what, how much, and
 * what goes with an owner; memory that is short, and how much of it 100,000 take. Knows no
 * subscribers but to see it.
 */
#include "services/topo.h"
#include "tests/lib/check.h"
#include "tests/lib/topo_pair.h"

#include <errno.h>

#define LOG	8u
#define MANY	100000u

static struct topo_pair pair;
static uint8_t buf[65536];

static int publish(struct topo_owner *o, uint32_t type, uint32_t instance, uint8_t scope,
		   uint32_t pub)
{
	struct topo_offer offer = topo_pair_offer(type, instance, instance);

	offer.scope = scope;
	return topo_publish(&pair.topo, o, &offer, pub);
}

static int publish_next(struct topo_owner *o, uint32_t type, uint32_t instance)
{
	struct topo_offer offer = topo_pair_offer(type, instance, instance);
	uint32_t pub = 4711;
	int r = topo_publish_next(&pair.topo, o, &offer, &pub);

	return r ? r : (int)pub;
}

static struct topo_sub *watcher(struct topo_request r)
{
	struct topo_sub *sub = topo_pair_subscribe(&pair, r);

	topo_pair_events(&pair, sub);
	return sub;
}

/* ---- who may publish what ---- */

static void programs_publish_their_types(void)
{
	topo_pair_init(&pair, LOG);
	CHECK_EQ(publish_next(&pair.a, TOPO_TYPE_FIRST, 0), 1);
	CHECK_EQ(publish_next(&pair.a, TOPO_TYPE_FIRST - 1, 0), -EPERM);
	CHECK_EQ(publish_next(&pair.a, TOPO_SERVICE, 0), -EPERM);
	CHECK_EQ(publish_next(&pair.library, TOPO_SERVICE, 0), 2);
	CHECK_EQ(publish_next(&pair.library, UINT32_MAX - 1, 0), 3);
	topo_pair_fini(&pair);
}

static void node_is_of_its_own(void)
{
	struct topo_offer wide = topo_pair_offer(TOPO_NODE, TOPO_PAIR_NODE, TOPO_PAIR_NODE);

	wide.scope = TOPO_SCOPE_NODE;
	topo_pair_init(&pair, LOG);
	CHECK_EQ(publish_next(&pair.library, TOPO_NODE, TOPO_PAIR_NODE), -EINVAL);
	CHECK_EQ(publish(&pair.library, TOPO_LINK, 1, TOPO_SCOPE_NODE, TOPO_PUB_NODE), -EINVAL);
	CHECK_EQ(publish(&pair.library, TOPO_NODE, TOPO_PAIR_NODE + 1, TOPO_SCOPE_NODE, 0),
		 -EPERM);
	CHECK_EQ(publish(&pair.library, TOPO_NODE, TOPO_PAIR_NODE, TOPO_SCOPE_CLUSTER, 0),
		 -EPERM);
	CHECK_EQ(publish(&pair.a, TOPO_NODE, TOPO_PAIR_NODE, TOPO_SCOPE_NODE, 0), -EPERM);
	wide.name.upper++;
	CHECK_EQ(topo_publish(&pair.topo, &pair.library, &wide, 0), -EPERM);
	wide.name = (struct topo_name){ TOPO_NODE, TOPO_PAIR_NODE - 1, TOPO_PAIR_NODE };
	CHECK_EQ(topo_publish(&pair.topo, &pair.library, &wide, 0), -EPERM);
	CHECK_EQ(publish(&pair.library, TOPO_NODE, TOPO_PAIR_NODE, TOPO_SCOPE_NODE, 0), 0);
	CHECK_EQ(publish(&pair.library, TOPO_NODE, TOPO_PAIR_NODE, TOPO_SCOPE_NODE, 0), -EEXIST);
	topo_pair_fini(&pair);
}

static void peers_publish_for_all(void)
{
	static const struct {
		uint32_t type, instance, pub;
		uint8_t scope;
		int error;
	} offers[] = {
		{ 64, 1, 1, TOPO_SCOPE_CLUSTER, 0 },
		{ 64, 1, 1, TOPO_SCOPE_CLUSTER, -EEXIST },
		{ 64, 1, 2, TOPO_SCOPE_NODE, -EPERM },
		{ TOPO_REACH, 1, 2, TOPO_SCOPE_CLUSTER, 0 },
		{ TOPO_SERVICE, 1, 3, TOPO_SCOPE_CLUSTER, 0 },
		{ TOPO_LINK, 1, 4, TOPO_SCOPE_CLUSTER, -EPERM },
		{ TOPO_OPTION, 1, 4, TOPO_SCOPE_CLUSTER, -EPERM },
		{ TOPO_TOPOLOGY, 1, 4, TOPO_SCOPE_CLUSTER, -EPERM },
		{ 63, 1, 4, TOPO_SCOPE_CLUSTER, -EPERM },
		{ TOPO_NODE, 3, TOPO_PUB_NODE, TOPO_SCOPE_NODE, -EPERM },
		{ 64, 2, 4, TOPO_SCOPE_NODE, -EPERM },
		{ TOPO_NODE, 2, TOPO_PUB_NODE, TOPO_SCOPE_NODE, 0 },
	};
	struct topo_owner o;

	topo_pair_init(&pair, LOG);
	topo_owner_init_peer(&o, 2, 99, 100);
	for (unsigned i = 0; i < sizeof offers / sizeof *offers; i++)
		CHECK_EQ(publish(&o, offers[i].type, offers[i].instance, offers[i].scope,
				 offers[i].pub), offers[i].error);
	CHECK_EQ(o.n, 4);
	topo_leave(&pair.topo, &o);
	topo_pair_fini(&pair);
}

static void offers_are_checked(void)
{
	static const uint8_t attr[TOPO_ATTR_MAX + 1];
	struct topo_offer good = topo_pair_offer(64, 3, 3), o = good;
	struct topo_sub *sub;
	uint32_t pub = 4711;

	topo_pair_init(&pair, LOG);
	sub = watcher(topo_pair_all());
	o.name.upper = 2;
	CHECK_EQ(topo_publish_next(&pair.topo, &pair.a, &o, &pub), -EINVAL);
	o = good;
	o.name.type = TOPO_TYPE_ANY;
	CHECK_EQ(topo_publish_next(&pair.topo, &pair.a, &o, &pub), -EINVAL);
	o = good;
	o.scope = TOPO_SCOPE_ANY;
	CHECK_EQ(topo_publish_next(&pair.topo, &pair.a, &o, &pub), -EINVAL);
	o.scope = 3;
	CHECK_EQ(topo_publish_next(&pair.topo, &pair.a, &o, &pub), -EINVAL);
	o = good;
	o.attr = attr;
	o.attr_len = TOPO_ATTR_MAX + 1;
	CHECK_EQ(topo_publish_next(&pair.topo, &pair.a, &o, &pub), -EMSGSIZE);
	o.attr_len = 0;
	o.attr = NULL;
	CHECK_EQ(pub, 4711);
	CHECK_EQ(topo_publish_next(&pair.topo, &pair.a, &o, &pub), 0);
	CHECK_EQ(pub, 1);
	CHECK_STR(topo_pair_events(&pair, sub), "+1@101");
	topo_pair_fini(&pair);
}

/* ---- who may withdraw ---- */

static void owners_withdraw_their_own(void)
{
	struct topo_sub *sub;
	struct topo_owner o;

	topo_pair_init(&pair, LOG);
	sub = watcher(topo_pair_all());
	CHECK_EQ(publish_next(&pair.a, 64, 1), 1);
	CHECK_EQ(publish_next(&pair.b, 64, 1), 2);
	CHECK_EQ(topo_withdraw(&pair.topo, &pair.b, 1), -EPERM);
	CHECK_EQ(topo_withdraw(&pair.topo, &pair.library, 1), -EPERM);
	CHECK_EQ(topo_withdraw(&pair.topo, &pair.a, 3), -ENOENT);
	/* The number of another node, or of another life of this one. */
	topo_owner_init_peer(&o, 2, TOPO_PAIR_LIFE, 10);
	CHECK_EQ(topo_withdraw(&pair.topo, &o, 1), -ENOENT);
	topo_owner_init_peer(&o, TOPO_PAIR_NODE, TOPO_PAIR_LIFE + ((uint64_t)1 << 32), 10);
	CHECK_EQ(topo_withdraw(&pair.topo, &o, 1), -ENOENT);
	CHECK_EQ(topo_withdraw(&pair.topo, &pair.a, 1), 0);
	CHECK_EQ(topo_withdraw(&pair.topo, &pair.a, 1), -ENOENT);
	CHECK_STR(topo_pair_events(&pair, sub), "+1@101 +2@102 -1@103");
	topo_pair_fini(&pair);
}

/* ---- who may change ---- */

static int change(struct topo_owner *o, uint32_t pub, const char *attr)
{
	return topo_change(&pair.topo, o, pub, (const uint8_t *)attr, strlen(attr));
}

static void owners_change_their_own(void)
{
	struct topo_offer offer = topo_pair_offer(64, 1, 1);
	char attr[TOPO_ATTR_MAX + 2];
	struct topo_sub *sub;
	uint32_t pub;

	topo_pair_init(&pair, LOG);
	sub = watcher(topo_pair_all());
	offer.attr_len = 0;
	CHECK_EQ(topo_publish_next(&pair.topo, &pair.a, &offer, &pub), 0);
	CHECK_EQ(publish_next(&pair.b, 64, 1), 2);
	topo_pair_events(&pair, sub);
	CHECK_EQ(change(&pair.b, 1, "x"), -EPERM);
	CHECK_EQ(change(&pair.a, 3, "x"), -ENOENT);
	memset(attr, 'x', sizeof attr);
	attr[TOPO_ATTR_MAX + 1] = '\0';
	CHECK_EQ(change(&pair.a, 1, attr), -EMSGSIZE);
	pair.fail_at = pair.n_asked + 1;
	CHECK_EQ(change(&pair.a, 1, "x"), -ENOMEM);
	CHECK_EQ(change(&pair.a, 1, ""), 0);
	CHECK(!topo_has(sub));
	attr[TOPO_ATTR_MAX] = '\0';
	CHECK_EQ(change(&pair.a, 1, attr), 0);
	CHECK_EQ(change(&pair.a, 1, attr), 0);
	CHECK_STR(topo_pair_events(&pair, sub), "-1~@103 +1@104");
	CHECK_EQ(pair.a.n, 1);
	CHECK_EQ(topo_withdraw(&pair.topo, &pair.a, 1), 0);
	CHECK_EQ(topo_table_n(&pair.topo.table), 1);
	topo_pair_fini(&pair);
}

/* A change that has left the log is told by its end. */
static void a_change_passes_the_log(void)
{
	struct topo_view view;
	struct topo_sub *sub;

	topo_pair_init(&pair, 3);
	CHECK_EQ(publish_next(&pair.a, 64, 1), 1);
	CHECK_EQ(publish_next(&pair.b, 64, 1), 2);
	topo_pair_view(&pair, &view, topo_pair_all());
	sub = topo_pair_attach(&pair, &view);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "+1fg +2f currentf");
	CHECK_EQ(change(&pair.a, 1, "x"), 0);
	CHECK_EQ(change(&pair.a, 1, "y"), 0);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-1cg +1c current");
	CHECK_EQ(change(&pair.a, 1, "z"), 0);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-1g +1");
	topo_view_fini(&view);
	topo_pair_fini(&pair);
}

/* ---- all of an owner ---- */

static void group_of(void)
{
	struct topo_owner *a = &pair.a;

	CHECK_EQ(publish_next(a, 64, 1), 1);
	CHECK_EQ(publish_next(&pair.b, 64, 1), 2);
	CHECK_EQ(publish_next(a, 65, 1), 3);
	CHECK_EQ(publish_next(a, 64, 2), 4);
	CHECK_EQ(publish_next(a, 66, 2), 5);
}

static void owner_leaves(void)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *all, *some;

	topo_pair_init(&pair, LOG);
	r.name = (struct topo_name){ 64, 0, 9 };
	all = watcher(topo_pair_all());
	some = watcher(r);
	group_of();
	topo_pair_events(&pair, all);
	topo_pair_events(&pair, some);
	topo_leave(&pair.topo, &pair.a);
	CHECK_STR(topo_pair_events(&pair, all), "-1~@106 -3~@107 -4~@108 -5@109");
	/* The group ends for each with the last one that it takes. */
	CHECK_STR(topo_pair_events(&pair, some), "-1~@106 -4@108");
	CHECK_EQ(topo_table_n(&pair.topo.table), 1);
	topo_leave(&pair.topo, &pair.a);
	CHECK(!topo_has(all));
	topo_pair_fini(&pair);
}

/* A second group begins right behind the first one. */
static void groups_are_apart(void)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub;

	topo_pair_init(&pair, LOG);
	r.name = (struct topo_name){ 64, 1, 1 };
	sub = watcher(r);
	group_of();
	CHECK_EQ(publish_next(&pair.b, 65, 1), 6);
	topo_pair_events(&pair, sub);
	topo_leave(&pair.topo, &pair.a);
	topo_leave(&pair.topo, &pair.b);
	CHECK_STR(topo_pair_events(&pair, sub), "-1@107 -2@111");
	topo_pair_fini(&pair);
}

/* A group that is longer than the log. */
static void group_passes_the_log(void)
{
	struct topo_sub *sub;

	topo_pair_init(&pair, 3);
	sub = watcher(topo_pair_all());
	group_of();
	topo_pair_events(&pair, sub);
	topo_leave(&pair.topo, &pair.a);
	CHECK_STR(topo_pair_events(&pair, sub), "snapshot@109 +2 end/4@109");
	topo_pair_fini(&pair);
}

static void node_goes_last(void)
{
	struct topo_owner o;
	struct topo_sub *sub;

	topo_pair_init(&pair, LOG);
	sub = watcher(topo_pair_all());
	topo_owner_init_peer(&o, 2, 99, 100);
	CHECK_EQ(publish(&o, 64, 1, TOPO_SCOPE_CLUSTER, 8), 0);
	CHECK_EQ(publish(&o, TOPO_NODE, 2, TOPO_SCOPE_NODE, TOPO_PUB_NODE), 0);
	CHECK_EQ(publish(&o, 64, 1, TOPO_SCOPE_CLUSTER, 9), 0);
	topo_pair_events(&pair, sub);
	topo_leave(&pair.topo, &o);
	CHECK_STR(topo_pair_events(&pair, sub), "-8~@104 -9~@105 -0@106");
	topo_pair_fini(&pair);
}

/* ---- limits ---- */

static void owners_are_bounded(void)
{
	struct topo_owner o;

	topo_pair_init(&pair, LOG);
	topo_owner_init_peer(&o, 2, 99, 2);
	CHECK_EQ(publish(&o, 64, 1, TOPO_SCOPE_CLUSTER, 1), 0);
	CHECK_EQ(publish(&o, 64, 1, TOPO_SCOPE_CLUSTER, 2), 0);
	CHECK_EQ(publish(&o, 64, 1, TOPO_SCOPE_CLUSTER, 3), -ENOSPC);
	CHECK_EQ(publish(&o, TOPO_NODE, 2, TOPO_SCOPE_NODE, TOPO_PUB_NODE), 0);
	CHECK_EQ(topo_withdraw(&pair.topo, &o, 1), 0);
	CHECK_EQ(publish(&o, 64, 1, TOPO_SCOPE_CLUSTER, 3), -ENOSPC);
	CHECK_EQ(topo_withdraw(&pair.topo, &o, TOPO_PUB_NODE), 0);
	CHECK_EQ(publish(&o, 64, 1, TOPO_SCOPE_CLUSTER, 3), 0);
	topo_leave(&pair.topo, &o);
	topo_pair_fini(&pair);
}

/* The library has room of its own. */
static void server_is_bounded(void)
{
	topo_pair_init(&pair, LOG);
	pair.topo.cfg.limits.max_publications = 2;
	CHECK_EQ(publish_next(&pair.a, 64, 1), 1);
	CHECK_EQ(publish_next(&pair.b, 64, 1), 2);
	CHECK_EQ(publish_next(&pair.a, 64, 1), -ENOSPC);
	for (unsigned i = 0; i < TOPO_RESERVED; i++)
		if (publish_next(&pair.library, TOPO_REACH, i) != (int)i + 3)
			CHECK(!"the library has its room");
	CHECK_EQ(publish_next(&pair.library, TOPO_REACH, 1), -ENOSPC);
	/* A withdrawn one makes room, though it is in the log. */
	CHECK_EQ(topo_withdraw(&pair.topo, &pair.library, 3), 0);
	CHECK_EQ(publish_next(&pair.a, 64, 1), -ENOSPC);
	CHECK(publish_next(&pair.library, TOPO_REACH, 1) > 0);
	topo_pair_fini(&pair);
}

/* ---- numbers ---- */

static void numbers_wrap(void)
{
	topo_pair_init(&pair, LOG);
	CHECK_EQ(publish_next(&pair.a, 64, 1), 1);
	CHECK_EQ(publish_next(&pair.b, 64, 1), 2);
	CHECK_EQ(publish_next(&pair.b, 64, 1), 3);
	CHECK_EQ(topo_withdraw(&pair.topo, &pair.b, 2), 0);
	pair.topo.next_pub = UINT32_MAX;
	CHECK_EQ((uint32_t)publish_next(&pair.a, 64, 1), UINT32_MAX);
	/* 0 is NODE's, 1 and 3 are in use. */
	CHECK_EQ(publish_next(&pair.a, 64, 1), 2);
	CHECK_EQ(publish_next(&pair.a, 64, 1), 4);
	topo_pair_fini(&pair);
}

static void positions_pass_32_bits(void)
{
	struct topo_config cfg;
	struct topo_sub *sub;

	topo_pair_init(&pair, LOG);
	topo_fini(&pair.topo);
	cfg = topo_pair_config(&pair, 3);
	cfg.first_index = UINT32_MAX;
	CHECK(topo_init(&pair.topo, &cfg) == 0);
	sub = watcher(topo_pair_all());
	for (unsigned i = 0; i < 3; i++)
		topo_pair_publish(&pair, 64, 1, 1);
	CHECK_STR(topo_pair_events(&pair, sub), "+1@4294967296 +2@4294967297 +3@4294967298");
	topo_pair_fini(&pair);
}

/* ---- memory ---- */

static void nothing_is_kept_without_memory(void)
{
	struct topo_pair p;
	unsigned k = 0;
	int r;

	do {
		struct topo_config cfg;

		memset(&p, 0, sizeof p);
		cfg = topo_pair_config(&p, LOG);
		p.fail_at = ++k;
		r = topo_init(&p.topo, &cfg);
		if (r)
			CHECK_EQ(r, -ENOMEM);
		else
			topo_fini(&p.topo);
		CHECK_EQ(p.n_blocks, 0);
	} while (r && k < 100);
	CHECK(k > 2 && k < 100);
}

static void refused_without_memory(void)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub, *none = NULL;

	topo_pair_init(&pair, LOG);
	sub = watcher(r);
	pair.fail_at = pair.n_asked + 1;
	CHECK_EQ(publish_next(&pair.a, 64, 1), -ENOMEM);
	CHECK_EQ(pair.a.n, 0);
	pair.fail_at = pair.n_asked + 1;
	CHECK_EQ(topo_subscribe(&pair.topo.subs, &r, 0, NULL, &none), -ENOMEM);
	CHECK(!topo_has(sub) && !none);
	CHECK_EQ(publish_next(&pair.a, 64, 1), 1);
	CHECK_STR(topo_pair_events(&pair, sub), "+1@101");
	topo_pair_fini(&pair);
}

/* Without memory for more buckets, they are longer. */
static void table_grows_without_memory(void)
{
	topo_pair_init(&pair, LOG);
	for (unsigned i = 1; i <= 300; i++) {
		/* The row, and then the buckets. */
		pair.fail_at = pair.n_asked + 2;
		CHECK_EQ(publish_next(&pair.a, 64, i), i);
	}
	for (unsigned i = 1; i <= 300; i++)
		topo_pair_withdraw(&pair, i);
	CHECK_EQ(pair.a.n, 0);
	topo_pair_fini(&pair);
}

/* A row leaves memory with the entry of its withdrawal. */
static void withdrawn_ones_are_freed(void)
{
	uint64_t before;

	topo_pair_init(&pair, LOG);
	for (unsigned i = 0; i < LOG; i++) {
		topo_pair_publish(&pair, 64, 1, 1);
		topo_pair_withdraw(&pair, i + 1);
	}
	before = pair.n_bytes;
	for (unsigned i = LOG; i < 1000; i++) {
		topo_pair_publish(&pair, 64, 1, 1);
		topo_pair_withdraw(&pair, i + 1);
	}
	CHECK_EQ(pair.n_bytes, before);
	topo_pair_fini(&pair);
}

/* A row says what it was made of, and nothing else. */
static void rows_say_each_part(void)
{
	struct topo_offer o = topo_pair_offer(64, 1, 2), other[6];
	struct topo_id id = { .node = TOPO_PAIR_NODE, .incarnation = TOPO_PAIR_LIFE, .pub = 1 };
	const struct topo_row *row;
	uint8_t attr[TOPO_ATTR_MAX];

	topo_pair_init(&pair, LOG);
	topo_pair_publish(&pair, 64, 1, 2);
	row = topo_table_find(&pair.topo.table, &id);
	CHECK_OR_RETURN(row && topo_row_says(row, &o));
	for (unsigned i = 0; i < 6; i++)
		other[i] = o;
	memcpy(attr, o.attr, sizeof attr);
	attr[TOPO_ATTR_MAX - 1]++;
	other[0].name.type++;
	other[1].name.lower--;
	other[2].name.upper++;
	other[3].scope = TOPO_SCOPE_NODE;
	other[4].attr_len--;
	other[5].attr = attr;
	for (unsigned i = 0; i < 6; i++)
		CHECK(!topo_row_says(row, &other[i]));
	topo_pair_fini(&pair);
}

static unsigned count_rows(struct topo_sub *sub)
{
	struct topo_event e;
	unsigned n = 0;
	size_t bytes;

	while ((bytes = topo_fill(&pair.topo.subs, sub, buf, sizeof buf))) {
		for (size_t at = 0; at < bytes;) {
			at += (size_t)topo_event_parse(buf + at, bytes - at, &e);
			n += e.what == TOPO_PUBLISHED && e.pub == n + 1;
		}
		topo_taken(&pair.topo.subs, sub);
	}
	return n;
}

/* With 32 bytes of attributes, in the log of the default size. */
static void many_are_small(void)
{
	static const uint8_t attr[32];
	struct topo_offer o = topo_pair_offer(64, 1, 2);
	uint64_t empty;
	uint32_t pub = 0;

	topo_pair_init(&pair, 1);
	empty = pair.n_bytes;
	topo_fini(&pair.topo);
	topo_pair_init(&pair, 65536);
	o.attr = attr;
	o.attr_len = sizeof attr;
	for (unsigned i = 0; i < MANY; i++)
		if (topo_publish_next(&pair.topo, &pair.a, &o, &pub) || pub != i + 1)
			CHECK(!"it is published");
	printf("# a publication takes %u bytes\n", (unsigned)((pair.n_bytes - empty) / MANY));
	CHECK((pair.n_bytes - empty) / MANY <= 160);
	CHECK_EQ(count_rows(topo_pair_subscribe(&pair, topo_pair_all())), MANY);
	topo_leave(&pair.topo, &pair.a);
	CHECK_EQ(topo_table_n(&pair.topo.table), 0);
	topo_pair_fini(&pair);
}

int main(void)
{
	RUN(programs_publish_their_types);
	RUN(node_is_of_its_own);
	RUN(peers_publish_for_all);
	RUN(offers_are_checked);
	RUN(owners_withdraw_their_own);
	RUN(owners_change_their_own);
	RUN(a_change_passes_the_log);
	RUN(owner_leaves);
	RUN(groups_are_apart);
	RUN(group_passes_the_log);
	RUN(node_goes_last);
	RUN(owners_are_bounded);
	RUN(server_is_bounded);
	RUN(numbers_wrap);
	RUN(positions_pass_32_bits);
	RUN(nothing_is_kept_without_memory);
	RUN(refused_without_memory);
	RUN(table_grows_without_memory);
	RUN(withdrawn_ones_are_freed);
	RUN(rows_say_each_part);
	RUN(many_are_small);
	return check_done();
}
