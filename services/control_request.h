/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests of the control socket: JSON of strangers becomes a request, or an error for people that
 * names the member at fault. Does nothing, knows nothing of who asks.
 *
 *	{"schema":1,"ask":"status"}			"peer":ID: of that one alone
 *	{"schema":1,"ask":"top"}
 *	{"schema":1,"ask":"subscribers"}
 *	{"schema":1,"ask":"config-get"}			"options":["NAME",...]: these alone
 *	{"schema":1,"ask":"config-set","options":{"NAME":"VALUE",...}}
 *
 * A member that is not in its line is refused: a client that wants more than this server knows has
 * to learn it.
 */
#ifndef SINEW_SERVICES_CONTROL_REQUEST_H
#define SINEW_SERVICES_CONTROL_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#define CONTROL_SCHEMA		1	/* of requests, and of answers */
#define CONTROL_DEPTH		4	/* levels of a request */
#define CONTROL_OPTIONS_MAX	64	/* in one request */
#define CONTROL_TEXT_MAX	512	/* of an error, NUL included */

struct json_object;

enum control_asked {
	ASKED_NOTHING,		/* not understood as far as that */
	ASKED_STATUS,
	ASKED_TOP,
	ASKED_SUBSCRIBERS,
	ASKED_CONFIG_GET,
	ASKED_CONFIG_SET,
};

struct control_request {
	enum control_asked asked;
	uint32_t peer;			/* 0: all */
	struct json_object *options;	/* of the document: array of names, or object, or NULL */
	struct json_object *document;
};

/* Why a request is refused, for people, and as a negative errno. */
struct control_error {
	int err;
	char text[CONTROL_TEXT_MAX];
};

/* "status", ...; "" for ASKED_NOTHING. */
const char *control_asked_name(enum control_asked asked);

/* 0, or err with why filled; in any case control_request_free() gives ret back, whose asked is that
 * far right. -EINVAL, -E2BIG: more options than CONTROL_OPTIONS_MAX,
 * -EPROTONOSUPPORT: another schema. -ENOMEM. */
int control_request_parse(const char *json, size_t len, struct control_request *ret,
			  struct control_error *why);
void control_request_free(struct control_request *r);

/* Sets why and returns err. */
int control_error(struct control_error *why, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
