/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/option_peer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX		"peer."
#define PREFIX_LEN	(sizeof PREFIX - 1)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Of digits alone. */
static bool number(const char *text, unsigned long most, unsigned long *ret)
{
	char *end;

	if (!is_digit(*text) || strlen(text) > 10)
		return false;
	errno = 0;
	*ret = strtoul(text, &end, 10);
	return !*end && !errno && *ret && *ret <= most;
}

bool option_names_peer(const char *name, uint32_t *ret_nodeid)
{
	unsigned long n;

	if (strncmp(name, PREFIX, PREFIX_LEN) || !number(name + PREFIX_LEN, INT32_MAX, &n))
		return false;
	*ret_nodeid = (uint32_t)n;
	return true;
}

int option_get_peer(struct sinew_node *n, uint32_t nodeid, char *buf, size_t size)
{
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
	int n_addrs = sinew_peer_addrs(n, nodeid, addrs, SINEW_ADDRS_MAX);
	char text[ADDR_TEXT_MAX];
	size_t len = 0;

	if (n_addrs < 0)
		return n_addrs;
	assert(size && n_addrs <= SINEW_ADDRS_MAX);
	buf[0] = '\0';
	for (int i = 0; i < n_addrs && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? " " : "",
					addr_text_sa(&addrs[i], text));
	return 0;
}

/* ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT, which it changes. */
static int parse_addr(char *text, struct sockaddr_storage *ret)
{
	char *colon = strchr(text, ':'), *end = strchr(text, ']');
	unsigned long port = 0;

	assert(*text);
	if (*text == '[') {
		if (!end || (end[1] && end[1] != ':') || (end[1] && !number(end + 2, 65535, &port)))
			return -EINVAL;
		*end = '\0';
		text++;
	} else if (colon && !strchr(colon + 1, ':')) {
		if (!number(colon + 1, 65535, &port))
			return -EINVAL;
		*colon = '\0';
	}
	return sinew_parse_address(text, (uint16_t)port, ret);
}

static int parse_addrs(const struct sinew_option_value *v, struct sockaddr_storage *addrs,
		       unsigned *ret_n, struct options_error *e)
{
	char text[SINEW_OPTION_TEXT_MAX], *at = text, *next;
	unsigned n = 0;

	if (strlen(v->text) >= sizeof text)
		return options_refuse(e, -EINVAL, v->name, "the addresses are too long");
	strcpy(text, v->text);
	while (*(at += strspn(at, " \t"))) {
		next = at + strcspn(at, " \t");
		next += *next && !(*next = '\0');
		if (n == SINEW_ADDRS_MAX)
			return options_refuse(e, -EINVAL, v->name, "expected at most 8 addresses");
		if (parse_addr(at, &addrs[n]))
			return options_refuse(e, -EINVAL, v->name, "expected addresses in "
					      "numbers, each ADDRESS, ADDRESS:PORT or "
					      "[ADDRESS]:PORT");
		n++;
		at = next;
	}
	*ret_n = n;
	return 0;
}

/* For people: strerror() speaks of files. */
static const char *cause(int err)
{
	switch (err) {
	case -ENOENT:
		return "there is no such peer";
	case -EEXIST:
		return "it was added by somebody else at the same time";
	case -ENOSPC:
		return "there are as many peers as max_peers allows";
	case -EINVAL:
		return "expected addresses that can be connected to, link-local ones with their "
		       "interface, as in fe80::1%eth0";
	case -ESHUTDOWN:
		return "the node is closing, or this peer is: it may be added when it is gone";
	}
	return strerror(-err);
}

int option_set_peer(struct sinew_node *n, uint32_t nodeid, const struct sinew_option_value *v,
		    struct options_error *e)
{
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
	unsigned n_addrs = 0;
	int err;

	if (n->opt.membership != SINEW_MEMBERSHIP_STATIC)
		return options_refuse(e, -EROFS, v->name,
				      "the peers come from the cluster's membership");
	if (nodeid == n->opt.nodeid)
		return options_refuse(e, -EROFS, v->name, "the own addresses need a new start");
	err = parse_addrs(v, addrs, &n_addrs, e);
	if (err)
		return err;
	assert(n_addrs <= SINEW_ADDRS_MAX);
	if (!n_addrs)
		err = sinew_peer_remove(n, nodeid);
	else
		err = sinew_peer_set_addrs(n, nodeid, addrs, n_addrs);
	/* Another thread may do the same meanwhile: it says -EEXIST then. */
	if (n_addrs && err == -ENOENT)
		err = sinew_peer_add(n, nodeid, addrs, n_addrs);
	return err ? options_refuse(e, err, v->name, cause(err)) : 0;
}
