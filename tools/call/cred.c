/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tools/call/cred.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/wire.h"
#include "tools/call/cipher.h"
#include "tools/clock.h"
#include "tools/command.h"
#include "tools/json.h"
#include "tools/say.h"
#include "tools/text.h"

#define KIND		1u	/* of the credentials */
#define BLANKS		" \t\r"
#define NAME_BYTES	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@"
#define TEXT_MAX	(16u + CRED_NAME_MAX)	/* what a proof is of */
#define BYTES_MAX	(CIPHER_EXTRA + CRED_NAME_MAX)

struct principal {
	struct principal *next;
	char name[CRED_NAME_MAX + 1];
	struct cipher *cipher;
	uint64_t n_begun;
};

struct creds {
	struct principal *first;
	struct sinew_node *node;
	uint64_t n_refused, n_untold;
	uint64_t told_ns;	/* when one was refused that was told */
};

/* ---- the file ---- */

static struct principal *find(const struct creds *creds, const char *name, size_t len)
{
	struct principal *p = creds->first;

	while (p && (strlen(p->name) != len || memcmp(p->name, name, len)))
		p = p->next;
	return p;
}

/* NULL, or why not. */
static const char *add(struct creds *creds, const char *name, const char *secret)
{
	size_t name_len = strlen(name), len = strlen(secret);
	struct principal *p;

	if (name_len > CRED_NAME_MAX || strspn(name, NAME_BYTES) != name_len)
		return "a name is up to 64 letters, digits and . _ - @";
	if (len < CRED_SECRET_MIN || len > CRED_SECRET_MAX)
		return "a secret has 16 to 256 bytes behind its name, best by chance: those of "
		       "openssl rand -hex 32";
	if (find(creds, name, name_len))
		return "the name has a secret already";
	p = calloc(1, sizeof(*p));
	if (!p)
		return "out of memory";
	memcpy(p->name, name, name_len);
	p->next = creds->first;
	creds->first = p;
	switch (cipher_new(secret, len, &p->cipher)) {
	case 0:
		return NULL;
	case -EOPNOTSUPP:
		return "built without nettle, which seals calls; install nettle-dev and rebuild";
	default:
		return "out of memory";
	}
}

/* "NAME SECRET", or a comment. */
static const char *take_line(struct creds *creds, char *line)
{
	char *at, *name = strtok_r(line, BLANKS, &at), *secret;

	if (!name || *name == '#')
		return NULL;
	secret = strtok_r(NULL, BLANKS, &at);
	if (!secret || strtok_r(NULL, BLANKS, &at))
		return "expected NAME SECRET";
	return add(creds, name, secret);
}

static int check_names(const struct creds *creds, const char *file, const char *name)
{
	char shown[TEXT_NAME_MAX];

	if (creds->first && (!name || find(creds, name, strlen(name))))
		return STATUS_OK;
	if (name)
		say(SINEW_ERROR, "--cred: %s has no secret of \"%s\"", file,
		    text_name(name, shown));
	else
		say(SINEW_ERROR, "--secrets: %s has no names", file);
	return STATUS_USAGE;
}

static int take_lines(struct creds *creds, const char *file, char *text)
{
	for (unsigned n = 1; text; n++) {
		char *end = strchr(text, '\n');
		const char *why;

		if (end)
			*end++ = '\0';
		why = take_line(creds, text);
		if (why) {
			say(SINEW_ERROR, "--secrets: %s:%u: %s", file, n, why);
			return STATUS_USAGE;
		}
		text = end;
	}
	return STATUS_OK;
}

/* All of it with a NUL behind, in size bytes. NULL, or why not. */
static const char *read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return strerror(errno);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return "others may use it, and who reads it can call in each of its names; "
		       "chmod 600 it";
	while ((n = read(fd, text + len, size - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		return strerror(errno);
	if (len == size)
		return "it is longer than 256 KiB";
	text[len] = '\0';
	return strlen(text) == len ? NULL : "it is no text";
}

int creds_open(const char *file, const char *name, struct creds **ret_creds)
{
	struct creds *creds = calloc(1, sizeof(*creds));
	char *text = malloc(CRED_FILE_MAX + 1);
	const char *why = "out of memory";
	int fd = -1, status = STATUS_USAGE;

	if (!creds || !text)
		goto out;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	why = fd < 0 ? strerror(errno) : read_all(fd, text, CRED_FILE_MAX + 1);
	if (!why)
		status = take_lines(creds, file, text);
	if (!status)
		status = check_names(creds, file, name);
	explicit_bzero(text, CRED_FILE_MAX + 1);
out:
	if (why)
		say(SINEW_ERROR, "--secrets: cannot use %s: %s", file, why);
	if (fd >= 0)
		close(fd);
	free(text);
	if (status)
		creds_free(creds);
	else
		*ret_creds = creds;
	return status;
}

void creds_free(struct creds *creds)
{
	while (creds && creds->first) {
		struct principal *p = creds->first;

		creds->first = p->next;
		cipher_free(p->cipher);
		free(p);
	}
	free(creds);
}

/* ---- seals ---- */

static int seal(const struct sinew_piece *piece, const void *plain, size_t len, void *sealed,
		void *user)
{
	const struct principal *p = user;

	cipher_seal(p->cipher, piece, plain, len, sealed);
	return 0;
}

static int open_it(const struct sinew_piece *piece, const void *sealed, size_t len, void *plain,
		   void *user)
{
	const struct principal *p = user;

	return cipher_open(p->cipher, piece, sealed, len, plain) ? 0 : -EBADMSG;
}

static const struct sinew_cred_ops ops = {
	.size = sizeof(ops), .extra = CIPHER_EXTRA, .seal = seal, .open = open_it,
};

/* A proof is of the name, in a session that never comes again. */
static size_t put_text(uint64_t caller, uint64_t called, const struct principal *p,
		       uint8_t text[TEXT_MAX])
{
	size_t len = strlen(p->name);

	put_le64(text, caller);
	put_le64(text + 8, called);
	memcpy(text + 16, p->name, len);
	return 16 + len;
}

/* ---- the caller ---- */

int creds_show(const struct creds *creds, const char *name, struct sinew_node *node,
	       struct sinew_calls *calls, struct sinew_session *session,
	       struct sinew_cred **ret_cred)
{
	struct principal *p = find(creds, name, strlen(name));
	uint8_t text[TEXT_MAX], bytes[BYTES_MAX];
	size_t len;

	assert(p);
	len = put_text(sinew_incarnation(node), sinew_session_incarnation(session), p, text);
	cipher_prove(p->cipher, text, len, bytes);
	len = strlen(p->name);
	memcpy(bytes + CIPHER_EXTRA, p->name, len);
	return sinew_cred_new(calls, KIND, bytes, CIPHER_EXTRA + len, &ops, p, ret_cred);
}

/* ---- the called side ---- */

/* Peers may have it said as often as they like: not more than one line a second. */
static void tell_refused(struct creds *creds, const struct sinew_session *session,
			 const char *name, const char *why)
{
	uint64_t now_ns = clock_now_ns();
	char shown[TEXT_NAME_MAX], more[64] = "";

	creds->n_refused++;
	if (creds->told_ns && now_ns - creds->told_ns < CLOCK_S) {
		creds->n_untold++;
		return;
	}
	if (creds->n_untold)
		snprintf(more, sizeof(more), " (and %" PRIu64 " more since the last such line)",
			 creds->n_untold);
	say(SINEW_WARNING, "node %" PRIu32 ": its credential in the name of \"%s\" is refused: "
	    "%s%s", sinew_session_nodeid(session), text_name(name, shown), why, more);
	creds->n_untold = 0;
	creds->told_ns = now_ns;
}

static int verify(struct sinew_session *session, uint16_t kind, const void *bytes, size_t len,
		  void **ret_principal, const struct sinew_cred_ops **ret_ops, void *user)
{
	size_t name_len = len > CIPHER_EXTRA ? len - CIPHER_EXTRA : 0;
	char name[CRED_NAME_MAX + 1] = "";
	uint8_t text[TEXT_MAX];
	struct creds *creds = user;
	struct principal *p;

	assert(kind == KIND);
	(void)kind;
	if (!name_len || name_len > CRED_NAME_MAX) {
		tell_refused(creds, session, name, "it has no name, or a longer one than any");
		return -EBADMSG;
	}
	memcpy(name, (const char *)bytes + CIPHER_EXTRA, name_len);
	p = find(creds, name, name_len);
	if (!p) {
		tell_refused(creds, session, name, "the file of --secrets does not have it");
		return -ENOENT;
	}
	len = put_text(sinew_session_incarnation(session), sinew_incarnation(creds->node), p, text);
	if (!cipher_is_proof(p->cipher, text, len, bytes)) {
		tell_refused(creds, session, name, "made by another secret than that of --secrets, "
			     "or for another session");
		return -EACCES;
	}
	*ret_principal = p;
	*ret_ops = &ops;
	return 0;
}

int creds_verify(struct creds *creds, struct sinew_node *node, struct sinew_calls *calls)
{
	creds->node = node;
	return sinew_calls_verify(calls, KIND, verify, creds);
}

struct principal *creds_count(const struct sinew_call *call)
{
	struct principal *p = sinew_call_principal(call);

	if (p)
		p->n_begun++;
	return p;
}

const char *creds_name(const struct principal *p)
{
	return p->name;
}

void creds_document(const struct creds *creds, struct json_object *document)
{
	struct json_object *all = json_put_array(document, "principals");

	for (const struct principal *p = creds->first; p; p = p->next) {
		struct json_object *o = json_element(all);

		json_put_string(o, "name", p->name);
		json_put_number(o, "begun", p->n_begun);
	}
	json_put_number(document, "creds_refused", creds->n_refused);
}
