/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hands commands of nft(8) to the kernel, of the current network namespace; by libnftables
 * where it is there. Knows no command.
 */
#ifndef TOOLS_BREAK_FIREWALL_H
#define TOOLS_BREAK_FIREWALL_H

struct firewall;

/* -EOPNOTSUPP: built without libnftables. -ENOMEM. */
int firewall_open(struct firewall **ret_firewall);
void firewall_close(struct firewall *f);
/*
 * All of them or none. -EPERM: CAP_NET_ADMIN is missing. -EIO: something else, which
 * firewall_error() says in words, valid until the next call.
 */
int firewall_run(struct firewall *f, const char *commands);
const char *firewall_error(const struct firewall *f);
/* The output of the last commands, valid until the next call. */
const char *firewall_output(const struct firewall *f);

#endif
