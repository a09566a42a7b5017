/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: a configuration file of any bytes: its syntax, the section sinew { }
 * and the list of nodes. A refusal must have a text that says where.
 * Knows nothing of names: it resolves none and opens no socket.
 */
#define FUZZ_NAME "config"
#include <errno.h>

#include "membership/config.h"
#include "membership/section.h"
#include "membership/static.h"

#include "tests/fuzz/input.h"

#define FILE_NAME	"f.conf"

struct seen {
	unsigned depth, n_items, line;
	struct section section;
};

static void valid_error(const char *text, size_t room, int rc)
{
	size_t n = strnlen(text, room);

	MUST(n < room);
	MUST(rc == -EINVAL || rc == -ENOMEM);
	/* Cut off at its end in a small room, but never without its beginning. */
	MUST(rc != -EINVAL || !strncmp(text, FILE_NAME ":", n < 7 ? n : 7));
	MUST(rc != -EINVAL || room < 20 || n > 10);
}

/* Strings of items are within their limits, and sections open before they close. */
static int take(void *user, const struct config_item *item, struct config_error *err)
{
	struct seen *s = user;

	MUST(strlen(item->path) < CONFIG_PATH_MAX && strlen(item->key) < CONFIG_LINE_MAX);
	MUST(strlen(item->value) < CONFIG_LINE_MAX);
	MUST(item->line >= s->line && item->line);
	s->line = item->line;
	s->n_items++;
	switch (item->kind) {
	case CONFIG_OPEN:
		MUST(++s->depth <= CONFIG_DEPTH_MAX && *item->path);
		return 0;
	case CONFIG_CLOSE:
		MUST(s->depth-- && *item->path);
		return 0;
	case CONFIG_VALUE:
		MUST(*item->key);
		break;
	}
	return strcmp(item->path, "sinew") ? 0 : section_take(&s->section, item, err);
}

static void syntax(const char *text, size_t n, size_t room)
{
	char *words = malloc(room);
	struct config_error err = { FILE_NAME, words, room };
	struct sinew_options opt;
	static struct seen s;
	int rc;

	MUST(words);
	memset(words, 'x', room);
	s = (struct seen) { 0 };
	rc = config_parse(text, n, take, &s, &err);
	if (!rc) {
		MUST(s.depth == 0);
		rc = section_check(&s.section, &err);
	}
	if (rc) {
		valid_error(words, room, rc);
	} else {
		sinew_options_init(&opt, sizeof opt);
		section_apply(&s.section, &opt);
	}
	free(words);
}

static void nodes(const char *text, size_t n, size_t room)
{
	char *words = malloc(room);
	struct sinew_config *config = NULL;
	uint32_t ids[8];
	unsigned n_nodes;
	int rc;

	MUST(words);
	memset(words, 'x', room);
	rc = sinew_config_parse(FILE_NAME, text, n, &config, words, room);
	MUST(!rc == !!config);
	if (rc) {
		valid_error(words, room, rc);
	} else {
		n_nodes = sinew_config_nodes(config, ids, 8);
		MUST(n_nodes && n_nodes <= STATIC_NODES_MAX);
		for (unsigned i = 0; i < n_nodes && i < 8; i++) {
			MUST(ids[i]);
			MUST(sinew_config_name(config, ids[i]));
			for (unsigned k = 0; k < i; k++)
				MUST(ids[i] != ids[k]);
		}
		MUST(strlen(sinew_config_cluster(config)) < SINEW_NAME_MAX);
	}
	sinew_config_free(config);
	free(words);
}

/* A number within its limits, or untouched. */
static void number(const char *text, size_t n)
{
	char copy[40];
	uint64_t v;
	int rc;

	n = n < sizeof copy - 1 ? n : sizeof copy - 1;
	memcpy(copy, text, n);
	copy[n] = 0;
	for (int suffixes = 0; suffixes < 2; suffixes++) {
		v = 3;
		rc = config_number(copy, suffixes, 10, 1u << 30, &v);
		MUST(rc == 0 ? v >= 10 && v <= 1u << 30 : v == 3);
		MUST(rc == 0 || rc == -EINVAL || rc == -ERANGE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct input in = { p, n };
	/* The room for errors is chosen by the first byte, from 1 to a good size. */
	uint8_t first = input_u8(&in);
	size_t room = first < '0' ? first + 1u : SINEW_CONFIG_ERROR_MAX;
	char *text = (char *)input_copy(in.p, in.left);

	syntax(text, in.left, room);
	nodes(text, in.left, room);
	number(text, in.left);
	free(text);
	return 0;
}

#include "tests/fuzz/replay.h"
