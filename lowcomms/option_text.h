/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options by name and as text, by lowcomms/options.def. Knows no node.
 */
#ifndef SINEW_LOWCOMMS_OPTION_TEXT_H
#define SINEW_LOWCOMMS_OPTION_TEXT_H

#include "lowcomms/options.h"
#include "lowcomms/sinew-manage.h"

struct option;

/* NULL: there is none; none with that index any more. */
const struct option *option_find(const char *name);
const struct option *option_at(unsigned index);
const char *option_name(const struct option *o);
bool option_is_live(const struct option *o);
void option_describe(const struct option *o, struct sinew_option_info *ret);
#define OPTION_NUMBER	"a number, optionally followed by k, M or G"

/* Decimal, perhaps with k, M or G (times 1024, its square, its cube). False: no such number up to
 * most. */
bool option_parse_digits(const char *text, uint64_t most, uint64_t *ret);
/* Says what was expected instead of text; -EINVAL. */
int options_refuse_text(struct options_error *e, const char *name, const char *text,
			const char *expected);
/* The value in from, as text. */
void option_print(const struct option *o, const struct sinew_options *from, char *buf, size_t n);
/* Writes the value to the field; a text is not copied. -EINVAL: no such value. */
int option_parse(const struct option *o, const char *text, struct sinew_options *to,
		 struct options_error *e);
bool option_same(const struct option *o, const struct sinew_options *a,
		 const struct sinew_options *b);
/* Copies the field, which other threads may read by OPTION_LIVE(). */
void option_copy(const struct option *o, struct sinew_options *to,
		 const struct sinew_options *from);

#endif
