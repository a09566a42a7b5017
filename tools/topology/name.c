/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names and positions of the topology as text. Knows no connection. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/topology/topology.h"

const char *const topology_scopes[] = { "node", "cluster", NULL };

static bool number(const char **at, int base, uint64_t most, uint64_t *ret)
{
	char *end;

	if (!isxdigit((unsigned char)**at))
		return false;
	errno = 0;
	*ret = strtoull(*at, &end, base);
	if (errno || end == *at || *ret > most)
		return false;
	*at = end;
	return true;
}

static bool type_parse(const char **at, uint32_t *ret)
{
	const size_t len = strcspn(*at, ":");
	uint64_t n;
	uint32_t i;

	if (len == 3 && !strncasecmp(*at, "any", len)) {
		*at += len;
		*ret = SINEW_TOPO_ANY;
		return true;
	}
	for (i = 0; i < SINEW_TOPO_TYPE_FIRST; i++) {
		const char *name = sinew_topo_type_name(i);

		if (strlen(name) == len && !strncasecmp(*at, name, len) && name[0] != '?') {
			*at += len;
			*ret = i;
			return true;
		}
	}
	if (!number(at, 10, UINT32_MAX - 1, &n))
		return false;
	*ret = (uint32_t)n;
	return true;
}

bool name_parse(const char *text, struct name *ret)
{
	struct name name = { .upper = UINT32_MAX };
	uint64_t lower, upper;

	if (!type_parse(&text, &name.type))
		return false;
	if (!*text) {
		*ret = name;
		return true;
	}
	if (name.type == SINEW_TOPO_ANY || *text++ != ':' ||
	    !number(&text, 10, UINT32_MAX, &lower))
		return false;
	upper = lower;
	if (*text) {
		if (strncmp(text, "..", 2))
			return false;
		text += 2;
		if (!number(&text, 10, UINT32_MAX, &upper) || *text || upper < lower)
			return false;
	}
	name.lower = (uint32_t)lower;
	name.upper = (uint32_t)upper;
	*ret = name;
	return true;
}

bool name_is_of_programs(const struct name *name)
{
	return name->type >= SINEW_TOPO_TYPE_FIRST && name->type != SINEW_TOPO_ANY;
}

const char *name_text(uint32_t type, uint32_t lower, uint32_t upper, char out[NAME_TEXT_MAX])
{
	const char *name = sinew_topo_type_name(type);
	char kind[16], range[16] = "";
	char *p;

	if (name[0] == '?')
		snprintf(kind, sizeof(kind), "%" PRIu32, type);
	else
		snprintf(kind, sizeof(kind), "%s", name);
	for (p = kind; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (upper != lower)
		snprintf(range, sizeof(range), "..%" PRIu32, upper);
	snprintf(out, NAME_TEXT_MAX, "%s:%" PRIu32 "%s", kind, lower, range);
	return out;
}

bool position_parse(const char *text, struct sinew_position *ret)
{
	struct sinew_position position;

	if (!number(&text, 16, UINT64_MAX, &position.epoch) || *text++ != ':' ||
	    !number(&text, 10, UINT64_MAX, &position.index) || *text)
		return false;
	*ret = position;
	return true;
}
