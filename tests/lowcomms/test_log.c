/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of the lines that a node logs: their form, their values, and the level that is
 * asked for. Knows the public header only.
 */
#include "tests/lib/cluster.h"

#define LINES_MAX	512

static struct said {
	unsigned id;		/* of the node */
	enum sinew_level level;
	char text[400];
} said[LINES_MAX];
static unsigned n_said;
static enum sinew_level wanted;

static void listen_to(void *user, enum sinew_level level, const char *line)
{
	struct said *s = &said[n_said];

	if (n_said == LINES_MAX)
		return;
	n_said++;
	s->id = *(unsigned *)user;
	s->level = level;
	snprintf(s->text, sizeof s->text, "%s", line);
}

static void talkative(struct sinew_options *o)
{
	cluster_log_to(o, wanted, listen_to);
}

/* How many lines of that node are this one. */
static unsigned lines(unsigned id, const char *line)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_said; i++)
		n += said[i].id == id && !strcmp(said[i].text, line);
	return n;
}

static unsigned lines_with(unsigned id, const char *text)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_said; i++)
		n += said[i].id == id && strstr(said[i].text, text);
	return n;
}

static void each_has_a_form(void)
{
	for (unsigned i = 0; i < n_said; i++) {
		const char *t = said[i].text;
		size_t len = strlen(t);
		bool good = len && !strstr(t, "(null)") && !strstr(t, "  ") && !strstr(t, " =") &&
			t[len - 1] != ' ' && t[len - 1] != ':' && t[0] != ' ';

		if (!CHECK(good))
			printf("# the line is \"%s\"\n", t);
		CHECK(said[i].level <= wanted);
	}
}

static struct cluster *two_that_talk(enum sinew_level level)
{
	struct cluster *c;

	n_said = 0;
	wanted = level;
	c = cluster_new(2, talkative);
	DRIVE(c, cluster_all_up(c));
	return c;
}

/* The link of either may be the one that it dialled, or the other's: of any port. */
static unsigned up_lines(unsigned id, unsigned peer)
{
	char before[60];
	unsigned n = 0;

	snprintf(before, sizeof before, "peer=%u addr=127.0.0.%u:", peer, peer);
	for (unsigned i = 0; i < n_said; i++) {
		const char *t = said[i].text;

		if (said[i].id != id || strncmp(t, before, strlen(before)))
			continue;
		t += strlen(before);
		n += !strcmp(t + strspn(t, "0123456789"), " link up gen=1 next=0");
	}
	return n;
}

/* ---- tests ---- */

static void a_session_is_told_with_its_values(void)
{
	struct cluster *c = two_that_talk(SINEW_DEBUG);

	/* Node 1 decides and chooses the first link; nothing has been received before. */
	CHECK_EQ(up_lines(1, 2), 1);
	CHECK_EQ(up_lines(2, 1), 1);
	CHECK_EQ(lines(1, "peer=2 CLOSED --OPEN--> ESTABLISHED expected=0"), 1);
	sinew_close(c->t[1].n, 5000);
	sinew_close(c->t[2].n, 5000);
	DRIVE(c, c->t[1].closed && c->t[2].closed);
	CHECK_EQ(lines(1, "peer=2 ESTABLISHED --CLOSE--> FIN_WAIT1 expected=0"), 1);
	/* The FIN is the first message. */
	CHECK_EQ(lines_with(1, "--RCV_FIN--> CLOSING expected=1") +
		 lines_with(1, "FIN_WAIT2 --RCV_FIN--> CLOSED expected=1"), 1);
	each_has_a_form();
	cluster_free(c);
}

static void less_is_said_where_less_is_wanted(void)
{
	struct cluster *c = two_that_talk(SINEW_WARNING);

	CHECK_EQ(n_said, 0);
	cluster_free(c);
	c = two_that_talk(SINEW_INFO);
	CHECK_EQ(lines_with(1, " --OPEN--> "), 0);
	each_has_a_form();
	cluster_free(c);
}

static void own_loop(struct sinew_options *o)
{
	talkative(o);
	o->own_thread = true;
}

/* An end that was asked for is no error. */
static void an_own_thread_ends_without_a_word(void)
{
	struct cluster *c;

	n_said = 0;
	wanted = SINEW_ERROR;
	c = cluster_new(1, own_loop);
	sinew_node_free(c->t[1].n);
	c->t[1].n = NULL;
	CHECK_EQ(n_said, 0);
	cluster_free(c);
}

int main(void)
{
	RUN(a_session_is_told_with_its_values);
	RUN(less_is_said_where_less_is_wanted);
	RUN(an_own_thread_ends_without_a_word);
	return check_done();
}
