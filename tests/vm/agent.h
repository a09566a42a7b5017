/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns what the files of the agent share: the program in a guest with a real kernel, which is
 * its daemon and its application at once. tests/vm/agent.c has the lines that it understands.
 */
#ifndef SINEW_VM_AGENT_H
#define SINEW_VM_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <libdlm.h>

#define CLUSTER "/sys/kernel/config/dlm/cluster"
#define LOCKSPACES "/sys/kernel/dlm"

enum {
	WORDS_MAX = 16,
	LINE_LEN = 1024,
	PATH_LEN = 512,
	SPACES_MAX = 16,
	LOCKS_MAX = 256,
	TAG_LEN = 32,
	ID_LEN = 16,
	MEMBERS_LEN = 256,
};

/* A line from the host, cut into words. */
struct command {
	int n_words;
	char *word[WORDS_MAX];
	char text[LINE_LEN];	/* what the words point into */
	char line[LINE_LEN];	/* uncut */
};

/* Each runs on a thread of its own; 0 or a negative errno. */
typedef int command_fn(const struct command *c);

/* ---- agent.c ---- */

/* One line to the host, from any thread. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* An optional word, or NULL. */
const char *word_or_null(const struct command *c, int i);
/* Continues with a copy of the command on another thread, which frees it by free(). */
int go_on(void *(*run)(void *command), const struct command *c);
int64_t now_ms(void);

/* ---- agent_config.c: what dlm_controld does, by configfs, sysfs and uevents ---- */

command_fn command_cluster, command_attr, command_comm, command_nocomm;
/* Writes a text to a file of the kernel. 0 or a negative errno. */
int put(const char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The members of a lockspace, as "NODEID[:WEIGHT],...": exactly these from now on. */
int config_members(const char *space, const char *members);
/* Forgets a lockspace that was left. */
void config_drop_space(const char *space);
/* Removes the addresses of all nodes, or of all others; with all of them, the cluster too. */
int config_drop_comms(bool others_alone);
/* Our nodeid, as a word: "" before its comm. */
const char *config_own(void);
/* Answers the kernel when a lockspace is joined or left. Never returns. */
void *config_uevents(void *unused);

/* ---- agent_space.c: lockspaces ---- */

struct space {
	char name[DLM_LOCKSPACE_LEN + 1];	/* "": this entry is free */
	char id[ID_LEN];
	char members[MEMBERS_LEN];		/* "": the host answers the uevent */
	dlm_lshandle_t handle;			/* NULL: not created, or released */
	int n_users;				/* calls with the handle, now */
	bool creating;
	bool releasing;
};

command_fn command_members, command_stop, command_start, command_create, command_release,
	command_purge, command_reset;
/* A copy, for the uevent of its name; false: unknown. */
bool space_of(const char *name, struct space *ret_space);
/* The handle of a lockspace that was created, which stays until space_done(); or NULL. */
dlm_lshandle_t space_use(const char *name);
void space_done(const char *name);
void spaces_show(void);

/* ---- agent_lock.c: locks ---- */

command_fn command_lock, command_convert, command_unlock, command_loop;
void locks_show(void);
/* Unlocks those of a lockspace, and waits for that, but not for ever. */
void locks_unlock(const char *space);
/* The locks of a lockspace are gone, or will be: whoever waits for one gives up. */
void locks_forget(const char *space);

#endif
