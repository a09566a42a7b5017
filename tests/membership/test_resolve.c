/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of addresses of a configuration as one follows another: what is taken over, what is
 * logged of a name and when, why a name has no address, which texts are addresses or names.
 * No name service is asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include "lowcomms/sinew.h"
#include "membership/config.h"
#include "membership/resolve.h"
#include "membership/static_inside.h"
#include "tests/lib/check.h"

#define TWO(second) \
	"nodelist {\nnode {\nnodeid: 1\nring0_addr: 127.0.0.1\n}\n" \
	"node {\nnodeid: 2\n" second "\n}\n}\n"
#define NAMED	TWO("ring0_addr: two.test")
#define WITHOUT	"peer=2 f:8: found \"two.test\" as ring0_addr of node 2, which cannot be resolved: "

static char err[SINEW_CONFIG_ERROR_MAX];
static char said[2 * SINEW_CONFIG_ERROR_MAX];

static struct sinew_config *parse(const char *text)
{
	struct sinew_config *config = NULL;

	CHECK_EQ(sinew_config_parse("f", text, strlen(text), &config, err, sizeof(err)), 0);
	return config;
}

static void keep(void *user, enum sinew_level level, const char *line)
{
	size_t len = strlen(said);

	CHECK(user == said);
	snprintf(said + len, sizeof(said) - len, "%s%s|", level == SINEW_WARNING ? "W " :
		 level == SINEW_INFO ? "I " : "? ", line);
}

/* Logs of now, where before was known. */
static void news(const struct sinew_config *now, const struct sinew_config *before,
		 const char *expected)
{
	said[0] = '\0';
	resolve_news(now, before, keep, said);
	CHECK_STR(said, expected);
}

static struct ring *ring_of(struct sinew_config *config)
{
	return &config->nodes[1].rings[0];
}

/* As if the name service had said so. */
static void is_at(struct sinew_config *config, const char *ip)
{
	struct ring *ring = ring_of(config);

	CHECK_EQ(sinew_parse_address(ip, SINEW_PORT, &ring->addr), 0);
	ring->has_addr = true;
	ring->is_old = false;
}

static const char *why(struct sinew_config *config, bool is_late, int error, int errnum)
{
	struct ring *ring = ring_of(config);
	static const char before[] = "cannot be resolved: ";
	const char *found;

	ring->is_late = is_late;
	ring->error = error;
	ring->errnum = errnum;
	sinew_config_unresolved(config, 2, err, sizeof(err));
	found = strstr(err, before);
	return found ? found + strlen(before) : err;
}

static void each_cause_has_its_words(void)
{
	struct sinew_config *config = parse(NAMED);

	CHECK_STR(why(config, false, 0, 0), "not resolved yet");
	CHECK_STR(why(config, true, 0, 0), "name service timed out");
	CHECK_STR(why(config, true, EAI_NONAME, 0), "name service timed out");
	CHECK_STR(why(config, false, EAI_NONAME, 0), gai_strerror(EAI_NONAME));
	CHECK_STR(why(config, false, EAI_NONAME, EMFILE), gai_strerror(EAI_NONAME));
	CHECK_STR(why(config, false, EAI_SYSTEM, EMFILE), strerror(EMFILE));
	CHECK_STR(why(config, false, EAI_SYSTEM, 0), gai_strerror(EAI_SYSTEM));
	ring_of(config)->kind = HOST_NO_INTERFACE;
	CHECK_STR(why(config, true, 0, 0), "no such interface on this machine");
	/* Of one node, or of all; without room for words they are counted. */
	CHECK_EQ(sinew_config_unresolved(config, 2, NULL, 0), 1);
	CHECK_EQ(sinew_config_unresolved(config, 1, err, sizeof(err)), 0);
	CHECK_STR(err, "");
	CHECK_EQ(sinew_config_unresolved(config, 0, err, sizeof(err)), 1);
	is_at(config, "127.0.0.9");
	CHECK_EQ(sinew_config_unresolved(config, 0, err, sizeof(err)), 0);
	sinew_config_free(config);
}

static void only_news_are_logged(void)
{
	struct sinew_config *before = parse(NAMED), *now = parse(NAMED);

	news(now, NULL, "W " WITHOUT "not resolved yet; retrying|");
	news(now, before, "");
	why(now, true, 0, 0);
	news(now, before, "W " WITHOUT "name service timed out; retrying|");
	is_at(now, "127.0.0.9");
	news(now, before, "I peer=2 \"two.test\" resolved to 127.0.0.9:21065|");
	news(now, NULL, "");
	is_at(before, "127.0.0.9");
	news(now, before, "");
	/* It was known, and is only remembered. */
	ring_of(now)->is_old = true;
	news(now, before, "W " WITHOUT "name service timed out; retrying, keeping its old address "
	     "until then|");
	ring_of(before)->is_old = true;
	why(before, true, 0, 0);
	news(now, before, "");
	is_at(now, "127.0.0.9");
	news(now, before, "I peer=2 \"two.test\" resolved to 127.0.0.9:21065|");
	sinew_config_free(before);
	sinew_config_free(now);
}

static void another_name_is_news(void)
{
	struct sinew_config *before = parse(TWO("ring0_addr: other.test"));
	struct sinew_config *elsewhere = parse(TWO("ring1_addr: two.test"));
	struct sinew_config *without = parse("nodelist {\nnode {\nnodeid: 1\n"
					     "ring0_addr: 127.0.0.1\n}\n}\n");
	struct sinew_config *now = parse(NAMED);

	news(now, before, "W " WITHOUT "not resolved yet; retrying|");
	news(now, elsewhere, "W " WITHOUT "not resolved yet; retrying|");
	news(now, without, "W " WITHOUT "not resolved yet; retrying|");
	is_at(now, "127.0.0.9");
	news(now, before, "");
	news(now, elsewhere, "");
	news(now, without, "");
	sinew_config_free(before);
	sinew_config_free(elsewhere);
	sinew_config_free(without);
	sinew_config_free(now);
}

static void an_address_stays_until_there_is_another(void)
{
	struct sinew_config *before = parse(NAMED), *now = parse(NAMED);
	char text[HOST_TEXT_MAX];

	resolve_inherit(now, before);
	CHECK(!ring_of(now)->has_addr && !ring_of(now)->is_old);
	is_at(before, "127.0.0.9");
	resolve_inherit(now, before);
	CHECK(ring_of(now)->has_addr && ring_of(now)->is_old);
	CHECK_STR(host_text(&ring_of(now)->addr, true, text), "127.0.0.9:21065");
	/* One of its own is kept, and is not old. */
	is_at(now, "127.0.0.8");
	resolve_inherit(now, before);
	CHECK(!ring_of(now)->is_old);
	CHECK_STR(host_text(&ring_of(now)->addr, false, text), "127.0.0.8");
	sinew_config_free(now);
	/* Another node has it by now, or the node was not there. */
	now = parse(NAMED);
	is_at(before, "127.0.0.1");
	resolve_inherit(now, before);
	CHECK(!ring_of(now)->has_addr && !ring_of(now)->is_old);
	is_at(before, "127.0.0.9");
	before->nodes[1].nodeid = 3;
	resolve_inherit(now, before);
	CHECK(!ring_of(now)->has_addr);
	sinew_config_free(before);
	sinew_config_free(now);
}

/* Nothing is to be looked up, and no answer is missed: addresses are what they were. */
static void numbers_ask_nobody(void)
{
	struct sinew_config *config = parse(TWO("ring0_addr: 127.0.0.2\n"
						"ring1_addr: fe80::7%nosuch"));
	struct config_error e = { .file = "f", .text = err, .size = sizeof(err) };
	struct names *names = (struct names *)&e;

	CHECK_EQ(resolve_ask(config, &names), 0);
	CHECK(!names);
	CHECK_EQ(resolve_answers(config, NULL, &e), 0);
	CHECK_EQ(sinew_config_unresolved(config, 0, NULL, 0), 1);
	CHECK_EQ(sinew_config_own(config, 2, err, sizeof(err)), 0);
	CHECK_EQ(sinew_config_own(config, 7, err, sizeof(err)), 0);
	sinew_config_free(config);
	/* A name without an answer stays one. */
	config = parse(NAMED);
	CHECK_EQ(resolve_answers(config, NULL, &e), 0);
	CHECK(!ring_of(config)->has_addr);
	CHECK_EQ(sinew_config_own(config, 2, err, sizeof(err)), -EADDRNOTAVAIL);
	CHECK_EQ(sinew_config_own(config, 2, NULL, 0), -EADDRNOTAVAIL);
	/* The interface of another has come. */
	strcpy(ring_of(config)->host, "fe80::7%1");
	ring_of(config)->kind = HOST_NO_INTERFACE;
	CHECK_EQ(resolve_ask(config, &names), 0);
	CHECK(!names && ring_of(config)->kind == HOST_NUMBERS);
	CHECK_EQ(sinew_config_unresolved(config, 2, NULL, 0), 1);
	CHECK_EQ(resolve_answers(config, NULL, &e), 0);
	CHECK(ring_of(config)->has_addr);
	CHECK_EQ(sinew_config_unresolved(config, 2, NULL, 0), 0);
	sinew_config_free(config);
}

static void two_ports_are_two_addresses(void)
{
	struct sinew_config *config = parse(TWO("ring0_addr: 127.0.0.1\nsinew_port: 7"));

	CHECK_OR_RETURN(config);
	CHECK(ring_of(config)->has_addr);
	sinew_config_free(config);
}

static void texts_are_told_apart(void)
{
	static const struct {
		const char *text;
		enum host_kind kind;
	} all[] = {
		{ "10.0.0.1", HOST_NUMBERS }, { "::1", HOST_NUMBERS },
		{ "fe80::1%1", HOST_NUMBERS },
		{ "host", HOST_NAME }, { "host.", HOST_NAME }, { "a.b1", HOST_NAME },
		{ "1.a", HOST_NAME }, { "a.1b", HOST_NAME }, { "a.0xg", HOST_NAME },
		{ "a.1x1", HOST_NAME }, { "a.0y1", HOST_NAME }, { "0x", HOST_NAME },
		{ "x.0x", HOST_NAME },
		{ "1", HOST_WRONG }, { "a.1", HOST_WRONG }, { "a.1..", HOST_WRONG },
		{ "10.1", HOST_WRONG }, { "1.2.3.4.5", HOST_WRONG }, { "0x1", HOST_WRONG },
		{ "a.0XfA", HOST_WRONG }, { "a.0x1.", HOST_WRONG }, { ".", HOST_WRONG },
		{ "", HOST_WRONG }, { "a:b", HOST_WRONG }, { "a%b", HOST_WRONG },
		{ "fe80::1%", HOST_WRONG }, { "10.0.0.1%nosuch", HOST_WRONG },
		{ "fe80::1%nosuch", HOST_NO_INTERFACE },
		{ "0123456789012345678901234567890123456789012345%nosuch", HOST_WRONG },
	};
	struct sockaddr_storage addr;

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!CHECK_EQ(host_read(all[i].text, &addr), all[i].kind))
			printf("# \"%s\"\n", all[i].text);
}

static bool is_single(const char *text)
{
	struct sockaddr_storage addr = { 0 };

	CHECK_EQ(sinew_parse_address(text, 0, &addr), 0);
	return host_is_single(&addr);
}

static void a_machine_has_a_single_address(void)
{
	CHECK(is_single("127.0.0.1") && is_single("223.255.255.255") && is_single("::1"));
	CHECK(is_single("240.0.0.1") && is_single("255.255.255.254") && is_single("fe80::1%1"));
	CHECK(!is_single("0.0.0.0") && !is_single("::") && !is_single("255.255.255.255"));
	CHECK(!is_single("224.0.0.1") && !is_single("239.255.255.255") && !is_single("ff02::1%1"));
}

static int next_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

static void a_listener_is_tried_and_gone(void)
{
	struct sockaddr_storage addr = { 0 };
	const int before = next_fd();
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_EQ(sinew_parse_address("127.0.0.1", 0, &addr), 0);
	CHECK_EQ(host_try(&addr), 0);
	CHECK_OR_RETURN(!bind(fd, (struct sockaddr *)&addr, sizeof(struct sockaddr_in)) &&
			!listen(fd, 1) && !getsockname(fd, (struct sockaddr *)&addr, &len));
	CHECK_EQ(host_try(&addr), -EADDRINUSE);
	close(fd);
	CHECK_EQ(host_try(&addr), 0);
	CHECK_EQ(sinew_parse_address("192.0.2.1", 0, &addr), 0);
	CHECK_EQ(host_try(&addr), -EADDRNOTAVAIL);
	CHECK_EQ(next_fd(), before);
}

int main(void)
{
	RUN(each_cause_has_its_words);
	RUN(only_news_are_logged);
	RUN(another_name_is_news);
	RUN(an_address_stays_until_there_is_another);
	RUN(numbers_ask_nobody);
	RUN(two_ports_are_two_addresses);
	RUN(texts_are_told_apart);
	RUN(a_machine_has_a_single_address);
	RUN(a_listener_is_tried_and_gone);
	return check_done();
}
