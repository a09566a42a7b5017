/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the naive model; knows nothing of positions, laps or gaps. */
#include "tests/lib/ring_model.h"

struct model m;
uint8_t payload[PAYLOAD_MAX], wire[WIRE_FRAME_MAX + 64];

uint32_t rnd(uint32_t n)
{
	m.rng ^= m.rng << 13;
	m.rng ^= m.rng >> 7;
	m.rng ^= m.rng << 17;
	return n ? (uint32_t)((m.rng >> 20) % n) : 0;
}

uint8_t byte_of(uint32_t salt, size_t i)
{
	return (uint8_t)(salt * 31 + i * 7 + (i >> 8));
}

void fill(uint8_t *p, uint32_t salt, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		p[i] = byte_of(salt, i);
}

size_t acked_offset(void)
{
	return m.acked ? m.frames[m.acked - 1].end : 0;
}

size_t freed_offset(void)
{
	size_t k = m.acked;

	while (k && !m.frames[k - 1].last)
		k--;
	return k ? m.frames[k - 1].end : 0;
}

void add_frame(const uint8_t *head, size_t head_len, const uint8_t *body, size_t n, bool last)
{
	uint8_t *p = m.stream + m.filled;

	memcpy(p, head, head_len);
	if (n)
		memcpy(p + head_len, body, n);
	m.frames[m.n_frames++] = (struct mframe) { m.filled, m.filled + head_len + n, last };
	m.filled += head_len + n;
}

void add_message(size_t len, uint32_t salt)
{
	struct mmessage *msg = &m.messages[m.n_messages++];
	size_t body = m.max_frame - WIRE_FRAG_OVERHEAD;

	msg->len = len;
	msg->salt = salt;
	msg->first_frame = m.n_frames;
	fill(payload, salt, 0, len);
	if (len + WIRE_MSG_OVERHEAD <= m.max_frame) {
		wire_put_msg(wire, NODEID, m.first_seq + (uint32_t)m.n_frames, len);
		add_frame(wire, WIRE_MSG_OVERHEAD, payload, len, true);
	} else {
		for (size_t off = 0; off < len; off += body) {
			size_t n = len - off < body ? len - off : body;

			wire_put_frag(wire, NODEID, m.first_seq + (uint32_t)m.n_frames, n,
				      (uint32_t)len, (uint32_t)off);
			add_frame(wire, WIRE_FRAG_OVERHEAD, payload + off, n, off + n == len);
		}
	}
	msg->end = m.filled;
}

void add_call(size_t len, uint32_t salt)
{
	fill(payload, salt, 0, len);
	wire_put_whole(wire, NODEID, m.first_seq + (uint32_t)m.n_frames, len, WIRE_CALL);
	add_frame(wire, WIRE_MSG_OVERHEAD, payload, len, true);
}

void model_wish(size_t need, bool slot)
{
	m.want_slot = slot && (!m.want || m.want_slot);
	if (!m.want || need < m.want)
		m.want = need;
	m.wished = true;
}

void flush_pending(void)
{
	unsigned n = 0;

	while (n < m.n_pending && m.pending[n].state != OPEN) {
		if (m.pending[n].state == DONE)
			add_message(m.pending[n].len, m.pending[n].salt);
		n++;
	}
	memmove(m.pending, m.pending + n, (m.n_pending - n) * sizeof m.pending[0]);
	m.n_pending -= n;
	if (n)
		m.want_slot = false;
	if (m.n_pending == 0)
		m.reserved = 0;
}

size_t mid_frame(void)
{
	if (m.half_end)
		return m.half_end - m.sent;
	for (size_t i = m.acked; i < m.n_frames && m.frames[i].begin < m.sent; i++)
		if (m.frames[i].end > m.sent)
			return m.frames[i].end - m.sent;
	return 0;
}

size_t count_acked(size_t frames)
{
	size_t n = m.n_acked;

	while (n < m.n_messages && m.messages[n].end <= (frames ? m.frames[frames - 1].end : 0))
		n++;
	return n;
}

size_t frames_handed(void)
{
	size_t n = m.acked;

	while (n < m.n_frames && m.frames[n].end <= m.high)
		n++;
	return n;
}

size_t expected_out(uint8_t *out, size_t max)
{
	size_t n = 0, from = m.sent, part;

	if (m.half_end) {
		n = m.half_end - m.sent < max ? m.half_end - m.sent : max;
		memcpy(out, m.stream + m.sent, n);
		from = acked_offset();
	}
	part = m.filled - from < max - n ? m.filled - from : max - n;
	memcpy(out + n, m.stream + from, part);
	return n + part;
}

uint64_t model_sent(size_t n)
{
	uint64_t again = 0;
	size_t from;

	if (m.half_end && n < m.half_end - m.sent) {
		m.sent += n;
		return 0;
	}
	if (m.half_end) {
		n -= m.half_end - m.sent;
		m.sent = acked_offset();
		m.half_end = 0;
		again++;
	}
	from = m.sent;
	m.sent += n;
	for (size_t i = m.acked; i < m.n_frames && m.frames[i].end <= m.sent; i++)
		again += m.frames[i].end > from && m.frames[i].end <= m.high;
	if (m.sent > m.high)
		m.high = m.sent;
	m.n_again += again;
	return again;
}

void model_ack(size_t k)
{
	size_t mid = mid_frame();

	m.acked = k;
	m.n_acked = count_acked(k);
	if (m.half_end || m.sent >= acked_offset())
		return;
	if (mid) {
		m.half_end = m.sent + mid;
		m.n_half++;
	} else {
		m.sent = acked_offset();
	}
}

size_t n_behind(void)
{
	size_t n = 0;

	for (unsigned i = 0; i < m.n_pending; i++)
		n += m.pending[i].state == DONE;
	return n;
}

bool message_of(size_t i, size_t *ret_len, uint32_t *ret_salt)
{
	if (i < m.n_messages) {
		*ret_len = m.messages[i].len;
		*ret_salt = m.messages[i].salt;
		return true;
	}
	i -= m.n_messages;
	for (unsigned k = 0; k < m.n_pending; k++) {
		if (m.pending[k].state != DONE || i--)
			continue;
		*ret_len = m.pending[k].len;
		*ret_salt = m.pending[k].salt;
		return true;
	}
	return false;
}
