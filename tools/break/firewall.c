/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hands commands of nft(8) to the kernel; the one file that includes libnftables.
 * Knows no command.
 */
#include "tools/break/firewall.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_NFTABLES
#include <nftables/libnftables.h>

struct firewall {
	struct nft_ctx *nft;
	char error[200];
};

int firewall_open(struct firewall **ret_firewall)
{
	struct firewall *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!f->nft || nft_ctx_buffer_output(f->nft) || nft_ctx_buffer_error(f->nft)) {
		firewall_close(f);
		return -ENOMEM;
	}
	*ret_firewall = f;
	return 0;
}

void firewall_close(struct firewall *f)
{
	if (!f)
		return;
	if (f->nft)
		nft_ctx_free(f->nft);
	free(f);
}

int firewall_run(struct firewall *f, const char *commands)
{
	const char *said;

	f->error[0] = '\0';
	if (!nft_run_cmd_from_buffer(f->nft, commands))
		return 0;
	/* The first line says what, the others show where in the commands. */
	said = nft_ctx_get_error_buffer(f->nft);
	snprintf(f->error, sizeof(f->error), "%.*s", (int)strcspn(said, "\n"), said);
	return strstr(said, strerror(EPERM)) ? -EPERM : -EIO;
}

const char *firewall_error(const struct firewall *f)
{
	return f->error;
}

const char *firewall_output(const struct firewall *f)
{
	return nft_ctx_get_output_buffer(f->nft);
}

#else

int firewall_open(struct firewall **ret_firewall)
{
	(void)ret_firewall;
	return -EOPNOTSUPP;
}

void firewall_close(struct firewall *f)
{
	(void)f;
}

int firewall_run(struct firewall *f, const char *commands)
{
	(void)f;
	(void)commands;
	return -EOPNOTSUPP;
}

const char *firewall_error(const struct firewall *f)
{
	(void)f;
	return "";
}

const char *firewall_output(const struct firewall *f)
{
	(void)f;
	return "";
}
#endif
