/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of what strangers send to the control socket, and of who may do what by it, without
 * a socket. Knows nothing of what is answered.
 * run.sh: timeout=60
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/control.h"
#include "services/control_request.h"
#include "services/json.h"
#include "services/server.h"
#include "tests/lib/check.h"

/* ---- requests ---- */

static int parse(const char *text, size_t len, struct control_request *r, char *why, size_t size)
{
	struct control_error e = { 0 };
	char *copy = malloc(len ? len : 1);
	int err;

	/* Behind its end there is nothing that could be read. */
	memcpy(copy, text, len);
	err = control_request_parse(copy, len, r, &e);
	CHECK_EQ(err, e.err);
	snprintf(why, size, "%s", e.text);
	free(copy);
	return err;
}

static void takes(const char *text, enum control_asked asked)
{
	struct control_request r;
	char why[CONTROL_TEXT_MAX];

	CHECK_EQ(parse(text, strlen(text), &r, why, sizeof why), 0);
	CHECK_STR(why, "");
	CHECK_EQ(r.asked, asked);
	control_request_free(&r);
}

static void refuses_n(const char *text, size_t len, int err, const char *says)
{
	struct control_request r;
	char why[CONTROL_TEXT_MAX];

	CHECK_EQ(parse(text, len, &r, why, sizeof why), err);
	if (!strstr(why, says))
		check_fail(__FILE__, __LINE__, why);
	control_request_free(&r);
}

static void refuses(const char *text, int err, const char *says)
{
	refuses_n(text, strlen(text), err, says);
}

static void each_request_is_understood(void)
{
	struct control_request r;
	char why[CONTROL_TEXT_MAX];
	const char *text = "{\"schema\":1,\"ask\":\"status\",\"peer\":2147483647}";

	takes("{\"schema\":1,\"ask\":\"status\"}", ASKED_STATUS);
	takes(" {\"ask\":\"status\" , \"schema\":1}\n\t ", ASKED_STATUS);
	takes("{\"schema\":1,\"ask\":\"top\"}", ASKED_TOP);
	takes("{\"schema\":1,\"ask\":\"subscribers\"}", ASKED_SUBSCRIBERS);
	takes("{\"schema\":1,\"ask\":\"config-get\"}", ASKED_CONFIG_GET);
	takes("{\"schema\":1,\"ask\":\"config-get\",\"options\":[]}", ASKED_CONFIG_GET);
	takes("{\"options\":[\"a\",\"b\"],\"schema\":1,\"ask\":\"config-get\"}", ASKED_CONFIG_GET);
	takes("{\"schema\":1,\"ask\":\"config-set\",\"options\":{\"a\":\"\"}}", ASKED_CONFIG_SET);
	CHECK_EQ(parse(text, strlen(text), &r, why, sizeof why), 0);
	CHECK_EQ(r.peer, INT32_MAX);
	control_request_free(&r);
}

static void other_requests_are_refused(void)
{
	refuses("", -EINVAL, "ends too early");
	refuses("null ", -EINVAL, "no object");
	refuses("null", -EINVAL, "no JSON object: it is no object");
	refuses("7", -EINVAL, "no JSON object: it is no object");
	refuses("[]", -EINVAL, "no object");
	refuses("{}", -EINVAL, "\"schema\" is missing");
	refuses("{\"schema\":\"1\",\"ask\":\"top\"}", -EINVAL, "\"schema\" is missing or no");
	refuses("{\"schema\":1.0,\"ask\":\"top\"}", -EINVAL, "\"schema\" is missing or no");
	refuses("{\"schema\":-1,\"ask\":\"top\"}", -EINVAL, "\"schema\" is missing or no");
	refuses("{\"schema\":2,\"ask\":\"top\"}", -EPROTONOSUPPORT, "schema 2 is unknown");
	refuses("{\"schema\":0,\"ask\":\"top\"}", -EPROTONOSUPPORT, "schema 0 is unknown");
	refuses("{\"schema\":1}", -EINVAL, "\"ask\" is missing");
	refuses("{\"schema\":1,\"ask\":7}", -EINVAL, "\"ask\" is missing or no string");
	refuses("{\"schema\":1,\"ask\":\"\"}", -EINVAL, "is unknown");
	refuses("{\"schema\":1,\"ask\":\"reboot\"}", -EINVAL, "\"reboot\" is unknown");
	refuses("{\"schema\":1,\"ask\":\"top\",\"peer\":2}", -EINVAL, "\"peer\" is unknown");
	refuses("{\"schema\":1,\"ask\":\"top\",\"uid\":0}", -EINVAL, "\"uid\" is unknown");
	refuses("{\"schema\":1,\"ask\":\"status\",\"options\":[]}", -EINVAL, "is unknown");
	refuses("{\"schema\":1,\"ask\":\"status\",\"peer\":0}", -EINVAL, "\"peer\": expected");
	refuses("{\"schema\":1,\"ask\":\"status\",\"peer\":2147483648}", -EINVAL, "\"peer\"");
	refuses("{\"schema\":1,\"ask\":\"status\",\"peer\":\"2\"}", -EINVAL, "\"peer\"");
	refuses("{\"schema\":1,\"ask\":\"status\",\"peer\":null}", -EINVAL, "\"peer\"");
	refuses("{\"schema\":1,\"ask\":\"status\"}{}", -EINVAL, "");
	refuses("{\"schema\":1,\"ask\":\"status\"} x", -EINVAL, "");
	refuses("{/* */\"schema\":1,\"ask\":\"status\"}", -EINVAL, "");
	refuses("{\"schema\":1,\"ask\":\"status\",}", -EINVAL, "");
	refuses("{\"schema\":1,\"ask\":\"st\xff\"}", -EINVAL, "");
	refuses_n("{\"schema\":1,\"ask\":\"top\"}\0", 25, -EINVAL, "");
	refuses_n("{\"schema\":1,\0\"ask\":\"top\"}", 26, -EINVAL, "");
}

static void other_options_are_refused(void)
{
	refuses("{\"schema\":1,\"ask\":\"config-get\",\"options\":{}}", -EINVAL, "an array");
	refuses("{\"schema\":1,\"ask\":\"config-get\",\"options\":[1]}", -EINVAL, "number 1");
	refuses("{\"schema\":1,\"ask\":\"config-get\",\"options\":[\"a\",null]}", -EINVAL,
		"number 2");
	refuses("{\"schema\":1,\"ask\":\"config-get\",\"options\":null}", -EINVAL, "an array");
	refuses("{\"schema\":1,\"ask\":\"config-get\",\"options\":[\"a\\u0000b\"]}", -EINVAL,
		"a NUL");
	refuses("{\"schema\":1,\"ask\":\"config-set\"}", -EINVAL, "missing or empty");
	refuses("{\"schema\":1,\"ask\":\"config-set\",\"options\":{}}", -EINVAL, "empty");
	refuses("{\"schema\":1,\"ask\":\"config-set\",\"options\":[]}", -EINVAL, "an object");
	refuses("{\"schema\":1,\"ask\":\"config-set\",\"options\":{\"a\":5}}", -EINVAL,
		"\"a\" is no string");
	refuses("{\"schema\":1,\"ask\":\"config-set\",\"options\":{\"a\":[\"5\"]}}", -EINVAL,
		"\"a\" is no string");
	refuses("{\"schema\":1,\"ask\":\"config-set\",\"options\":{\"\":\"5\"}}", -EINVAL,
		"without a name");
	refuses("{\"schema\":1,\"ask\":\"config-set\",\"options\":{\"a\":\"5\\u00005\"}}", -EINVAL,
		"a NUL");
}

static void a_request_cut_anywhere_is_refused(void)
{
	static const char text[] = "{\"schema\":1,\"ask\":\"config-set\",\"options\":{\"ack_ms\":"
				   "\"5\",\"stall_ms\":\"\\u0035\"}}";
	size_t len;

	takes(text, ASKED_CONFIG_SET);
	for (len = 0; len < sizeof text - 1; len++)
		refuses_n(text, len, -EINVAL, "");
}

/* As deep and as wide as a message can be. */
static void deep_and_wide_requests_are_refused(void)
{
	static char text[SINEW_CONTROL_REQUEST_MAX];
	size_t n;

	memset(text, '[', sizeof text);
	refuses_n(text, sizeof text, -EINVAL, "");
	memcpy(text, "{\"schema\":1,\"ask\":\"config-get\",\"options\":[[", 43);
	refuses_n(text, sizeof text, -EINVAL, "");
	n = (size_t)snprintf(text, sizeof text, "{\"schema\":1,\"ask\":\"top\"");
	while (n < sizeof text - 20)
		n += (size_t)snprintf(text + n, sizeof text - n, ",\"%zx\":0", n);
	text[n++] = '}';
	refuses_n(text, n, -EINVAL, "is unknown");
}

static void so_many_options_and_no_more(void)
{
	static char text[SINEW_CONTROL_REQUEST_MAX];
	unsigned most, i;
	size_t n;

	for (most = CONTROL_OPTIONS_MAX; most <= CONTROL_OPTIONS_MAX + 1; most++) {
		n = (size_t)snprintf(text, sizeof text, "{\"schema\":1,\"ask\":\"config-set\","
				     "\"options\":{");
		for (i = 0; i < most; i++)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s\"o%u\":\"1\"",
					      i ? "," : "", i);
		snprintf(text + n, sizeof text - n, "}}");
		if (most == CONTROL_OPTIONS_MAX)
			takes(text, ASKED_CONFIG_SET);
		else
			refuses(text, -E2BIG, "at most 64");
	}
}

/* ---- rights ---- */

#define OWN	1000
#define WRITER	1001
#define OTHER	1002
#define GROUP	50

static unsigned rights(const struct control *c, uid_t uid, gid_t gid, const gid_t *groups,
		       unsigned n)
{
	const struct control_who who = { uid, gid, groups, n };

	return control_rights(c, &who);
}

static void root_and_the_own_user_may_all(void)
{
	const struct control c = { .own_uid = OWN };

	CHECK_EQ(rights(&c, 0, GROUP, NULL, 0), SERVER_READS | SERVER_WRITES);
	CHECK_EQ(rights(&c, OWN, GROUP, NULL, 0), SERVER_READS | SERVER_WRITES);
	CHECK_EQ(rights(&c, OTHER, 0, NULL, 0), 0);
	CHECK_EQ(rights(&c, OTHER, OWN, NULL, 0), 0);
}

static void others_may_as_the_options_say(void)
{
	static const gid_t with[] = { 7, GROUP }, without[] = { 7, 8 };
	struct control c = {
		.own_uid = OWN, .has_read_gid = true, .read_gid = GROUP, .n_write_uids = 1,
		.write_uids = { WRITER },
	};

	CHECK_EQ(rights(&c, WRITER, 9, NULL, 0), SERVER_READS | SERVER_WRITES);
	CHECK_EQ(rights(&c, OTHER, 9, NULL, 0), 0);
	CHECK_EQ(rights(&c, OTHER, GROUP, NULL, 0), SERVER_READS);
	CHECK_EQ(rights(&c, OTHER, 9, with, 2), SERVER_READS);
	CHECK_EQ(rights(&c, OTHER, 9, without, 2), 0);
	c.has_read_gid = false;
	CHECK_EQ(rights(&c, OTHER, GROUP, with, 2), 0);
	c.anyone_reads = true;
	CHECK_EQ(rights(&c, OTHER, 9, NULL, 0), SERVER_READS);
}

/* A number without the array, or beyond its bound, is refused. */
static void writers_are_counted(void)
{
	struct sinew_control_options opt = {
		.size = sizeof opt, .n_write_uids = 1, .has_read_gid = true, .read_gid = GROUP,
	};
	uid_t uids[SINEW_CONTROL_WRITERS_MAX + 1] = { [SINEW_CONTROL_WRITERS_MAX - 1] = WRITER };
	struct sinew_node *n = (struct sinew_node *)(void *)uids;	/* not looked at */
	struct control *c = NULL;

	CHECK_EQ(control_new(n, &opt, &c), -EINVAL);
	opt.write_uids = uids;
	opt.n_write_uids = SINEW_CONTROL_WRITERS_MAX + 1;
	CHECK_EQ(control_new(n, &opt, &c), -EINVAL);
	CHECK(!c);
	opt.n_write_uids--;
	CHECK_EQ(control_new(n, &opt, &c), 0);
	CHECK_EQ(rights(c, WRITER, 9, NULL, 0), SERVER_READS | SERVER_WRITES);
	CHECK_EQ(rights(c, OTHER, 9, NULL, 0), 0);
	CHECK_EQ(rights(c, OTHER, GROUP, NULL, 0), SERVER_READS);
	CHECK(c->began_ms > 0 && c->own_uid == geteuid() && !c->remote_status && !c->calls);
	control_free(c);
	opt.anyone_reads = opt.remote_status = true;
	CHECK_EQ(control_new(n, &opt, &c), 0);
	CHECK_EQ(rights(c, OTHER, 9, NULL, 0), SERVER_READS);
	CHECK(c->remote_status);
	control_free(c);
	CHECK_EQ(control_new(n, NULL, &c), 0);
	CHECK_EQ(rights(c, OTHER, GROUP, NULL, 0), 0);
	control_free(c);
	control_free(NULL);
	CHECK_EQ(sinew_control_serve(NULL, NULL), -EINVAL);
	opt.size--;
	CHECK_EQ(sinew_control_serve(n, &opt), -EINVAL);
}

static void the_own_user_is_the_one_in_force(void)
{
	struct sinew_node *n = (struct sinew_node *)(void *)&n;	/* not looked at */
	const uid_t before = geteuid();
	struct control *c = NULL;

	CHECK_EQ(before ? 0 : seteuid(OWN), 0);
	CHECK_EQ(control_new(n, NULL, &c), 0);
	CHECK_EQ(c->own_uid, before ? before : OWN);
	CHECK_EQ(before ? 0 : seteuid(0), 0);
	control_free(c);
}

/* ---- names ---- */

static void names_are_made_of_all_parts(void)
{
	char name[SINEW_CONTROL_NAME_MAX], longest[64];

	CHECK_EQ(sinew_control_name("demo", "sinew", 3, name, sizeof name), 18);
	CHECK_STR(name, "sinew/demo/sinew/3");
	CHECK_EQ(sinew_control_name("", "a/b \x7f", 3, name, sizeof name), 14);
	CHECK_STR(name, "sinew//a_b__/3");
	CHECK_EQ(sinew_control_name("!~", "\x80", 3, name, sizeof name), 12);
	CHECK_STR(name, "sinew/!~/_/3");
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	CHECK(sinew_control_name(longest, longest, INT32_MAX, name, sizeof name) > 0);
	CHECK(strlen(name) < sizeof name && strstr(name, "/2147483647"));
	CHECK(strlen(name) == 2 * 40 + sizeof("sinew/" "/" "/" "2147483647") - 1);
	CHECK_EQ(sinew_control_name("a", "b", 0, name, sizeof name), -EINVAL);
	CHECK_EQ(sinew_control_name("a", NULL, 1, name, sizeof name), -EINVAL);
	CHECK_EQ(sinew_control_name("a", "b", 1, NULL, sizeof name), -EINVAL);
	CHECK_EQ(sinew_control_name("a", "b", UINT32_C(1) << 31, name, sizeof name), -EINVAL);
	CHECK_EQ(sinew_control_name(NULL, "b", 1, name, sizeof name), -EINVAL);
	CHECK_EQ(sinew_control_name("a", "b", 1, name, sizeof name - 1), -ENOSPC);
}

int main(void)
{
	RUN(each_request_is_understood);
	RUN(other_requests_are_refused);
	RUN(other_options_are_refused);
	RUN(a_request_cut_anywhere_is_refused);
	RUN(deep_and_wide_requests_are_refused);
	RUN(so_many_options_and_no_more);
	RUN(root_and_the_own_user_may_all);
	RUN(others_may_as_the_options_say);
	RUN(writers_are_counted);
	RUN(the_own_user_is_the_one_in_force);
	RUN(names_are_made_of_all_parts);
	return check_done();
}
