/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hands commands of nft(8) to the kernel, of the current network namespace; by libnftables
 * where it is there. Knows no command.
 */
#ifndef TOOLS_BREAK_FIREWALL_H
#define TOOLS_BREAK_FIREWALL_H

/*
 * All of them or none. *ret_said, for free(), is their output; in case of -EPERM, CAP_NET_ADMIN is
 * missing, and of -EIO, anything else, the first line of the errors. -ENOMEM. -EOPNOTSUPP: built
 * without libnftables.
 */
int firewall_run(const char *commands, char **ret_said);

#endif
