/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of the lines that are no frames.
 * Knows nothing of when they are printed.
 */
#ifndef TOOLS_DUMP_NOTES_H
#define TOOLS_DUMP_NOTES_H

#define NOTE_OPENED	"opened"
#define NOTE_JOINED	"joined"	/* the capture begins in the middle of the connection */
#define NOTE_FINISHED	"finished"
#define NOTE_RESET	"reset"
#define NOTE_REPLACED	"replaced"
#define NOTE_FORGOTTEN	"forgotten"
#define NOTE_TCP_AGAIN	"tcp-again"
#define NOTE_SCTP_AGAIN	"sctp-again"
#define NOTE_HOLE	"hole"
#define NOTE_PARTIAL	"partial"	/* the beginning of a header */
#define NOTE_SKIPPED	"skipped"
#define NOTE_MALFORMED	"malformed"

#endif
