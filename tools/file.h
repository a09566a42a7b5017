/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that a tool writes, perhaps as root and in a folder where anybody may write: a new file
 * takes the place of the old one. A link or a file that somebody else has put there is never
 * written to. Knows nothing of what is in them.
 *
 * A link is followed if it is the user's own or root's: then what it leads to is replaced, and not
 * the link; else -EACCES. Devices, pipes and what lies in /proc and /dev/fd are written to.
 */
#ifndef TOOLS_FILE_H
#define TOOLS_FILE_H

#include <stdbool.h>
#include <stdio.h>

/* 0 if a file of that name can be written now, else a negative errno. */
int file_try(const char *name);
/* It cannot be replaced: what is written comes behind what was. */
bool file_is_special(const char *name);
/* Text and a newline are all that it has, from one moment to the next. Negative errno. */
int file_replace(const char *name, const char *text);
/* Empty, to be written bit by bit; for fclose(). Negative errno. */
int file_create(const char *name, FILE **ret_file);

#endif
