/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the judgement of `make demo`: compares the lines that one node sent with those
 * that another printed as `ID<TAB>line`, one by one. Knows nothing of how they travelled.
 *
 * Prints: sent delivered lost duplicated reordered foreign
 * foreign: lines that nobody sent, such as damaged ones. Exit status 0 if the received lines are
 * exactly the sent ones.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct line {
	const char *p;
	size_t len;
	uint64_t hash;
};

struct lines {
	struct line *v;
	size_t n, room;
};

/* One distinct content. */
struct entry {
	const struct line *line;	/* NULL = free */
	size_t n_sent, n_received;
	size_t index;			/* of its first line in what was sent */
};

struct table {
	struct entry *v;
	size_t mask;
};

static void *must(void *p)
{
	if (p == NULL) {
		fprintf(stderr, "compare: out of memory\n");
		exit(2);
	}
	return p;
}

static uint64_t hash_of(const char *p, size_t len)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)p[i]) * 1099511628211u;
	return h;
}

static void lines_add(struct lines *l, const char *p, size_t len)
{
	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 4096;
		l->v = must(realloc(l->v, l->room * sizeof *l->v));
	}
	l->v[l->n++] = (struct line){ .p = p, .len = len, .hash = hash_of(p, len) };
}

/* The lines of a file that begin with prefix, without it; "" takes all. */
static struct lines lines_of(const char *path, const char *prefix)
{
	struct lines l = { 0 };
	size_t skip = strlen(prefix);
	struct stat st;
	const char *p, *end;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0) {
		perror(path);
		exit(2);
	}
	if (st.st_size == 0)
		return l;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED) {
		perror(path);
		exit(2);
	}
	close(fd);
	end = p + st.st_size;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl != NULL ? nl : end) - p);

		if (len >= skip && memcmp(p, prefix, skip) == 0)
			lines_add(&l, p + skip, len - skip);
		p += len + 1;
	}
	return l;
}

static bool same(const struct line *a, const struct line *b)
{
	return a->hash == b->hash && a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

static struct entry *table_find(struct table *t, const struct line *line)
{
	size_t i = (size_t)(line->hash >> 7) & t->mask;

	while (t->v[i].line != NULL && !same(t->v[i].line, line))
		i = (i + 1) & t->mask;
	return &t->v[i];
}

static struct table table_of(const struct lines *sent, const struct lines *received)
{
	struct table t = { .mask = 1024 };

	while (t.mask < 2 * (sent->n + received->n))
		t.mask *= 2;
	t.v = must(calloc(t.mask, sizeof *t.v));
	t.mask--;
	for (size_t i = 0; i < sent->n; i++) {
		struct entry *e = table_find(&t, &sent->v[i]);

		if (e->line == NULL) {
			e->line = &sent->v[i];
			e->index = i;
		}
		e->n_sent++;
	}
	return t;
}

/* Counts what differs; only lines that were sent once can show a wrong order. */
static void judge(const struct lines *sent, const struct lines *received, size_t *lost,
		  size_t *duplicated, size_t *reordered, size_t *foreign)
{
	struct table t = table_of(sent, received);
	size_t last = 0;

	for (size_t i = 0; i < received->n; i++) {
		struct entry *e = table_find(&t, &received->v[i]);

		if (e->line == NULL)
			e->line = &received->v[i];
		if (e->n_sent == 1 && e->n_received == 0) {
			if (e->index < last)
				(*reordered)++;
			else
				last = e->index;
		}
		e->n_received++;
	}
	for (size_t i = 0; i <= t.mask; i++) {
		const struct entry *e = &t.v[i];

		if (e->n_sent == 0)
			*foreign += e->n_received;
		else if (e->n_sent > e->n_received)
			*lost += e->n_sent - e->n_received;
		else
			*duplicated += e->n_received - e->n_sent;
	}
	free(t.v);
	/* All lines are there, yet not in order: some that were sent more than once. */
	if (*lost + *duplicated + *foreign + *reordered == 0)
		*reordered = 1;
}

int main(int argc, char **argv)
{
	size_t lost = 0, duplicated = 0, reordered = 0, foreign = 0, i = 0;
	struct lines sent, received;
	char prefix[32];
	bool equal;

	if (argc != 4) {
		fprintf(stderr, "usage: compare SENT RECEIVED ID\n");
		return 2;
	}
	snprintf(prefix, sizeof prefix, "%s\t", argv[3]);
	sent = lines_of(argv[1], "");
	received = lines_of(argv[2], prefix);
	while (i < sent.n && i < received.n && same(&sent.v[i], &received.v[i]))
		i++;
	equal = i == sent.n && i == received.n;
	if (!equal)
		judge(&sent, &received, &lost, &duplicated, &reordered, &foreign);
	printf("%zu %zu %zu %zu %zu %zu\n", sent.n, received.n, lost, duplicated, reordered,
	       foreign);
	return !equal;
}
