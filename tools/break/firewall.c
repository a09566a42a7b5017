/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hands commands of nft(8) to the kernel; the one file that includes libnftables.
 * Knows no command.
 */
#include "tools/break/firewall.h"

#include <errno.h>
#include <string.h>

#ifdef HAVE_NFTABLES
#include <nftables/libnftables.h>

static int run(struct nft_ctx *nft, const char *commands, char **ret_said)
{
	const char *said;
	int rc = 0;

	if (nft_ctx_buffer_output(nft) || nft_ctx_buffer_error(nft))
		return -ENOMEM;
	if (nft_run_cmd_from_buffer(nft, commands)) {
		said = nft_ctx_get_error_buffer(nft);
		rc = strstr(said, strerror(EPERM)) ? -EPERM : -EIO;
		/* The first line says what, the others show where in the commands. */
		*ret_said = strndup(said, strcspn(said, "\n"));
	} else {
		*ret_said = strdup(nft_ctx_get_output_buffer(nft));
	}
	return *ret_said ? rc : -ENOMEM;
}

int firewall_run(const char *commands, char **ret_said)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	int rc;

	if (!nft)
		return -ENOMEM;
	rc = run(nft, commands, ret_said);
	nft_ctx_free(nft);
	return rc;
}
#else
int firewall_run(const char *commands, char **ret_said)
{
	(void)commands;
	(void)ret_said;
	return -EOPNOTSUPP;
}
#endif
