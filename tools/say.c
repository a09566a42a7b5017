/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines for people on standard error; the one file that includes libqb.
 * Knows nothing of what they are about.
 */
#include "tools/say.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/text.h"

#ifdef HAVE_LIBQB
#include <qb/qbdefs.h>
#include <qb/qblog.h>
#endif

static char prefix_text[SAY_PREFIX_MAX] = "sinew";

void say_prefix(const char *prefix)
{
	snprintf(prefix_text, sizeof(prefix_text), "%s", prefix);
}

#ifdef HAVE_LIBQB
static void open_qb(void)
{
	static bool opened;

	if (opened)
		return;
	opened = true;
	qb_log_init("sinew", LOG_USER, LOG_DEBUG);
	qb_log_ctl(QB_LOG_SYSLOG, QB_LOG_CONF_ENABLED, QB_FALSE);
	/* Not what libqb has to say about itself. */
	qb_log_filter_ctl(QB_LOG_STDERR, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, __FILE__,
			  LOG_DEBUG);
	qb_log_format_set(QB_LOG_STDERR, "%b");
	qb_log_ctl(QB_LOG_STDERR, QB_LOG_CONF_MAX_LINE_LEN, SAY_LINE_MAX);
	qb_log_ctl(QB_LOG_STDERR, QB_LOG_CONF_ENABLED, QB_TRUE);
}

static void print(enum sinew_level level, const char *line)
{
	static const uint8_t priorities[] = {
		[SINEW_ERROR] = LOG_ERR,
		[SINEW_WARNING] = LOG_WARNING,
		[SINEW_INFO] = LOG_INFO,
		[SINEW_DEBUG] = LOG_DEBUG,
	};

	open_qb();
	qb_log_from_external_source(__func__, __FILE__, "%s: %s", priorities[level], __LINE__, 0,
				    prefix_text, line);
}
#else
static void print(enum sinew_level level, const char *line)
{
	(void)level;
	fprintf(stderr, "%s: %s\n", prefix_text, line);
	fflush(stderr);
}
#endif

/*
 * A reader of standard error that went away must not end the program by
 * SIGPIPE: it has statistics to write and sessions to close. libqb throws
 * away what a second thread says meanwhile.
 */
void say_line(void *user, enum sinew_level level, const char *line)
{
	static const struct timespec at_once;
	char shown[SAY_LINE_MAX];
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	sigset_t pipe_only, before, pending;

	(void)user;
	/* Names and what peers say are part of lines. */
	text_show(line, true, shown, sizeof(shown));
	pthread_mutex_lock(&one_at_a_time);
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	print(level, shown);
	if (!sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe_only, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_mutex_unlock(&one_at_a_time);
}

void say(enum sinew_level level, const char *fmt, ...)
{
	char line[SAY_LINE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	say_line(NULL, level, line);
}
