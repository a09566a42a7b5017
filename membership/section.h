/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The own sections of options in a configuration file: "sinew { }" with a key for each option of
 * sinew.h that belongs there, and "calls { }". Knows nothing of nodes and of the rest of the file.
 */
#ifndef MEMBERSHIP_SECTION_H
#define MEMBERSHIP_SECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "lowcomms/sinew.h"
#include "membership/config.h"

#define SECTION_KEYS_MAX	32

/* The values of the file; zero it to begin. */
struct section {
	struct sinew_options values;		/* first; only the fields whose key was found */
	unsigned lines[SECTION_KEYS_MAX];	/* of each key of the table; 0: not found */
	char group[SINEW_NAME_MAX];
	char transport[16];
	char fence_command[256];		/* "": none */
	uint32_t fence_timeout_ms;		/* 0: not said */
	struct {
		uint32_t slots, window;		/* the same */
	} calls;
	bool fence_hold;
};

/* Takes one "key: value". -EINVAL after config_fail(). */
int section_take(struct section *s, const struct config_item *item, struct config_error *err);
/* Checks what belongs together, when all keys were taken. -EINVAL after config_fail(). */
int section_check(const struct section *s, struct config_error *err);
/* Copies what was found into opt; its strings stay in s. */
void section_apply(const struct section *s, struct sinew_options *opt);
/* Whether an option of that name is a key of a section. */
bool section_has(const char *name);
/* The value of such an option as text; false: the file has none. That of the section "calls" are
 * "calls.KEY". */
bool section_text(const struct section *s, const char *name, char *buf, size_t size);

#endif
