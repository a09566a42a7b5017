/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Words to the service manager that has started us, as systemd's sd_notify(3) says them.
 * Knows nothing of when they are true.
 */
#ifndef TOOLS_NOTIFY_H
#define TOOLS_NOTIFY_H

/* "READY=1" or "STOPPING=1"; nothing happens where nobody asked for it by $NOTIFY_SOCKET. */
void notify(const char *word);

#endif
