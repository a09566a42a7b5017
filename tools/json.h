/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON as the output of a command: documents of services/json.h on a stream.
 * Knows nothing of what they say.
 */
#ifndef TOOLS_JSON_H
#define TOOLS_JSON_H

#include <stdio.h>

#include "services/json.h"

/* The text and a newline. 0, -ENOMEM, or the negative errno of writing; flushed. */
int json_print(struct json_object *document, FILE *to);
/* Takes the place of the file of that name, as file_replace() does, and is released. The same. */
int json_replace(struct json_object *document, const char *name);
/* The results: prints a document, if there is one, on standard output, and releases it. The same,
 * also for what was printed there before. */
int json_end(struct json_object *document);

#endif
