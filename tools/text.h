/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text that others have made, so that a terminal only shows it: no control byte, and nothing that
 * turns the direction of what is around it. Knows nothing of where it comes from.
 */
#ifndef TOOLS_TEXT_H
#define TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define TEXT_NAME_MAX	256	/* of a name that is escaped, NUL included */
#define TEXT_ESCAPE	4	/* bytes of "\x1b" */

/* How many bytes at p are a run that can be shown as it is: printable ASCII, and whole characters
 * of UTF-8 but controls. A tab is none. */
size_t text_plain(const char *p, size_t n);
/* "\x1b" of a byte, without a NUL. */
void text_escape(char byte, char out[TEXT_ESCAPE]);
/* The text with all that is not plain escaped, tabs but for keep_tabs included; what does not fit
 * in size bytes with the NUL is cut off, never in an escape. Returns out. */
const char *text_show(const char *text, bool keep_tabs, char *out, size_t size);
/* The same as text_show() for a name, without tabs. */
const char *text_name(const char *name, char out[TEXT_NAME_MAX]);

#endif
