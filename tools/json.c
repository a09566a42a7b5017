/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON as the output of a command.
 * Knows nothing of what it says.
 */
#include "tools/json.h"

#include <errno.h>

#include "tools/file.h"

int json_print(struct json_object *document, FILE *to)
{
	const char *text = json_text(document);

	if (!text)
		return -ENOMEM;
	errno = EIO;
	if (fputs(text, to) < 0 || fputc('\n', to) < 0 || fflush(to))
		return -errno;
	return 0;
}

int json_replace(struct json_object *document, const char *name)
{
	const char *text = json_text(document);
	int rc = text ? file_replace(name, text) : -ENOMEM;

	json_free(document);
	return rc;
}

int json_end(struct json_object *document)
{
	int rc = document ? json_print(document, stdout) : 0;

	json_free(document);
	errno = EIO;
	return rc || (!fflush(stdout) && !ferror(stdout)) ? rc : -errno;
}
