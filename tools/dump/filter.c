/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports, nodes and kinds of frames that are wanted.
 * Knows nothing of how they are printed.
 */
#include "tools/dump/filter.h"

#include <string.h>

#include "proto/wire.h"
#include "tools/dump/dlm.h"

#define PORT_KERNEL	21064
#define PORT_NATIVE	21065
#define KIND_NOTE	"NOTE"
#define KIND_MARKED	"MARKED"

static bool is_kind(const char *name)
{
	uint32_t i;

	if (!strcmp(name, KIND_NOTE) || !strcmp(name, KIND_MARKED))
		return true;
	for (i = 1; i <= UINT8_MAX; i++)
		if (!strcmp(name, wire_cmd_name((uint8_t)i)) && strcmp(name, "unknown"))
			return true;
	for (i = DLM_MSG_REQUEST; i <= DLM_MSG_PURGE; i++)
		if (!strcmp(name, dlm_msg_type_name(i)))
			return true;
	for (i = DLM_RCOM_STATUS; i <= DLM_RCOM_LOCK_REPLY; i++)
		if (!strcmp(name, dlm_rcom_type_name(i)))
			return true;
	return false;
}

bool filter_kinds(struct filter *f, const char *text)
{
	size_t len;

	for (;;) {
		len = strcspn(text, ",");
		if (len >= FILTER_KIND_TEXT || f->n_kinds == FILTER_KINDS_MAX)
			return false;
		memcpy(f->kinds[f->n_kinds], text, len);
		f->kinds[f->n_kinds][len] = '\0';
		if (!is_kind(f->kinds[f->n_kinds]))
			return false;
		f->n_kinds++;
		if (!text[len])
			return true;
		text += len + 1;
	}
}

bool filter_port(const struct filter *f, uint16_t from, uint16_t to)
{
	unsigned i;

	if (!f->n_ports)
		return from == PORT_KERNEL || to == PORT_KERNEL || from == PORT_NATIVE ||
		       to == PORT_NATIVE;
	for (i = 0; i < f->n_ports; i++)
		if (from == f->ports[i] || to == f->ports[i])
			return true;
	return false;
}

static bool is_marked(const struct record *r)
{
	return r->marks.again || r->marks.gap || r->marks.dup_ack || r->marks.restart || r->hole ||
	       r->frame->malformed[0] || r->n < r->frame->length;
}

static bool is_of_kind(const struct record *r, const char *kind)
{
	if (!r->frame)
		return !strcmp(kind, KIND_NOTE);
	if (!strcmp(kind, KIND_MARKED))
		return is_marked(r);
	return !strcmp(kind, r->frame->kind) ||
	       (r->frame->profile == DESCRIBE_KERNEL && !strcmp(kind, r->frame->type));
}

bool filter_record(const struct filter *f, const struct record *r)
{
	unsigned i;

	if (f->node && r->from_node != f->node && r->to_node != f->node)
		return false;
	for (i = 0; i < f->n_kinds; i++)
		if (is_of_kind(r, f->kinds[i]))
			return true;
	return !f->n_kinds;
}
