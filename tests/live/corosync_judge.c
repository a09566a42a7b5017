/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the books of programs under corosync.
 *
 *	corosync_judge up SECONDS BOOK...
 *		waits until all these are quorate, each has a session with each in their
 *		present incarnations, and messages flow
 *	corosync_judge flow SECONDS BOOK...
 *		the same, quorum or not
 *	corosync_judge fates BOOK...
 *		checks all sessions that are over at both ends, of all processes that there
 *		were; of the others that what came is right so far
 *
 * Prints what is wrong and a sum; the exit status is 0 if nothing is. Knows nothing of corosync.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/live/corosync_book.h"
#include "tools/clock.h"
#include "tools/torture/checker.h"

#define BOOKS_MAX	512
#define FLOW		3	/* messages that have to come of each, from the first look on */
#define LOOK_US		10000

static struct run_log *run_logs[BOOKS_MAX];
static unsigned n_run_logs;
static unsigned n_wrong;

/* A program that has yet to make its book is one that has not begun. */
static struct run_log *map_run_log(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct run_log *b;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) || st.st_size != sizeof(*b)) {
		close(fd);
		return NULL;
	}
	b = mmap(NULL, sizeof(*b), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return b == MAP_FAILED ? NULL : b;
}

/* ---- up ---- */

static uint64_t seen[BOOKS_MAX][BOOKS_MAX];	/* taken at the first look, + 1 */

static const struct record *present(const struct run_log *b, uint32_t peer,
				    uint64_t peer_incarnation)
{
	unsigned i;

	for (i = atomic_load(&b->n_records); i-- > 0;) {
		const struct record *r = &b->records[i];

		if (r->peer == peer && r->incarnation == atomic_load(&b->incarnation) &&
		    r->peer_incarnation == peer_incarnation && record_state(r) == RECORD_OPEN)
			return r;
	}
	return NULL;
}

static bool pair_is_up(unsigned i, unsigned k, char *why, size_t size)
{
	const struct record *r = present(run_logs[i], atomic_load(&run_logs[k]->node),
					 atomic_load(&run_logs[k]->incarnation));
	uint64_t taken;

	if (!r) {
		snprintf(why, size, "node %" PRIu32 " has no session with node %" PRIu32
			 " in their present incarnations", atomic_load(&run_logs[i]->node),
			 atomic_load(&run_logs[k]->node));
		seen[i][k] = 0;
		return false;
	}
	taken = seqset_taken(&r->got);
	if (!seen[i][k] || seen[i][k] > taken + 1)
		seen[i][k] = taken + 1;
	if (taken + 1 >= seen[i][k] + FLOW)
		return true;
	snprintf(why, size, "nothing comes to node %" PRIu32 " from node %" PRIu32, r->node,
		 r->peer);
	return false;
}

static bool all_up(char **paths, unsigned n, bool with_quorum, char *why, size_t size)
{
	bool good = true;
	unsigned i, k;

	for (i = 0; i < n; i++) {
		if (!run_logs[i])
			run_logs[i] = map_run_log(paths[i]);
		if (!run_logs[i] || !atomic_load(&run_logs[i]->node)) {
			snprintf(why, size, "%s: not begun", paths[i]);
			return false;
		}
		if (with_quorum && !atomic_load(&run_logs[i]->is_quorate)) {
			snprintf(why, size, "node %" PRIu32 " has no quorum",
				 atomic_load(&run_logs[i]->node));
			return false;
		}
	}
	for (i = 0; i < n; i++)
		for (k = 0; k < n; k++)
			if (i != k && !pair_is_up(i, k, why, size))
				good = false;
	return good;
}

static int wait_up(unsigned seconds, char **paths, unsigned n, bool with_quorum)
{
	const uint64_t until = clock_now_ns() + seconds * CLOCK_S;
	char why[200] = "";

	while (!all_up(paths, n, with_quorum, why, sizeof(why))) {
		if (clock_now_ns() > until) {
			printf("not all up after %u s: %s\n", seconds, why);
			return 1;
		}
		usleep(LOOK_US);
	}
	return 0;
}

/* ---- fates ---- */

static void note(void *arg, const char *line)
{
	(void)arg;
	printf("%s\n", line);
	n_wrong++;
}

/* Died without a word, if it is gone. A zombie is gone. */
static bool has_died(const struct run_log *b)
{
	char path[64], text[512], *state;
	ssize_t n;
	int fd;

	if (atomic_load(&b->is_over))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)b->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return true;
	text[n] = '\0';
	state = strrchr(text, ')');
	return !state || state[1] == '\0' || strchr("ZX", state[2]);
}

static struct record *other_end(struct run_log **all, unsigned n, const struct record *r)
{
	unsigned i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < atomic_load(&all[i]->n_records); k++) {
			struct record *o = &all[i]->records[k];

			if (o->node == r->peer && o->peer == r->node &&
			    o->incarnation == r->peer_incarnation &&
			    o->peer_incarnation == r->incarnation)
				return o;
		}
	}
	return NULL;
}

/* While an end is open, this alone is certain: nothing that came was wrong. */
static void checker_open(const struct record *r)
{
	const struct seqset *l = &r->got;

	if (!l->lost && !l->duplicated && !l->reordered && !l->corrupted)
		return;
	printf("node %" PRIu32 " from %" PRIu32 ": %" PRIu64 " lost, %" PRIu64 " duplicated, %"
	       PRIu64 " reordered, %" PRIu64 " corrupted\n", r->node, r->peer, l->lost,
	       l->duplicated, l->reordered, l->corrupted);
	n_wrong++;
}

/* A copy that nobody changes any more; what died is over. */
static struct run_log *copy_of(const struct run_log *b)
{
	struct run_log *copy = malloc(sizeof(*copy));
	bool died = has_died(b);
	unsigned i;

	if (!copy) {
		fprintf(stderr, "out of memory\n");
		exit(2);
	}
	memcpy(copy, b, sizeof(*copy));
	for (i = 0; died && i < copy->n_records; i++) {
		if (record_state(&copy->records[i]) != RECORD_OPEN)
			continue;
		copy->records[i].crashed = copy->records[i].stale = true;
		copy->records[i].state = RECORD_OVER;
	}
	return copy;
}

/* Each session once: by the lower node, or by the only one that had it. */
static void checker_record(const struct record *r, const struct record *other, struct pair *sum)
{
	const struct checker checker = { .note = note, .ends_are_free = true };
	struct pair there = { 0 }, back = { 0 };

	if (other && other->node < r->node)
		return;
	if (record_state(r) != RECORD_OVER || (other && record_state(other) != RECORD_OVER)) {
		checker_open(r);
		if (other)
			checker_open(other);
		return;
	}
	checker_session(&checker, r, other, &there, &back);
	if (!checker_is_clean(&there) || !checker_is_clean(&back))
		n_wrong++;
	checker_add(sum, &there);
	checker_add(sum, &back);
}

static void checker_all(struct pair *sum)
{
	struct run_log *all[BOOKS_MAX];
	unsigned i, k;

	/* Of two ends the one that is copied later may have seen more: only ends that are over
	 * are compared, and those are over in all copies that are made behind. */
	for (i = 0; i < n_run_logs; i++)
		all[i] = copy_of(run_logs[i]);
	for (i = 0; i < n_run_logs; i++) {
		for (k = 0; k < all[i]->n_records; k++)
			checker_record(&all[i]->records[k],
				       other_end(all, n_run_logs, &all[i]->records[k]), sum);
		for (k = 0; k < all[i]->n_problems && k < BOOK_PROBLEMS; k++)
			printf("node %" PRIu32 ": %s\n", all[i]->node, all[i]->problems[k]);
		n_wrong += all[i]->n_problems;
	}
	for (i = 0; i < n_run_logs; i++)
		free(all[i]);
}

static int checker_fates(char **paths, unsigned n)
{
	struct pair sum = { 0 };
	unsigned i;

	/* One that was killed before it made its book has said nothing to anybody. */
	for (i = 0; i < n; i++) {
		run_logs[n_run_logs] = map_run_log(paths[i]);
		if (run_logs[n_run_logs])
			n_run_logs++;
	}
	checker_all(&sum);
	printf("%" PRIu64 " sessions over, %" PRIu64 " messages sent in them, %" PRIu64
	       " delivered, %" PRIu64 " reconnects, %u wrong\n", sum.sessions / 2, sum.sent,
	       sum.delivered, sum.kills / 2, n_wrong);
	return n_wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	const bool is_flow = argc > 1 && !strcmp(argv[1], "flow");

	if (argc >= 4 && argc - 3 <= BOOKS_MAX && (is_flow || !strcmp(argv[1], "up")))
		return wait_up((unsigned)atoi(argv[2]), argv + 3, (unsigned)argc - 3, !is_flow);
	if (argc >= 3 && argc - 2 <= BOOKS_MAX && !strcmp(argv[1], "fates"))
		return checker_fates(argv + 2, (unsigned)argc - 2);
	fprintf(stderr, "usage: corosync_judge up|flow SECONDS BOOK... | fates BOOK...\n");
	return 2;
}
