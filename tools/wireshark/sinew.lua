-- SPDX-License-Identifier: LGPL-2.1-or-later
--
-- A dissector for Wireshark and tshark: the frames of sinew, and those of the Linux kernel's lock
-- manager (DLM 3.2 and 3.1) on the same ports. It owns the framing, all fields but those of MSG,
-- which it gives to Wireshark's own dissector, and the numbers: which message was repeated where,
-- and which frame acknowledged it, over all connections of a session; which frames belong to a
-- call, and how long it took. It judges nobody: a repeated number after a reset is as it should be.
--
--	tshark -X lua_script:sinew.lua -r FILE
--	tshark -r FILE                            (where it is installed)
--
-- The source of all layouts is proto/wire.h, of calls services/call_wire.h; proto/SESSION.md has
-- the meaning of frames. It runs in Lua 5.2 to 5.4, so it uses no operators for bits.

local sinew = Proto("sinew", "sinew messages")

-- Wireshark's own dissector of the lock manager has no name; its port leads to it.
local DLM_PORT = 21064
local tcp_ports = DissectorTable.get("tcp.port")
local sctp_ports = DissectorTable.get("sctp.port")
-- SCTP in user land is in UDP packets between the same ports (RFC 6951).
local udp_ports = DissectorTable.get("udp.port")
local in_udp = Dissector.get("sctp")
local stock = {
	tcp = tcp_ports:get_dissector(DLM_PORT),
	sctp = sctp_ports:get_dissector(DLM_PORT),
}

local HEADER = 16		-- bytes that every packet begins with
local OPTS = 24			-- an envelope without TLVs
local TLV = 4			-- type and length
local NAME_MAX = 64		-- a name with its NUL
local DLM_MAX = 4096		-- the longest packet of a kernel
local TLVS_PLAUSIBLE = 1024	-- behind garbage, an envelope with more is taken for garbage, too
local NATIVE = 0x31574e53	-- u of a native inner header, "SNW1"
local NUMBERS = 0x100000000	-- sequence numbers are counted modulo this
local VERSIONS = { [0x00030001] = "3.1", [0x00030002] = "3.2" }
local CMD = { MSG = 1, RCOM = 2, OPTS = 3, ACK = 4, FIN = 5 }
local NOBODY = ("0"):rep(16)	-- no incarnation

-- Limits of what is shown and kept.
local ACKNOWLEDGED_MAX = 4096	-- numbers listed in one frame
local SENT_MAX = 64		-- repetitions listed in one frame
local INFO_MAX = 1000		-- bytes of the column Info
local PREFIX_MAX = 65535	-- bytes of a frame that an SCTP message cut
local PREFIXES_MAX = 0x4000000	-- bytes of all of them

---- names ----

local CMD_NAMES = { "MSG", "RCOM", "OPTS", "ACK", "FIN", [0x40] = "DATA", [0x41] = "HELLO",
	[0x42] = "FRAGMENT", [0x43] = "REFUSE", [0x44] = "LEAVING", [0x45] = "PROBE",
	[0x46] = "PROBE_REPLY", [0x47] = "STATUS", [0x48] = "CALL" }
local REASONS = { "STALE", "FAILED", "CLOSED", "LEAVING", "CLUSTER", "VERSION", "FEATURE",
	"PROTOCOL", "IDENTITY", "CLAIMED" }
local TLV_NAMES = { "FRAGMENT", "GROUP", "LIMITS", "PATH", "PADDING", "CALLS" }
local CALL_KINDS = { "BEGIN", "PIECE", "REPLY", "ACCEPT", "CREDIT", "ABORT", "END", "BIND",
	"UNBIND", "UNCRED", "CRED", "SLOTS", "QUERY", "STATE" }
local CALL_REASONS = { "BUSY", "ABORTED", "NO_SERVICE", "NO_OP", "CREDENTIAL", "TOO_BIG",
	"CLOSING", "DEADLINE", "CONFIRM" }
local CALL_STATES = { [0] = "UNKNOWN", "WAITING", "SHOWN", "ACCEPTED", "REPLIED", "STOPPING" }
local CALL_SEEN = { [0] = "never-shown", "shown", "had-finished" }
-- The numbers of AF_RXRPC and rxgen; an application has others of its own.
local CALL_CODES = { [-1] = "RX_CALL_DEAD", [-2] = "RX_INVALID_OPERATION", [-3] = "RX_CALL_TIMEOUT",
	[-4] = "RX_EOF", [-5] = "RX_PROTOCOL_ERROR", [-6] = "RX_USER_ABORT", [-7] = "RX_ADDRINUSE",
	[-8] = "RX_DEBUGI_BADTYPE", [-450] = "RXGEN_CC_MARSHAL", [-451] = "RXGEN_CC_UNMARSHAL",
	[-452] = "RXGEN_SS_MARSHAL", [-453] = "RXGEN_SS_UNMARSHAL", [-454] = "RXGEN_DECODE",
	[-455] = "RXGEN_OPCODE", [-456] = "RXGEN_SS_XDRFREE", [-457] = "RXGEN_CC_XDRFREE" }
local MSG_TYPES = { "REQUEST", "CONVERT", "UNLOCK", "CANCEL", "REQUEST_REPLY", "CONVERT_REPLY",
	"UNLOCK_REPLY", "CANCEL_REPLY", "GRANT", "BAST", "LOOKUP", "REMOVE", "LOOKUP_REPLY", "PURGE" }
local RCOM_TYPES = { "STATUS", "NAMES", "LOOKUP", "LOCK", "STATUS_REPLY", "NAMES_REPLY",
	"LOOKUP_REPLY", "LOCK_REPLY" }
local MODES = { [-1] = "IV", [0] = "NL", "CR", "CW", "PR", "PW", "EX" }
local LOCK_STATES = { "WAITING", "GRANTED", "CONVERT" }
-- The numbers of the wire are those of Linux on x86, whatever this machine has.
local RESULTS = { [-2] = "ENOENT", [-3] = "ESRCH", [-11] = "EAGAIN", [-16] = "EBUSY",
	[-22] = "EINVAL", [-35] = "EDEADLK", [-53] = "EBADR", [-77] = "EBADFD", [-110] = "ETIMEDOUT",
	[-115] = "EINPROGRESS", [-0x10001] = "CANCELLED", [-0x10002] = "UNLOCKED" }

-- Names of bits, the lowest first.
local HELLO_FLAGS = { "CHOSEN", "LEAVING" }
local STATUS_FLAGS = { "RX_PAUSED", "SHORT" }
local PATH_FLAGS = { "PADDED", "LOST" }
local FEATURES = { "SECURITY", "CALLS" }
local CALL_FLAGS = { "MORE", "UPGRADE", "NOWAIT", "WANT_ACCEPT", "WANT_FINAL", "ENDLESS", "0x40",
	"CALLEE" }
local RCOM_STATUS_FLAGS = { "NEED_SLOTS" }
local RCOM_STATE = { "NODES", "NODES_ALL", "DIR", "DIR_ALL", "LOCKS", "LOCKS_ALL", "DONE",
	"DONE_ALL" }
local LOCK_FLAGS = { "NOQUEUE", "CANCEL", "CONVERT", "VALBLK", "QUECVT", "IVVALBLK", "CONVDEADLK",
	"PERSISTENT", "NODLCKWT", "NODLCKBLK", "EXPEDITE", "NOQUEUEBAST", "HEADQUE", "NOORDER",
	"ORPHAN", "ALTPR", "ALTCW", "FORCEUNLOCK", "TIMEOUT" }
local ASTS = { "BLOCKING", "COMPLETION" }

-- "CHOSEN|LEAVING"; bits without a name as one number; "none".
local function flag_names(value, names)
	local set, bit, rest = {}, 1, value

	for _, name in ipairs(names) do
		if rest % (2 * bit) >= bit then
			set[#set + 1] = name
			rest = rest - bit
		end
		bit = 2 * bit
	end
	if rest > 0 then
		set[#set + 1] = ("0x%x"):format(rest)
	end
	return #set > 0 and table.concat(set, "|") or "none"
end

---- fields ----

local F = {
	version = ProtoField.uint32("sinew.version", "Version", base.HEX, VERSIONS),
	seq = ProtoField.uint32("sinew.seq", "Sequence number"),
	ack = ProtoField.uint32("sinew.ack", "Next number expected"),
	lockspace = ProtoField.uint32("sinew.lockspace", "Lockspace", base.HEX),
	node = ProtoField.uint32("sinew.node", "Node of the sender"),
	length = ProtoField.uint16("sinew.length", "Length"),
	cmd = ProtoField.uint8("sinew.cmd", "Command", base.HEX, CMD_NAMES),
	nextcmd = ProtoField.uint8("sinew.nextcmd", "Next-command", base.HEX, CMD_NAMES),
	optlen = ProtoField.uint16("sinew.optlen", "Bytes of TLVs"),
	inner_u = ProtoField.uint32("sinew.inner_u", "Inner mark", base.HEX, { [NATIVE] = "native" }),
	tlv_type = ProtoField.uint16("sinew.tlv.type", "Type", base.DEC, TLV_NAMES),
	tlv_length = ProtoField.uint16("sinew.tlv.length", "Length of the value"),
	tlv_value = ProtoField.bytes("sinew.tlv.value", "Value"),
	total = ProtoField.uint32("sinew.fragment.total", "Bytes of the whole message"),
	offset = ProtoField.uint32("sinew.fragment.offset", "Offset of this piece"),
	data = ProtoField.bytes("sinew.data", "Data"),
	data_length = ProtoField.uint32("sinew.data.length", "Bytes of data"),
	mine = ProtoField.uint64("sinew.mine", "Incarnation of the sender", base.HEX),
	yours = ProtoField.uint64("sinew.yours", "Incarnation of the receiver", base.HEX),
	next = ProtoField.uint32("sinew.next", "Next number expected in the session"),
	gen = ProtoField.uint32("sinew.gen", "Number of the choice"),
	hello_flags = ProtoField.uint8("sinew.hello.flags", "Flags", base.HEX),
	chosen = ProtoField.bool("sinew.hello.chosen", "CHOSEN", 8, nil, 1),
	leaving = ProtoField.bool("sinew.hello.leaving", "LEAVING", 8, nil, 2),
	vmin = ProtoField.uint8("sinew.hello.vmin", "Lowest version"),
	vmax = ProtoField.uint8("sinew.hello.vmax", "Highest version"),
	maxframe = ProtoField.uint32("sinew.hello.maxframe", "Longest frame"),
	features = ProtoField.uint64("sinew.hello.features", "Features", base.HEX),
	feature_calls = ProtoField.bool("sinew.hello.features.calls", "CALLS", 8, nil, 2),
	required = ProtoField.uint64("sinew.hello.required", "Required features", base.HEX),
	cluster = ProtoField.string("sinew.cluster", "Cluster"),
	group = ProtoField.string("sinew.hello.group", "Group"),
	max_message = ProtoField.uint32("sinew.hello.max_message", "Longest message"),
	queue_bytes = ProtoField.uint32("sinew.hello.queue_bytes", "Bytes of the queue"),
	calls_version = ProtoField.uint8("sinew.hello.calls.version", "Version of calls"),
	calls_slots = ProtoField.uint16("sinew.hello.calls.slots", "Slots granted"),
	calls_window = ProtoField.uint32("sinew.hello.calls.window", "Window of a call at first"),
	calls_piece = ProtoField.uint32("sinew.hello.calls.piece", "Longest piece"),
	reason = ProtoField.uint32("sinew.refuse.reason", "Reason", base.DEC, REASONS),
	wait_ms = ProtoField.uint32("sinew.refuse.wait_ms", "Milliseconds until the next try"),
	status_flags = ProtoField.uint32("sinew.status.flags", "Flags", base.HEX),
	rx_paused = ProtoField.bool("sinew.status.rx_paused", "RX_PAUSED", 32, nil, 1),
	short = ProtoField.bool("sinew.status.short", "SHORT", 32, nil, 2),
	cookie = ProtoField.uint64("sinew.probe.cookie", "Cookie", base.HEX),
	path_flags = ProtoField.uint32("sinew.probe.flags", "Flags of the path", base.HEX),
	padded = ProtoField.bool("sinew.probe.padded", "PADDED", 32, nil, 1),
	lost = ProtoField.bool("sinew.probe.lost", "LOST", 32, nil, 2),
	rcom_type = ProtoField.uint32("sinew.rcom.type", "Type", base.DEC, RCOM_TYPES),
	rcom_result = ProtoField.int32("sinew.rcom.result", "Result"),
	rcom_id = ProtoField.uint64("sinew.rcom.id", "Id of the request", base.HEX),
	rcom_seq = ProtoField.uint64("sinew.rcom.seq", "Recovery of the sender"),
	rcom_seq_reply = ProtoField.uint64("sinew.rcom.seq_reply", "Recovery of the request"),
	rcom_flags = ProtoField.uint32("sinew.rcom.flags", "Flags", base.HEX),
	rcom_lvblen = ProtoField.uint32("sinew.rcom.lvblen", "Bytes of a lock value block"),
	rcom_lsflags = ProtoField.uint32("sinew.rcom.lsflags", "Flags of the lockspace", base.HEX),
	rcom_our_slot = ProtoField.uint16("sinew.rcom.our_slot", "Slot of the sender"),
	rcom_num_slots = ProtoField.uint16("sinew.rcom.num_slots", "Number of slots"),
	rcom_generation = ProtoField.uint32("sinew.rcom.generation", "Generation of the slots"),
	rcom_slot = ProtoField.uint16("sinew.rcom.slot", "Slot"),
	rcom_slot_node = ProtoField.uint32("sinew.rcom.slot.node", "Node of the slot"),
	rcom_name = ProtoField.string("sinew.rcom.name", "Resource"),
	rcom_end = ProtoField.string("sinew.rcom.end", "End of the names"),
	lock_pid = ProtoField.uint32("sinew.rcom.lock.pid", "Process", base.HEX),
	lock_lkid = ProtoField.uint32("sinew.rcom.lock.lkid", "Lock of the sender", base.HEX),
	lock_remid = ProtoField.uint32("sinew.rcom.lock.remid", "Lock of the receiver", base.HEX),
	lock_parent_lkid = ProtoField.uint32("sinew.rcom.lock.parent_lkid", "Parent, sender",
		base.HEX),
	lock_parent_remid = ProtoField.uint32("sinew.rcom.lock.parent_remid", "Parent, receiver",
		base.HEX),
	lock_exflags = ProtoField.uint32("sinew.rcom.lock.exflags", "Flags of the request", base.HEX),
	lock_flags = ProtoField.uint32("sinew.rcom.lock.flags", "Flags of the lock", base.HEX),
	lock_lvbseq = ProtoField.uint32("sinew.rcom.lock.lvbseq", "Sequence of the value block"),
	lock_result = ProtoField.int32("sinew.rcom.lock.result", "Result of the lock"),
	lock_rqmode = ProtoField.int8("sinew.rcom.lock.rqmode", "Mode requested"),
	lock_grmode = ProtoField.int8("sinew.rcom.lock.grmode", "Mode granted"),
	lock_status = ProtoField.uint8("sinew.rcom.lock.status", "State", base.DEC, LOCK_STATES),
	lock_asts = ProtoField.uint8("sinew.rcom.lock.asts", "Callbacks wanted", base.HEX),
	lock_wait_type = ProtoField.uint16("sinew.rcom.lock.wait_type", "Waits for"),
	lock_namelen = ProtoField.uint16("sinew.rcom.lock.namelen", "Length of the name"),
	lock_lvb = ProtoField.bytes("sinew.rcom.lock.lvb", "Lock value block"),
	call_kind = ProtoField.uint8("sinew.call.kind", "Kind", base.DEC, CALL_KINDS),
	call_flags = ProtoField.uint8("sinew.call.flags", "Flags", base.HEX),
	call_more = ProtoField.bool("sinew.call.more", "MORE", 8, nil, 1),
	call_upgrade = ProtoField.bool("sinew.call.upgrade", "UPGRADE", 8, nil, 2),
	call_nowait = ProtoField.bool("sinew.call.nowait", "NOWAIT", 8, nil, 4),
	call_want_accept = ProtoField.bool("sinew.call.want_accept", "WANT_ACCEPT", 8, nil, 8),
	call_want_final = ProtoField.bool("sinew.call.want_final", "WANT_FINAL", 8, nil, 16),
	call_endless = ProtoField.bool("sinew.call.endless", "ENDLESS", 8, nil, 32),
	call_callee = ProtoField.bool("sinew.call.callee", "CALLEE", 8, nil, 128),
	call_slot = ProtoField.uint16("sinew.call.slot", "Slot"),
	call_gen = ProtoField.uint32("sinew.call.gen", "Use of the slot"),
	call_total = ProtoField.uint64("sinew.call.total", "Bytes announced"),
	call_op = ProtoField.uint32("sinew.call.op", "Operation"),
	call_deadline = ProtoField.uint32("sinew.call.deadline", "Deadline in milliseconds"),
	call_after_gen = ProtoField.uint32("sinew.call.after.gen", "After the use"),
	call_after_slot = ProtoField.uint16("sinew.call.after.slot", "After the call in slot"),
	call_binding = ProtoField.uint16("sinew.call.binding", "Binding"),
	call_depth = ProtoField.uint8("sinew.call.depth", "Depth"),
	call_service = ProtoField.uint16("sinew.call.service", "Service"),
	call_cred = ProtoField.uint16("sinew.call.cred", "Credential"),
	call_cred_kind = ProtoField.uint16("sinew.call.cred.kind", "Kind of the credential"),
	call_cred_length = ProtoField.uint16("sinew.call.cred.length", "Length of the credential"),
	call_cred_extra = ProtoField.uint16("sinew.call.cred.extra", "Bytes of a seal"),
	call_consumed = ProtoField.uint32("sinew.call.consumed", "Bytes consumed"),
	call_received = ProtoField.uint32("sinew.call.received", "Bytes received"),
	call_window = ProtoField.uint32("sinew.call.window", "Window"),
	call_code = ProtoField.int32("sinew.call.code", "Code", base.DEC, CALL_CODES),
	call_reason = ProtoField.uint8("sinew.call.reason", "Reason", base.DEC, CALL_REASONS),
	call_seen = ProtoField.uint8("sinew.call.seen", "Seen by the application", base.DEC,
		CALL_SEEN),
	call_retry = ProtoField.uint32("sinew.call.retry_ms", "Milliseconds until the next try"),
	call_target = ProtoField.uint16("sinew.call.target", "Slots from now on"),
	call_state = ProtoField.uint8("sinew.call.state", "State", base.DEC, CALL_STATES),
	call_age = ProtoField.uint32("sinew.call.age_ms", "Age in milliseconds"),
	-- What no byte of the frame says.
	call_request_in = ProtoField.framenum("sinew.call.request_in", "Request in frame", base.NONE,
		frametype.REQUEST),
	call_reply_in = ProtoField.framenum("sinew.call.reply_in", "Reply in frame", base.NONE,
		frametype.RESPONSE),
	call_accepted_in = ProtoField.framenum("sinew.call.accepted_in", "Accepted in frame"),
	call_aborted_in = ProtoField.framenum("sinew.call.aborted_in", "Aborted in frame"),
	call_ended_in = ProtoField.framenum("sinew.call.ended_in", "Ended in frame", base.NONE,
		frametype.RESPONSE),
	call_took = ProtoField.double("sinew.call.took", "Seconds from the request to the end"),
	kind = ProtoField.string("sinew.kind", "Kind"),
	type = ProtoField.string("sinew.type", "Type"),
	session = ProtoField.string("sinew.session", "Session"),
	sender = ProtoField.uint32("sinew.sender", "Node that sent the message"),
	message = ProtoField.uint32("sinew.message", "Message"),
	missing = ProtoField.uint32("sinew.missing", "Numbers missing before this one"),
	first_in = ProtoField.framenum("sinew.first_in", "First sent in frame", base.NONE,
		frametype.RETRANS_PREV),
	repeated_in = ProtoField.framenum("sinew.repeated_in", "Repeated in frame", base.NONE,
		frametype.RETRANS_NEXT),
	acknowledged_in = ProtoField.framenum("sinew.acknowledged_in", "Acknowledged in frame",
		base.NONE, frametype.ACK),
	acknowledges = ProtoField.framenum("sinew.acknowledges", "Acknowledges the message of frame",
		base.NONE, frametype.ACK),
	bytes_skipped = ProtoField.bytes("sinew.skipped.bytes", "Bytes that are no frame"),
}
sinew.fields = F

local E = {
	repeated = { "The number was sent before", "SEQUENCE", "NOTE" },
	out_of_order = { "The number is before the last one on this connection", "SEQUENCE", "WARN" },
	gap = { "Numbers before this one are missing", "SEQUENCE", "WARN" },
	resume = { "The session continues from another connection", "SEQUENCE", "NOTE" },
	restart = { "The nodes count from 0 again", "SEQUENCE", "NOTE" },
	ack_again = { "The number was acknowledged before", "SEQUENCE", "CHAT" },
	ack_unseen = { "Messages are acknowledged that the capture does not show", "SEQUENCE", "WARN" },
	refused = { "The link is refused", "RESPONSE_CODE", "WARN" },
	unknown = { "A command or a reason of a later version", "UNDECODED", "NOTE" },
	malformed = { "The frame is invalid", "MALFORMED", "ERROR" },
	skipped = { "Bytes are no frame", "MALFORMED", "WARN" },
	partial = { "The rest of the frame is not there", "REASSEMBLE", "WARN" },
	call_used = { "BEGIN on a slot in use", "PROTOCOL", "WARN" },
	call_excess = { "More data than were announced", "PROTOCOL", "WARN" },
	call_unseen = { "The capture has no BEGIN of this call", "SEQUENCE", "NOTE" },
	call_late = { "The call had ended", "SEQUENCE", "CHAT" },
	call_no_end = { "The capture has no end of this call", "SEQUENCE", "NOTE" },
	call_all_over = { "Rules of calls are broken: all calls of the session are over", "PROTOCOL",
		"WARN" },
	untracked = { "Too many frames to follow their numbers", "UNDECODED", "WARN" },
}
for name, text in pairs(E) do
	E[name] = ProtoExpert.new("sinew." .. name, text[1], expert.group[text[2]],
		expert.severity[text[3]])
end
sinew.experts = E

sinew.prefs.ports = Pref.range("Ports", "21064-21065", "Ports of TCP, SCTP and SCTP in UDP", 65535)
sinew.prefs.frames = Pref.uint("Frames to follow", 1000000,
	"Frames whose numbers are remembered; a million takes about a gigabyte")

---- numbers; offsets begin at 0, as in Wireshark ----

local function le16(raw, at)
	local low, high = raw:byte(at + 1, at + 2)

	return low + high * 0x100
end

local function le32(raw, at)
	return le16(raw, at) + le16(raw, at + 2) * 0x10000
end

local function signed32(value)
	return value < 0x80000000 and value or value - NUMBERS
end

-- 16 hexadecimal digits: Lua 5.2 has no integers of 64 bits.
local function id64(raw, at)
	return ("%08x%08x"):format(le32(raw, at + 4), le32(raw, at))
end

local function before(a, b)
	return (a - b) % NUMBERS >= 0x80000000
end

---- where a frame begins ----

local function starts_with(raw, at, text)
	local there = raw:sub(at + 1, at + #text)

	return there == text:sub(1, #there)
end

local function has_version(raw, at)
	return starts_with(raw, at, "\2\0\3\0") or starts_with(raw, at, "\1\0\3\0")
end

-- Each of the next four answers "frame", "none" or, with too few bytes to tell, "more".
-- strict: behind garbage, where bytes of a message may look like a header.
local function judge_opts(raw, at, length, strict)
	local left, nextcmd, optlen, inner

	left = #raw - at
	if length < OPTS + HEADER then
		return "none"
	elseif left < OPTS then
		return "more"
	end
	nextcmd, optlen = raw:byte(at + 17), le16(raw, at + 18)
	inner = at + OPTS + optlen
	if OPTS + optlen + HEADER > length then
		return "none"
	elseif strict and (not CMD_NAMES[nextcmd] or optlen > TLVS_PLAUSIBLE) then
		return "none"
	elseif #raw < inner + HEADER then
		return "more"
	end
	local agrees = raw:sub(inner + 1, inner + 4) == raw:sub(at + 1, at + 4) and
		raw:sub(inner + 9, inner + 12) == raw:sub(at + 9, at + 12) and
		le16(raw, inner + 12) == length - OPTS - optlen and raw:byte(inner + 15) == nextcmd

	return agrees and "frame" or "none"
end

-- A kernel's packet without an envelope. MSG is one in version 3.1 only.
local function judge_bare(raw, at, length, cmd)
	local least = cmd == CMD.MSG and 88 or 48
	local names = cmd == CMD.MSG and MSG_TYPES or RCOM_TYPES

	if length < least or length > DLM_MAX or (cmd == CMD.MSG and raw:byte(at + 1) ~= 1) then
		return "none"
	elseif #raw < at + HEADER + 4 then
		return "more"
	end
	return names[le32(raw, at + HEADER)] and "frame" or "none"
end

local function judge_header(raw, at, strict)
	local length, cmd, node = le16(raw, at + 12), raw:byte(at + 15), le32(raw, at + 8)

	if length < HEADER or (strict and (node == 0 or node >= 0x80000000)) then
		return "none"
	elseif cmd == CMD.ACK then
		return length == HEADER and "frame" or "none"
	elseif cmd == CMD.OPTS then
		return judge_opts(raw, at, length, strict)
	elseif cmd == CMD.MSG or cmd == CMD.RCOM then
		return strict and judge_bare(raw, at, length, cmd) or "frame"
	end
	return "none"
end

local function judge(raw, at, strict)
	if not has_version(raw, at) then
		return "none"
	elseif #raw - at < HEADER then
		return "more"
	end
	return judge_header(raw, at, strict)
end

-- The first offset from there on at which a frame may begin, or the end.
local function next_frame(raw, at)
	local found = raw:find("[\1\2]", at + 1)

	while found and judge(raw, found - 1, true) == "none" do
		found = raw:find("[\1\2]", found + 1)
	end
	return found and found - 1 or #raw
end

-- Whether the bytes are at least meant as a header.
local function resembles_frame(raw, at)
	return #raw - at >= HEADER and raw:find("^.\0\3\0", at + 1) ~= nil
end

-- The length of a malformed frame counts only if a frame follows, or nothing.
local function malformed_end(raw, at)
	local finish = at + math.max(le16(raw, at + 12), HEADER)

	if finish == #raw or (finish < #raw and judge(raw, finish, true) ~= "none") then
		return finish
	end
	return next_frame(raw, at + 1)
end

local function why_malformed(raw, at, finish)
	local version, cmd = le32(raw, at), raw:byte(at + 15)
	local length, there = le16(raw, at + 12), finish - at

	if not VERSIONS[version] then
		return ("version %d.%d"):format(math.floor(version / 0x10000), version % 0x10000)
	elseif length < HEADER then
		return ("a length of %d bytes"):format(length)
	elseif cmd == CMD.ACK then
		return ("ACK of %d bytes"):format(length)
	elseif cmd ~= CMD.OPTS then
		return ("command %d outside of OPTS"):format(cmd)
	elseif length < OPTS + HEADER then
		return ("OPTS of %d bytes"):format(length)
	elseif there >= OPTS and OPTS + le16(raw, at + 18) + HEADER > length then
		return ("%d bytes of TLVs in %d bytes"):format(le16(raw, at + 18), length)
	end
	return "the inner header contradicts the envelope"
end

---- what a frame says ----

-- The TLVs between two offsets, and whether they fit exactly.
local function parse_tlvs(raw, at, finish)
	local list = {}

	while finish - at >= TLV do
		local tlv = { at = at, type = le16(raw, at), length = le16(raw, at + 2) }

		at = at + TLV + tlv.length
		if at > finish then
			return list, false
		end
		list[#list + 1] = tlv
	end
	return list, at == finish
end

local function tlvs_of_type(list, type)
	local found = {}

	for _, tlv in ipairs(list) do
		if tlv.type == type then
			found[#found + 1] = tlv
		end
	end
	return found
end

local function shortest(list)
	local least = 0xffff

	for _, tlv in ipairs(list) do
		least = math.min(least, tlv.length)
	end
	return least
end

-- The bytes before the NUL, or nil if there is none.
local function name_length(raw, at)
	local found = raw:find("\0", at + 1, true)

	return found and found <= at + NAME_MAX and found - 1 - at or nil
end

-- Each parser answers why the frame is malformed, or nothing.
local function parse_nothing()
end

local function parse_fragment(raw, frame)
	local pieces = tlvs_of_type(frame.tlvs, 1)

	if #pieces ~= 1 or pieces[1].length < 8 then
		return "FRAGMENT without its TLV, or with two"
	end
	frame.piece = pieces[1]
end

-- At least 16 slots, a window, a piece of at most 16 KiB.
local function is_grant(raw, tlv)
	local at = tlv.at + TLV
	local piece = le32(raw, at + 8)

	return raw:byte(at + 1) > 0 and le16(raw, at + 2) >= 16 and le32(raw, at + 4) > 0 and
		piece > 0 and piece <= 16384
end

local function why_no_grant(raw, frame, calls)
	if shortest(calls) < 12 then
		return "the TLV CALLS is too short"
	end
	for _, tlv in ipairs(calls) do
		if not is_grant(raw, tlv) then
			return "the TLV CALLS grants what is none"
		end
	end
	if (#calls > 0) ~= (raw:byte(frame.inner + 49) % 4 >= 2) then
		return "of the feature CALLS and its TLV one is missing"
	end
end

local function parse_hello(raw, frame)
	local tlvs, fit = parse_tlvs(raw, frame.inner + 128, frame.finish)
	local groups, limits = tlvs_of_type(tlvs, 2), tlvs_of_type(tlvs, 3)

	frame.inner_tlvs = tlvs
	frame.name_length = name_length(raw, frame.inner + 64)
	frame.mine = id64(raw, frame.inner + 16)
	frame.yours = id64(raw, frame.inner + 24)
	frame.next = le32(raw, frame.inner + 32)
	if not fit then
		return "the TLVs behind HELLO do not fit"
	elseif frame.mine == NOBODY then
		return "HELLO without an incarnation"
	elseif not frame.name_length then
		return "the name of the cluster has no end"
	elseif shortest(limits) < 8 then
		return "the TLV LIMITS is too short"
	end
	for _, group in ipairs(groups) do
		local name = raw:sub(group.at + TLV + 1, group.at + TLV + group.length)

		if group.length >= NAME_MAX or name:find("\0", 1, true) then
			return "the name of the group is too long, or has a NUL"
		end
	end
	return why_no_grant(raw, frame, tlvs_of_type(tlvs, 6))
end

local function parse_refuse(raw, frame)
	frame.mine = id64(raw, frame.inner + 16)
	frame.yours = id64(raw, frame.inner + 24)
	frame.reason = le32(raw, frame.inner + 32)
	frame.next = le32(raw, frame.inner + 36)
	frame.type = REASONS[frame.reason] or "unknown"
end

local function parse_probe(raw, frame)
	local tlvs, fit = parse_tlvs(raw, frame.inner + 88, frame.finish)

	frame.inner_tlvs = tlvs
	frame.name_length = name_length(raw, frame.inner + 24)
	if not fit then
		return "the TLVs behind the probe do not fit"
	elseif not frame.name_length then
		return "the name of the cluster has no end"
	elseif shortest(tlvs_of_type(tlvs, 4)) < 4 then
		return "the TLV PATH is too short"
	end
end

local function parse_fin(raw, frame)
	if frame.finish - frame.inner ~= HEADER then
		return ("FIN of %d bytes"):format(frame.length)
	end
end

local function parse_msg(raw, frame)
	local type = frame.finish - frame.inner >= 88 and le32(raw, frame.body) or 0

	frame.type = MSG_TYPES[type] or "unknown"
	if not MSG_TYPES[type] then
		return ("MSG of %d bytes, type %d"):format(frame.finish - frame.inner, type)
	end
end

-- Bytes behind the fixed part of RCOM, by type: at least.
local RCOM_BODY = { 16, 0, 0, 108, 32, 2, 0, 108 }

local function parse_rcom(raw, frame)
	local n = frame.finish - frame.inner
	local type = n >= 48 and le32(raw, frame.body) or 0

	frame.rcom = type
	frame.type = RCOM_TYPES[type] or "unknown"
	if not RCOM_TYPES[type] then
		return ("RCOM of %d bytes, type %d"):format(n, type)
	elseif n - 48 < RCOM_BODY[type] then
		frame.rcom = 0
		return ("RCOM %s of %d bytes"):format(frame.type, n)
	end
end

-- Kinds of CALL: the least bytes of the body, which side sends it (nil: either), what the data
-- behind them are, and the fields behind the first 8 bytes: name, offset, length.
local CALL = {
	{ head = 40, from = "caller", data = "request", { "total", 8, 8 }, { "op", 16, 4 },
		{ "deadline", 20, 4 }, { "after_gen", 24, 4 }, { "binding", 28, 2 },
		{ "after_slot", 30, 2 }, { "depth", 32, 1 } },
	{ head = 8, data = "request" },
	{ head = 24, from = "called side", data = "reply", { "total", 8, 8 }, { "service", 16, 2 } },
	{ head = 16, from = "called side", { "service", 8, 2 } },
	{ head = 16, { "consumed", 8, 4 }, { "window", 12, 4 } },
	{ head = 16, from = "caller", { "code", 8, 4 } },
	{ head = 24, from = "called side", { "code", 8, 4 }, { "service", 12, 2 }, { "reason", 14, 1 },
		{ "seen", 15, 1 }, { "retry", 16, 4 } },
	{ head = 16, is_of_session = true, { "binding", 8, 2 }, { "service", 10, 2 },
		{ "cred", 12, 2 } },
	{ head = 16, is_of_session = true, { "binding", 8, 2 } },
	{ head = 16, is_of_session = true, { "cred", 12, 2 } },
	{ head = 16, is_of_session = true, data = "credential", { "cred", 8, 2 },
		{ "cred_kind", 10, 2 }, { "cred_length", 12, 2 }, { "cred_extra", 14, 2 } },
	{ head = 16, is_of_session = true, { "target", 8, 2 } },
	{ head = 8, from = "caller" },
	{ head = 24, from = "called side", { "state", 8, 1 }, { "age", 12, 4 }, { "received", 16, 4 },
		{ "consumed", 20, 4 } },
}
local NO_SLOT, NO_DEADLINE, UNKNOWN_TOTAL = 0xffff, 0xffffffff, ("\255"):rep(8)

-- A number of 1 to 8 bytes; above 2^53 it is not exact.
local function le(raw, at, n)
	local value = 0.0

	for i = n, 1, -1 do
		value = value * 0x100 + raw:byte(at + i)
	end
	return value
end

local function why_no_call(raw, frame, layout, n)
	local is_callee = n > 1 and raw:byte(frame.body + 2) >= 128

	if not layout then
		return ("CALL of the unknown kind %d"):format(raw:byte(frame.body + 1))
	elseif n < layout.head then
		return ("CALL %s of %d bytes"):format(frame.type, n)
	elseif layout.from and layout.from ~= (is_callee and "called side" or "caller") then
		return ("CALL %s is not from the %s"):format(frame.type, layout.from)
	elseif layout.data == "credential" and le16(raw, frame.body + 12) > n - layout.head then
		return "the credential is longer than its frame"
	end
end

-- A fault ends the calls, not the session: its number counts.
local function parse_call(raw, frame)
	local at, n = frame.body, frame.finish - frame.body
	local layout = n > 0 and CALL[raw:byte(at + 1)]
	local call

	frame.type = layout and CALL_KINDS[raw:byte(at + 1)] or "unknown"
	frame.call_fault = n == 0 and "CALL of 0 bytes" or why_no_call(raw, frame, layout, n)
	if frame.call_fault then
		return frame.call_fault
	end
	call = { layout = layout, kind = frame.type, flags = raw:byte(at + 2),
		slot = le16(raw, at + 2), gen = le32(raw, at + 4), n = n - layout.head }
	call.is_callee, call.is_last = call.flags >= 128, call.flags % 2 == 0
	for _, field in ipairs(layout) do
		call[field[1]] = le(raw, at + field[2], field[3])
	end
	call.data = layout.data
	if call.data == "request" and call.is_callee then
		call.data = "reply"
	elseif call.data == "credential" then
		call.n = call.cred_length
	end
	if raw:sub(at + 9, at + 16) == UNKNOWN_TOTAL then
		call.total = nil
	end
	frame.call = call
end

-- By inner command: the least bytes of the inner packet, whether it has a sequence number,
-- whether it is ours alone. The fields are shown by SHOW, below.
local INNER = {
	[CMD.MSG] = { least = HEADER, sequenced = true, profile = "kernel", parse = parse_msg },
	[CMD.RCOM] = { least = HEADER, sequenced = true, profile = "kernel", parse = parse_rcom },
	[CMD.FIN] = { least = HEADER, sequenced = true, parse = parse_fin },
	[0x40] = { least = 16, sequenced = true, profile = "native", parse = parse_nothing },
	[0x41] = { least = 128, profile = "native", parse = parse_hello },
	[0x42] = { least = 16, sequenced = true, profile = "native", parse = parse_fragment },
	[0x43] = { least = 48, profile = "native", parse = parse_refuse },
	[0x44] = { least = 16, profile = "native", parse = parse_nothing },
	[0x45] = { least = 88, profile = "native", parse = parse_probe },
	[0x46] = { least = 88, profile = "native", parse = parse_probe },
	[0x47] = { least = 24, profile = "native", parse = parse_nothing },
	[0x48] = { least = HEADER, sequenced = true, profile = "native", parse = parse_call },
}

local function parse_inner(raw, frame, cmd)
	local inner, n = INNER[cmd], frame.finish - frame.inner

	if not inner then
		frame.is_unknown = true
		return nil
	end
	frame.profile = inner.profile
	if n < inner.least then
		return ("%s of %d bytes"):format(frame.kind, n)
	elseif inner.profile == "native" and le32(raw, frame.inner + 4) ~= NATIVE then
		return ("%s: the inner header is not native"):format(frame.kind)
	end
	frame.is_readable = true
	return inner.parse(raw, frame)
end

local function parse_opts(raw, frame)
	local fit, why

	frame.nextcmd, frame.optlen = raw:byte(frame.at + 17), le16(raw, frame.at + 18)
	frame.inner = frame.at + OPTS + frame.optlen
	frame.body = frame.inner + HEADER
	frame.kind = CMD_NAMES[frame.nextcmd] or "unknown"
	frame.is_sequenced = INNER[frame.nextcmd] and INNER[frame.nextcmd].sequenced
	frame.tlvs, fit = parse_tlvs(raw, frame.at + OPTS, frame.inner)
	why = parse_inner(raw, frame, frame.nextcmd)
	return not fit and "the TLVs do not fit in OPTS" or why
end

-- A whole frame that judge() took for one.
local function parse(raw, at)
	local frame = { at = at, length = le16(raw, at + 12), u = le32(raw, at + 4),
		node = le32(raw, at + 8), cmd = raw:byte(at + 15), header = raw:sub(at + 1, at + HEADER) }

	frame.finish = at + frame.length
	frame.kind = CMD_NAMES[frame.cmd]
	if frame.cmd == CMD.OPTS then
		frame.malformed = parse_opts(raw, frame)
	elseif frame.cmd ~= CMD.ACK then
		frame.inner, frame.body = at, at + HEADER
		frame.malformed = parse_inner(raw, frame, frame.cmd)
	end
	return frame
end

-- As the table of kinds has it: kernels send RCOM with and without an envelope.
local function row_of(frame)
	local in_opts = frame.cmd == CMD.OPTS and frame.profile ~= "native"

	return (in_opts and "OPTS/" or "") .. frame.kind .. (frame.type and "/" .. frame.type or "")
end

---- numbers over all connections ----
--
-- State is made when Wireshark reads a frame for the first time; each later time, and so in the
-- second pass of `tshark -2`, it is only looked up. Each frame adds a bounded amount to it, and the
-- preference sinew.frames limits their number.

local state

local function forget_all()
	state = {
		n_frames = 0,		-- that were followed
		n_untracked = 0,
		packets = {},		-- by packet number: the list of its frames, each a track
		connections = {},	-- by transport and number
		sessions = {},		-- one direction each, by key
		node_at = {},		-- by address: a kernel has one nodeid, whatever the port
		prefixes = {},		-- SCTP: by packet and call, what a message continues
		prefix_bytes = 0,
	}
end

-- The connection, its end that sends this packet, and the other one. Ports may be used again: the
-- HELLOs of the next connection begin anew. Another path of an association is another connection
-- of the same session. (Wireshark's number of a stream is not known in the first pass.)
local function ends_of(pinfo, carrier)
	local from = ("%s:%d"):format(pinfo.src, pinfo.src_port)
	local to = ("%s:%d"):format(pinfo.dst, pinfo.dst_port)
	local name = from < to and from .. " " .. to or to .. " " .. from
	local c = state.connections[carrier .. name]

	if not c then
		c = { name = name, first = from, a = { address = tostring(pinfo.src), name = from },
			b = { address = tostring(pinfo.dst), name = to } }
		state.connections[carrier .. name] = c
	end
	if from == c.first then
		return c, c.a, c.b
	end
	return c, c.b, c.a
end

local function node_of(side)
	return side.node or state.node_at[side.address]
end

-- What names the direction of a session: incarnations, of kernels nodes, else the connection.
local function session_key(c, from, to)
	local incarnation = to.mine or (from.yours ~= NOBODY and from.yours or nil)

	if c.profile == "native" and from.mine and incarnation then
		return from.mine .. ">" .. incarnation
	elseif c.profile == "kernel" and node_of(from) then
		return ("node %d>%s"):format(node_of(from), node_of(to) or to.address)
	end
	return c.name .. (from == c.a and " >" or " <")
end

local function address_key(from, to)
	return ("node %d>%s"):format(node_of(from), to.address)
end

local function new_session(key)
	return { key = key, by_number = {}, unacknowledged = {}, head = 1, tail = 0,
		-- Calls that its sender began, by slot and use; the last one in each slot; services.
		calls = {}, slots = {}, bindings = {} }
end

local function session_of(c, from, to)
	local key = session_key(c, from, to)
	local session = state.sessions[key]

	if not session and c.profile == "kernel" and node_of(from) and node_of(to) then
		-- The receiver has told its nodeid since.
		session = state.sessions[address_key(from, to)]
		state.sessions[address_key(from, to)] = nil
	end
	if not session then
		session = new_session(key)
	end
	session.key = key
	state.sessions[key] = session
	return session
end

-- The same text for both directions.
local function session_name(key)
	local a, b = key:match("^(%x+)>(%x+)$")

	if not a then
		a, b = key:match("^node (.*)>(.*)$")
	end
	if not a then
		return key:sub(1, -3)
	end
	return a < b and a .. "-" .. b or b .. "-" .. a
end

-- Kernels have no incarnations: number 0 comes again after both have finished, and when a node
-- starts anew. It is the old one if it was never acknowledged, and equal.
local function is_restart(session, frame)
	if frame.u ~= 0 or not session.next or not before(0, session.next) then
		return false
	elseif session.fin and session.acked and before(session.fin, session.acked) then
		return true
	elseif session.first then
		return session.first ~= frame.bytes
	end
	return session.acked ~= nil and before(0, session.acked)
end

local function begin_anew(session)
	local connection = session.connection

	for name in pairs(session) do
		if name ~= "key" then
			session[name] = nil
		end
	end
	for name, value in pairs(new_session(session.key)) do
		session[name] = value
	end
	session.connection = connection
end

-- Enters a number; it was sent before, or is the latest.
local function take_number(session, track, frame, packet)
	local message = session.by_number[frame.u]
	local is_new = not session.next or not before(frame.u, session.next)

	if not message then
		message = { number = frame.u, sent = {} }
		session.by_number[frame.u] = message
		if is_new then
			session.tail = session.tail + 1
			session.unacknowledged[session.tail] = message
		end
	end
	message.sent[#message.sent + 1] = { packet = packet, connection = track.connection }
	if is_new then
		session.next = (frame.u + 1) % NUMBERS
	end
	track.message, track.is_repeated = message, not is_new
end

local function take_kernel(session, track, frame, packet)
	if is_restart(session, frame) then
		begin_anew(session)
		track.is_restart = true
	elseif session.next and session.connection ~= track.connection then
		track.resumed = session.connection
	end
	if frame.u == 0 then
		session.first = frame.bytes
	end
	if frame.kind == "FIN" then
		session.fin = frame.u
	end
	if session.next and before(session.next, frame.u) then
		track.missing = (frame.u - session.next) % NUMBERS
	end
	take_number(session, track, frame, packet)
end

-- On one connection the numbers follow each other; it begins where its HELLOs say.
local function take_native(session, track, frame, packet, from, to)
	if not from.expected then
		local is_later = session.next and before(session.next, frame.u)

		from.expected = is_later and session.next or frame.u
		if to.yours and to.yours == from.mine then
			from.expected = to.next
		end
	end
	if before(from.expected, frame.u) then
		track.missing = (frame.u - from.expected) % NUMBERS
	end
	take_number(session, track, frame, packet)
end

local function take_sequenced(c, from, to, track, frame, packet)
	local session = session_of(c, from, to)

	track.is_out_of_order = from.expected ~= nil and before(frame.u, from.expected)
	if c.profile == "kernel" then
		take_kernel(session, track, frame, packet)
	else
		take_native(session, track, frame, packet, from, to)
	end
	if not track.is_out_of_order then
		from.expected = (frame.u + 1) % NUMBERS
	end
	session.connection, session.sender = c.name, from.node
	track.session, track.sender = session_name(session.key), from.node
end

---- calls: numbered frames, too, of which the first one of a number counts ----

local function call_key(frame)
	return frame.slot .. ":" .. frame.gen
end

local function end_call(call, record, pinfo)
	call.ended_in = pinfo.number
	record.took = pinfo.rel_ts - call.begun_at
end

local function begin_call(session, frame, record, pinfo)
	local other = session.slots[frame.slot]
	local call = { begun_in = pinfo.number, begun_at = pinfo.rel_ts, op = frame.op,
		service = session.bindings[frame.binding],
		-- It asks which service that binding has, until the answer.
		asks = math.floor(frame.flags / 2) % 2 == 1 and { session = session, binding = frame.binding },
		bytes = { request = 0, reply = 0 }, totals = {} }

	if other and not other.ended_in then
		record.used_by = other.begun_in
	end
	session.calls[call_key(frame)] = call
	session.slots[frame.slot] = call
	return call
end

local function count_data(call, frame, record)
	local sum = call.bytes[frame.data] + frame.n
	local total = frame.total or call.totals[frame.data]

	call.bytes[frame.data], call.totals[frame.data] = sum, total
	if total and sum > total then
		record.excess = sum - total
	end
end

-- The first ACCEPT, REPLY, or END of a call that was seen says which service answers a call that
-- asked for a newer one, and all later ones of its binding.
local function take_upgrade(call, frame)
	if call.asks and frame.is_callee and frame.service and frame.seen ~= 0 then
		call.asks.session.bindings[call.asks.binding] = frame.service
		call.upgraded_from = call.service ~= frame.service and call.service or nil
		call.service, call.asks = frame.service, nil
	end
end

-- A call is over with the last piece of its reply, or with END.
local function follow_call(call, frame, record, pinfo)
	local was_over = call.ended_in and frame.kind ~= "CREDIT" and frame.kind ~= "QUERY" and
		frame.kind ~= "STATE"

	if was_over then
		record.is_late = true
		return
	elseif frame.data then
		count_data(call, frame, record)
	end
	take_upgrade(call, frame)
	if frame.kind == "REPLY" then
		call.reply_in = pinfo.number
	elseif frame.kind == "ACCEPT" then
		call.accepted_in = pinfo.number
	elseif frame.kind == "ABORT" then
		call.aborted_in = pinfo.number
	end
	if frame.kind == "END" or (frame.data == "reply" and frame.is_last) then
		end_call(call, record, pinfo)
	end
end

local function end_all_calls(session, record, pinfo)
	for _, call in pairs(session.slots) do
		if not call.ended_in then
			end_call(call, record, pinfo)
		end
	end
	record.is_all_over, record.took = true, nil
end

-- The record of a frame: its call, and what is remarkable.
local function take_call(c, from, to, message, frame, pinfo)
	local session = session_of(c, from, to)
	local record = {}

	if frame.is_callee then
		session = session_of(c, to, from)
	end
	if frame.layout.is_of_session then
		if frame.service then
			session.bindings[frame.binding] = frame.service
		end
	elseif frame.kind == "ABORT" and frame.slot == NO_SLOT then
		end_all_calls(session, record, pinfo)
		end_all_calls(session_of(c, to, from), record, pinfo)
	else
		record.is_begin = frame.kind == "BEGIN"
		record.call = record.is_begin and begin_call(session, frame, record, pinfo) or
			session.calls[call_key(frame)]
		if record.call then
			follow_call(record.call, frame, record, pinfo)
		end
		message.call, record.is_unseen = record.call, not record.call
	end
	return record
end

---- who has acknowledged what ----

-- All before `number` was taken by the receiver.
local function acknowledge(session, number, track, packet)
	local list, taken = session.unacknowledged, {}

	track.is_ack_again = session.acked == number
	if session.next and before(session.next, number) then
		track.unseen = (number - session.next) % NUMBERS
	end
	while list[session.head] and before(list[session.head].number, number) do
		local message = list[session.head]

		message.acknowledged_in = packet
		taken[#taken + 1] = message
		list[session.head] = nil
		session.head = session.head + 1
	end
	session.acked = number
	track.taken = taken
end

local function take_ack(c, from, to, track, frame, packet)
	local session = session_of(c, to, from)

	acknowledge(session, frame.u, track, packet)
	track.session, track.sender = session_name(session.key), session.sender or node_of(to)
end

-- HELLO acknowledges to whom it names, and so does REFUSE CLOSED.
local function take_position(to, track, frame, packet)
	local session = state.sessions[frame.yours .. ">" .. frame.mine]

	if not session then
		return
	end
	acknowledge(session, frame.next, track, packet)
	track.is_ack_again, track.sender = nil, session.sender or node_of(to)
	track.to_repeat = session.next and (session.next - frame.next) % NUMBERS
end

-- The connection that one direction of a session was seen on, if it is another one.
local function earlier_connection(c, from, to)
	local session = state.sessions[from .. ">" .. to]

	return session and session.connection ~= c.name and session.connection or nil
end

local function take_hello(c, from, to, track, frame, packet)
	from.mine, from.yours, from.next = frame.mine, frame.yours, frame.next
	-- The next number of either end is what the last HELLOs say.
	from.expected, to.expected = nil, nil
	if frame.yours ~= NOBODY then
		track.session = session_name(frame.mine .. ">" .. frame.yours)
		track.resumed = earlier_connection(c, frame.mine, frame.yours) or
			earlier_connection(c, frame.yours, frame.mine)
		take_position(to, track, frame, packet)
	end
end

local function take_frame(c, from, to, track, frame, packet)
	from.node = frame.node
	c.profile = frame.profile or c.profile
	if c.profile == "kernel" then
		state.node_at[from.address] = frame.node
	end
	if frame.kind == "ACK" then
		take_ack(c, from, to, track, frame, packet)
	elseif frame.kind == "HELLO" then
		take_hello(c, from, to, track, frame, packet)
	elseif frame.type == "CLOSED" and frame.yours ~= NOBODY then
		take_position(to, track, frame, packet)
	elseif frame.is_sequenced then
		take_sequenced(c, from, to, track, frame, packet)
	end
end

local function new_track(frame, pinfo, carrier)
	local c, from, to = ends_of(pinfo, carrier)
	local track = { header = frame.header, row = row_of(frame), connection = c.name,
		from = from, to = to, malformed = frame.malformed }

	if not frame.malformed or frame.malformed == frame.call_fault then
		take_frame(c, from, to, track, frame, pinfo.number)
	end
	if frame.call and track.is_repeated then
		track.call = { call = track.message.call, is_begin = frame.call.kind == "BEGIN" }
	elseif frame.call then
		track.call = take_call(c, from, to, track.message, frame.call, pinfo)
	end
	return track
end

-- The track of a frame. A packet may be read several times, and its frames are the same each time,
-- in the same order; those that a second reading sees for the first time have none.
local function track_of(frame, pinfo, carrier)
	local list = state.packets[pinfo.number]
	local at = (tonumber(pinfo.private["sinew.frames"]) or 0) + 1

	if not pinfo.visited then
		if state.n_frames >= sinew.prefs.frames then
			state.n_untracked = state.n_untracked + 1
			return nil
		end
		list = list or {}
		state.packets[pinfo.number] = list
		at = #list + 1
		list[at] = new_track(frame, pinfo, carrier)
		state.n_frames = state.n_frames + 1
	end
	while list and list[at] and list[at].header ~= frame.header do
		at = at + 1
	end
	if not list or not list[at] then
		return nil
	end
	pinfo.private["sinew.frames"] = tostring(at)
	return list[at]
end

---- what is shown ----

local function add(item, field, tvb, at, n)
	return item:add_le(field, tvb(at, n))
end

local function add_text(item, field, tvb, at, n, text)
	return item:add_le(field, tvb(at, n)):append_text((" (%s)"):format(text))
end

local function generate(item, field, value)
	return item:add(field, value):set_generated()
end

local function show_tlv(item, tvb, tlv)
	local name = TLV_NAMES[tlv.type] or "of unknown type " .. tlv.type
	local sub = item:add(sinew, tvb(tlv.at, TLV + tlv.length),
		("TLV %s: %d bytes"):format(name, tlv.length))

	add(sub, F.tlv_type, tvb, tlv.at, 2)
	add(sub, F.tlv_length, tvb, tlv.at + 2, 2)
	if tlv.length > 0 then
		add(sub, F.tlv_value, tvb, tlv.at + TLV, tlv.length)
	end
	return sub
end

local function show_path_flags(item, tvb, raw, at)
	add_text(item, F.path_flags, tvb, at, 4, flag_names(le32(raw, at), PATH_FLAGS))
	add(item, F.padded, tvb, at, 4)
	add(item, F.lost, tvb, at, 4)
end

local function show_inner_tlvs(item, tvb, raw, frame)
	for _, tlv in ipairs(frame.inner_tlvs) do
		local sub, value = show_tlv(item, tvb, tlv), tlv.at + TLV

		if tlv.type == 2 and tlv.length > 0 then
			add(sub, F.group, tvb, value, tlv.length)
		elseif tlv.type == 3 and tlv.length >= 8 then
			add(sub, F.max_message, tvb, value, 4)
			add(sub, F.queue_bytes, tvb, value + 4, 4)
		elseif tlv.type == 6 and tlv.length >= 12 then
			add(sub, F.calls_version, tvb, value, 1)
			add(sub, F.calls_slots, tvb, value + 2, 2)
			add(sub, F.calls_window, tvb, value + 4, 4)
			add(sub, F.calls_piece, tvb, value + 8, 4)
		elseif tlv.type == 4 and tlv.length >= 4 then
			show_path_flags(sub, tvb, raw, value)
		end
	end
end

local function show_data(item, tvb, raw, frame)
	local n = frame.finish - frame.body

	generate(item, F.data_length, n)
	if n > 0 then
		add(item, F.data, tvb, frame.body, n)
	end
	return ("%d bytes"):format(n)
end

local function show_fragment(item, tvb, raw, frame)
	local text = show_data(item, tvb, raw, frame)

	if not frame.piece then
		return text
	end
	local at = frame.piece.at + TLV

	add(item, F.total, tvb, at, 4)
	add(item, F.offset, tvb, at + 4, 4)
	return ("%s at %d of %d"):format(text, le32(raw, at + 4), le32(raw, at))
end

local function show_cluster(item, tvb, frame, at)
	add(item, F.cluster, tvb, at, frame.name_length or NAME_MAX)
end

local function show_hello(item, tvb, raw, frame)
	local at = frame.inner
	local flags = flag_names(raw:byte(at + 41), HELLO_FLAGS)

	add(item, F.mine, tvb, at + 16, 8)
	add(item, F.yours, tvb, at + 24, 8)
	add(item, F.next, tvb, at + 32, 4)
	add(item, F.gen, tvb, at + 36, 4)
	add_text(item, F.hello_flags, tvb, at + 40, 1, flags)
	add(item, F.chosen, tvb, at + 40, 1)
	add(item, F.leaving, tvb, at + 40, 1)
	add(item, F.vmin, tvb, at + 41, 1)
	add(item, F.vmax, tvb, at + 42, 1)
	add(item, F.maxframe, tvb, at + 44, 4)
	add_text(item, F.features, tvb, at + 48, 8, flag_names(le32(raw, at + 48), FEATURES))
	add(item, F.feature_calls, tvb, at + 48, 1)
	add(item, F.required, tvb, at + 56, 8)
	show_cluster(item, tvb, frame, at + 64)
	show_inner_tlvs(item, tvb, raw, frame)
	return ("mine=%s yours=%s next=%d flags=%s"):format(frame.mine, frame.yours, frame.next, flags)
end

local function show_refuse(item, tvb, raw, frame)
	local at = frame.inner

	add(item, F.mine, tvb, at + 16, 8)
	add(item, F.yours, tvb, at + 24, 8)
	add(item, F.reason, tvb, at + 32, 4)
	add(item, F.next, tvb, at + 36, 4)
	add(item, F.gen, tvb, at + 40, 4)
	add(item, F.wait_ms, tvb, at + 44, 4)
	item:add_proto_expert_info(E.refused, "The link is refused: " .. frame.type)
	if not REASONS[frame.reason] then
		item:add_proto_expert_info(E.unknown, ("Unknown reason %d"):format(frame.reason))
	end
	return ("yours=%s next=%d"):format(frame.yours, frame.next)
end

local function show_status(item, tvb, raw, frame)
	local flags = flag_names(le32(raw, frame.body), STATUS_FLAGS)

	add_text(item, F.status_flags, tvb, frame.body, 4, flags)
	add(item, F.rx_paused, tvb, frame.body, 4)
	add(item, F.short, tvb, frame.body, 4)
	return "flags=" .. flags
end

local function show_probe(item, tvb, raw, frame)
	add(item, F.cookie, tvb, frame.body, 8)
	show_cluster(item, tvb, frame, frame.inner + 24)
	show_inner_tlvs(item, tvb, raw, frame)
	return "cookie=" .. id64(raw, frame.body)
end

local function named(names, value)
	return names[value] or ("%d"):format(value)
end

-- What a kind alone has, for the line of the frame.
local CALL_WORDS = {
	BEGIN = function(call)
		local text = ""

		if call.deadline ~= NO_DEADLINE then
			text = (" deadline=%.0f"):format(call.deadline)
		end
		if call.after_slot ~= NO_SLOT then
			text = text .. (" after=%.0f/%.0f"):format(call.after_slot, call.after_gen)
		end
		return text .. (call.depth > 0 and (" depth=%.0f"):format(call.depth) or "")
	end,
	CREDIT = function(call)
		return (" %s consumed=%.0f window=%.0f"):format(
			call.is_callee and "request" or "reply", call.consumed, call.window)
	end,
	ABORT = function(call)
		return " code=" .. named(CALL_CODES, signed32(call.code))
	end,
	END = function(call)
		local code = named(CALL_CODES, signed32(call.code))

		return (" reason=%s seen=%s code=%s"):format(named(CALL_REASONS, call.reason),
			named(CALL_SEEN, call.seen), code) .. (call.retry > 0 and (" retry=%.0f"):format(call.retry) or "")
	end,
	BIND = function(call)
		return (" binding=%.0f service=%.0f cred=%.0f"):format(call.binding, call.service,
			call.cred)
	end,
	UNBIND = function(call) return (" binding=%.0f"):format(call.binding) end,
	UNCRED = function(call) return (" cred=%.0f"):format(call.cred) end,
	CRED = function(call)
		return (" cred=%.0f kind=%.0f %.0f bytes"):format(call.cred, call.cred_kind, call.n)
	end,
	SLOTS = function(call) return (" target=%.0f"):format(call.target) end,
	STATE = function(call)
		return (" state=%s age=%.0f received=%.0f consumed=%.0f"):format(
			named(CALL_STATES, call.state), call.age, call.received, call.consumed)
	end,
}

local function describe_call(call, record)
	local whole, text = record.call or {}, ""
	local flags = call.flags - (call.is_last and 0 or 1) - (call.is_callee and 128 or 0)

	if not call.layout.is_of_session then
		text = ("slot=%d gen=%d"):format(call.slot, call.gen)
	end
	for _, name in ipairs({ "service", "op" }) do
		local value = call[name] or whole[name]

		if value and not call.layout.is_of_session then
			text = text .. (" %s=%.0f"):format(name, value)
		end
	end
	if record.is_begin and whole.upgraded_from then
		text = text .. (" upgraded-from=%.0f"):format(whole.upgraded_from)
	end
	if call.data and not call.layout.is_of_session then
		local is_part = call.total and call.total ~= call.n

		text = text .. (" %s %.0f bytes"):format(call.data, call.n) ..
			(is_part and (" of %.0f"):format(call.total) or "") ..
			(call.is_last and " last" or "")
	end
	text = text .. (CALL_WORDS[call.kind] and CALL_WORDS[call.kind](call) or "")
	if flags > 0 then
		text = text .. " flags=" .. flag_names(flags, CALL_FLAGS)
	end
	if record.took then
		text = text .. (" took=%.3fms"):format(record.took * 1000)
	end
	return (text:gsub("^ ", ""))
end

local function show_call(item, tvb, raw, frame)
	local call, at = frame.call, frame.body

	if not call then
		return show_data(item, tvb, raw, frame)
	end
	add(item, F.call_kind, tvb, at, 1)
	add_text(item, F.call_flags, tvb, at + 1, 1, flag_names(call.flags, CALL_FLAGS))
	for _, name in ipairs({ "more", "upgrade", "nowait", "want_accept", "want_final", "endless",
			"callee" }) do
		add(item, F["call_" .. name], tvb, at + 1, 1)
	end
	if not call.layout.is_of_session then
		add(item, F.call_slot, tvb, at + 2, 2)
		add(item, F.call_gen, tvb, at + 4, 4)
	end
	for _, field in ipairs(call.layout) do
		add(item, F["call_" .. field[1]], tvb, at + field[2], field[3])
	end
	if call.data then
		generate(item, F.data_length, call.n)
	end
	if call.data and call.n > 0 then
		add(item, F.data, tvb, at + call.layout.head, call.n)
	end
	return describe_call(call, frame.track and frame.track.call or {})
end

local function show_nothing()
	return ""
end

---- RCOM: recovery of kernels ----

local function show_rcom_result(item, tvb, raw, frame, at)
	local result = signed32(le32(raw, at))
	local text

	if frame.rcom == 5 and result >= 0 then
		text = flag_names(result, RCOM_STATE)
	elseif frame.rcom == 7 and result >= 0 then
		text = ("master is node %d"):format(result)
	else
		text = RESULTS[result]
	end
	if text then
		add_text(item, F.rcom_result, tvb, at, 4, text)
	else
		add(item, F.rcom_result, tvb, at, 4)
	end
	return text or tostring(result)
end

local function show_rcom_status(item, tvb, raw, frame, at)
	add_text(item, F.rcom_flags, tvb, at, 4, flag_names(le32(raw, at), RCOM_STATUS_FLAGS))
end

local function show_rcom_status_reply(item, tvb, raw, frame, at)
	add(item, F.rcom_lvblen, tvb, at, 4)
	add(item, F.rcom_lsflags, tvb, at + 4, 4)
	add(item, F.rcom_flags, tvb, at + 8, 4)
	add(item, F.rcom_our_slot, tvb, at + 12, 2)
	add(item, F.rcom_num_slots, tvb, at + 14, 2)
	add(item, F.rcom_generation, tvb, at + 16, 4)
	for slot = at + 32, frame.finish - 16, 16 do
		add(item, F.rcom_slot, tvb, slot + 4, 2)
		add(item, F.rcom_slot_node, tvb, slot, 4)
	end
end

local function show_rcom_name(item, tvb, raw, frame, at)
	if frame.finish > at then
		add(item, F.rcom_name, tvb, at, frame.finish - at)
	end
end

-- Lengths in the list are big endian, unlike all else.
local function show_rcom_names(item, tvb, raw, frame, at)
	while frame.finish - at >= 2 do
		local n = raw:byte(at + 1) * 0x100 + raw:byte(at + 2)

		if n == 0xffff or n == 0 then
			item:add(F.rcom_end, tvb(at, 2), n == 0 and "MORE" or "LAST")
			return
		elseif at + 2 + n > frame.finish then
			break
		end
		add(item, F.rcom_name, tvb, at + 2, n)
		at = at + 2 + n
	end
	item:add_proto_expert_info(E.malformed, "A name of NAMES_REPLY does not fit")
end

local function show_mode(item, field, tvb, raw, at)
	local mode = raw:byte(at + 1)

	add_text(item, field, tvb, at, 1, MODES[mode < 128 and mode or mode - 256] or "unknown")
end

local function show_rcom_lock(item, tvb, raw, frame, at)
	local namelen = math.min(le16(raw, at + 42), 64)

	add(item, F.lock_pid, tvb, at, 4)
	add(item, F.lock_lkid, tvb, at + 4, 4)
	add(item, F.lock_remid, tvb, at + 8, 4)
	add(item, F.lock_parent_lkid, tvb, at + 12, 4)
	add(item, F.lock_parent_remid, tvb, at + 16, 4)
	add_text(item, F.lock_exflags, tvb, at + 20, 4, flag_names(le32(raw, at + 20), LOCK_FLAGS))
	add(item, F.lock_flags, tvb, at + 24, 4)
	add(item, F.lock_lvbseq, tvb, at + 28, 4)
	add(item, F.lock_result, tvb, at + 32, 4)
	show_mode(item, F.lock_rqmode, tvb, raw, at + 36)
	show_mode(item, F.lock_grmode, tvb, raw, at + 37)
	add(item, F.lock_status, tvb, at + 38, 1)
	add_text(item, F.lock_asts, tvb, at + 39, 1, flag_names(raw:byte(at + 40), ASTS))
	add(item, F.lock_wait_type, tvb, at + 40, 2)
	add(item, F.lock_namelen, tvb, at + 42, 2)
	if namelen > 0 then
		add(item, F.rcom_name, tvb, at + 44, namelen)
	end
	if frame.finish > at + 108 then
		add(item, F.lock_lvb, tvb, at + 108, frame.finish - at - 108)
	end
end

local SHOW_RCOM = { [0] = show_nothing, show_rcom_status, show_rcom_name, show_rcom_name,
	show_rcom_lock, show_rcom_status_reply, show_rcom_names, show_nothing, show_rcom_lock }

local function show_rcom(item, tvb, raw, frame)
	local at, text = frame.body

	if frame.finish - at < 32 then
		return ""
	end
	add(item, F.lockspace, tvb, frame.inner + 4, 4)
	add(item, F.rcom_type, tvb, at, 4)
	text = show_rcom_result(item, tvb, raw, frame, at + 4)
	add(item, F.rcom_id, tvb, at + 8, 8)
	add(item, F.rcom_seq, tvb, at + 16, 8)
	add(item, F.rcom_seq_reply, tvb, at + 24, 8)
	SHOW_RCOM[RCOM_TYPES[frame.rcom] and frame.rcom or 0](item, tvb, raw, frame, at + 32)
	return "result=" .. text
end

-- Wireshark's own dissector takes MSG with its envelope, without TLVs, or bare in version 3.1. It
-- raises an error where the packet is shorter than it says.
local function show_msg(item, tvb, raw, frame, pinfo, carrier)
	local dissector = stock[carrier] or stock.tcp
	local packet = tvb(frame.at, frame.length):tvb()
	local is_known = frame.optlen == 0 or (not frame.optlen and raw:byte(frame.at + 1) == 1)

	add(item, F.lockspace, tvb, frame.inner + 4, 4)
	if frame.malformed or not is_known or not dissector then
		return ""
	elseif not pcall(dissector.call, dissector, packet, pinfo, item) then
		item:add_proto_expert_info(E.malformed, "MSG is shorter than its fields")
	end
	return ""
end

local SHOW = { [CMD.MSG] = show_msg, [CMD.RCOM] = show_rcom, [CMD.FIN] = show_nothing,
	[0x40] = show_data, [0x41] = show_hello, [0x42] = show_fragment, [0x43] = show_refuse,
	[0x44] = show_nothing, [0x45] = show_probe, [0x46] = show_probe, [0x47] = show_status,
	[0x48] = show_call }

---- a frame ----

local function show_envelope(item, tvb, raw, frame)
	add(item, F.nextcmd, tvb, frame.at + 16, 1)
	add(item, F.optlen, tvb, frame.at + 18, 2)
	for _, tlv in ipairs(frame.tlvs) do
		show_tlv(item, tvb, tlv)
	end
	if frame.profile == "native" then
		add(item, F.inner_u, tvb, frame.inner + 4, 4)
	end
end

local function show_headers(item, tvb, raw, frame)
	add(item, F.version, tvb, frame.at, 4)
	if frame.kind == "ACK" then
		add(item, F.ack, tvb, frame.at + 4, 4)
	elseif frame.is_sequenced then
		add(item, F.seq, tvb, frame.at + 4, 4)
	end
	add(item, F.node, tvb, frame.at + 8, 4)
	add(item, F.length, tvb, frame.at + 12, 2)
	add(item, F.cmd, tvb, frame.at + 14, 1)
	if frame.cmd == CMD.OPTS then
		show_envelope(item, tvb, raw, frame)
	end
end

-- The fields of this kind, and a few words for the line of the frame.
local function show_body(item, tvb, raw, frame, pinfo, carrier)
	local show = SHOW[frame.nextcmd or frame.cmd]

	if frame.is_unknown then
		item:add_proto_expert_info(E.unknown, ("Unknown next-command %d"):format(frame.nextcmd))
		return show_data(item, tvb, raw, frame)
	elseif frame.is_readable then
		return show(item, tvb, raw, frame, pinfo, carrier)
	end
	return ""
end

local function describe_number(frame)
	if frame.kind == "ACK" then
		return (" next=%d"):format(frame.u)
	elseif frame.is_sequenced then
		return (" seq=%d"):format(frame.u)
	end
	return ""
end

local function show_message(item, message, packet)
	local first = message.sent[1]

	generate(item, F.message, message.number)
	if first.packet ~= packet then
		generate(item, F.first_in, first.packet):append_text(" (" .. first.connection .. ")")
	end
	for i = 2, math.min(#message.sent, SENT_MAX) do
		local again = message.sent[i]

		if again.packet ~= packet then
			generate(item, F.repeated_in, again.packet)
				:append_text(" (" .. again.connection .. ")")
		end
	end
	if message.acknowledged_in then
		generate(item, F.acknowledged_in, message.acknowledged_in)
	end
end

local function show_taken(item, taken)
	local n = math.min(#taken, ACKNOWLEDGED_MAX)

	if n == 0 then
		return
	end
	local sub = item:add(sinew, ("Acknowledges %d to %d, %d in all"):format(taken[1].number,
		taken[#taken].number, #taken)):set_generated()

	for i = 1, n do
		generate(sub, F.message, taken[i].number)
		generate(sub, F.acknowledges, taken[i].sent[1].packet)
	end
end

-- The expert notes of a track, with the word that the line of the frame has for each.
local function notes_of(track, is_read_again)
	local notes, call = {}, track.call or {}
	local function note(is_true, name, word, text)
		if is_true then
			notes[#notes + 1] = { expert = E[name], word = word, text = text }
		end
	end

	note(track.is_repeated, "repeated", "repeated", "The number was sent before")
	note(track.is_out_of_order, "out_of_order", "out of order",
		"The number is before the last one on this connection")
	note(track.missing, "gap", "gap " .. (track.missing or ""),
		("%d numbers before this one are missing"):format(track.missing or 0))
	note(track.resumed, "resume", "resume",
		("The session continues from %s, %d numbers are to be repeated"):format(
		track.resumed or "", track.to_repeat or 0))
	note(track.is_restart, "restart", "restart", "The nodes count from 0 again")
	note(track.is_ack_again, "ack_again", "again", "The number was acknowledged before")
	note(track.unseen, "ack_unseen", "unseen " .. (track.unseen or ""),
		("%d numbers are acknowledged that the capture does not show"):format(track.unseen or 0))
	note(call.used_by, "call_used", "slot in use",
		("The slot is in use by the call of frame %d"):format(call.used_by or 0))
	note(call.excess, "call_excess", "excess " .. ("%.0f"):format(call.excess or 0),
		("%.0f bytes are beyond the announced total"):format(call.excess or 0))
	note(call.is_unseen, "call_unseen", "call unseen", "The capture has no BEGIN of this call")
	note(call.is_late, "call_late", "late", "The call had ended")
	note(call.is_all_over, "call_all_over", "all calls over",
		"Rules of calls are broken: all calls of the session are over")
	note(is_read_again and call.is_begin and not call.call.ended_in, "call_no_end", "no end",
		"The capture has no end of this call")
	return notes
end

local function show_call_links(item, record, frame)
	local call = record.call

	if not record.is_begin then
		generate(item, F.call_request_in, call.begun_in)
	end
	for _, name in ipairs({ "accepted_in", "reply_in", "aborted_in", "ended_in" }) do
		if record.is_begin and call[name] then
			generate(item, F["call_" .. name], call[name])
		end
	end
	-- So that a filter for a service or an operation has all frames of its calls.
	for _, name in ipairs({ "service", "op" }) do
		if call[name] and not frame.call[name] then
			generate(item, F["call_" .. name], call[name])
		end
	end
	if record.took then
		generate(item, F.call_took, record.took)
	end
end

local function show_track(item, track, frame, pinfo)
	local words = {}

	if track.session then
		generate(item, F.session, track.session)
	end
	if track.sender then
		generate(item, F.sender, track.sender)
	end
	if track.message then
		show_message(item, track.message, pinfo.number)
	end
	if track.call and track.call.call then
		show_call_links(item, track.call, frame)
	end
	if track.missing then
		generate(item, F.missing, track.missing)
	end
	show_taken(item, track.taken or {})
	for _, note in ipairs(notes_of(track, pinfo.visited)) do
		item:add_proto_expert_info(note.expert, note.text)
		words[#words + 1] = note.word
	end
	return #words > 0 and (" [%s]"):format(table.concat(words, ", ")) or ""
end

-- The column Info has all frames of a packet, whose dissection may take several calls.
local function say(pinfo, text)
	local all = pinfo.private["sinew.info"]

	all = all and all .. " | " .. text or text
	pinfo.private["sinew.info"] = all:sub(1, INFO_MAX)
end

local function show_columns(pinfo)
	pinfo.cols.protocol:set("SINEW")
	if pinfo.private["sinew.info"] then
		-- TCP keeps what one call has written from the next one.
		pinfo.cols.info:clear_fence()
		pinfo.cols.info:set(pinfo.private["sinew.info"])
	end
end

local function show_frame(tvb, raw, at, pinfo, tree, carrier)
	local frame = parse(raw, at)
	local item = tree:add(sinew, tvb(at, frame.length), "sinew")
	local name = frame.kind .. (frame.type and " " .. frame.type or "") .. describe_number(frame)
	local track, body, marks

	frame.bytes = frame.u == 0 and raw:sub(at + 1, frame.finish) or nil
	track = track_of(frame, pinfo, carrier)
	frame.track = track
	generate(item, F.kind, frame.kind)
	if frame.type then
		generate(item, F.type, frame.type)
	end
	show_headers(item, tvb, raw, frame)
	body = show_body(item, tvb, raw, frame, pinfo, carrier)
	marks = track and show_track(item, track, frame, pinfo) or ""
	if not track then
		item:add_proto_expert_info(E.untracked)
	end
	if frame.malformed then
		item:add_proto_expert_info(E.malformed, "Malformed: " .. frame.malformed)
		marks = marks .. " [malformed]"
	end
	item:set_text(("sinew %s, node %d%s%s"):format(name, frame.node,
		body ~= "" and ", " .. body or "", marks))
	say(pinfo, name .. (body ~= "" and " " .. body or "") .. marks)
	return frame.finish
end

---- a stream of bytes ----

-- What is not a frame from `at` on, up to where the next one may begin.
local function show_garbage(tvb, raw, at, pinfo, tree, carrier)
	local finish, item, why

	if resembles_frame(raw, at) then
		finish = malformed_end(raw, at)
		why = why_malformed(raw, at, finish)
		item = tree:add(sinew, tvb(at, finish - at), "sinew, a malformed frame: " .. why)
		generate(item, F.kind, "malformed")
		item:add_proto_expert_info(E.malformed, "Malformed: " .. why)
		track_of({ kind = "malformed", malformed = why, header = raw:sub(at + 1, at + HEADER) },
			pinfo, carrier)
		say(pinfo, "malformed: " .. why)
		return finish
	end
	finish = next_frame(raw, at + 1)
	item = tree:add(sinew, tvb(at, finish - at), ("sinew, %d bytes are no frame"):format(finish - at))
	add(item, F.bytes_skipped, tvb, at, finish - at)
	item:add_proto_expert_info(E.skipped, ("%d bytes are no frame"):format(finish - at))
	say(pinfo, ("%d bytes skipped"):format(finish - at))
	return finish
end

local function show_partial(tvb, raw, at, pinfo, tree)
	local n = #raw - at
	local item = tree:add(sinew, tvb(at, n), ("sinew, %d bytes of a frame"):format(n))
	local text = ("Only %d bytes of a frame are there"):format(n)

	if n >= HEADER then
		text = ("Only %d of %d bytes of the frame are there"):format(n, le16(raw, at + 12))
		add(item, F.node, tvb, at + 8, 4)
		add(item, F.length, tvb, at + 12, 2)
		add(item, F.cmd, tvb, at + 14, 1)
	end
	item:add_proto_expert_info(E.partial, text)
	say(pinfo, "partial")
end

-- Shows all whole frames. The results: where the frame begins whose rest is missing, and how many
-- bytes of it, nil if not even its header is there.
local function show_frames(tvb, raw, pinfo, tree, carrier)
	local at = 0

	while at < #raw do
		local verdict = judge(raw, at, false)

		if verdict == "more" then
			return at, nil
		elseif verdict == "none" then
			at = show_garbage(tvb, raw, at, pinfo, tree, carrier)
		elseif at + le16(raw, at + 12) > #raw then
			return at, at + le16(raw, at + 12) - #raw
		else
			at = show_frame(tvb, raw, at, pinfo, tree, carrier)
		end
	end
	return at, 0
end

-- A stream: the transport is asked for the rest of the last frame.
local function dissect_stream(tvb, pinfo, tree, carrier)
	local raw = tvb:raw()
	local at, missing = show_frames(tvb, raw, pinfo, tree, carrier)

	if at < #raw and pinfo.can_desegment > 0 and tvb:len() == tvb:reported_len() then
		pinfo.desegment_offset = at
		pinfo.desegment_len = missing or DESEGMENT_ONE_MORE_SEGMENT
	elseif at < #raw then
		show_partial(tvb, raw, at, pinfo, tree)
	end
	if not pinfo.visited then
		local _, from = ends_of(pinfo, carrier)

		-- It stays when the rest never comes.
		from.unfinished = at < #raw and pinfo.number or nil
	end
	show_columns(pinfo)
	return tvb:len()
end

-- SCTP: a message holds whole frames as a rule, but the kernel takes the messages as a stream, so
-- one may begin with the rest of a frame. `kept` is how the last message of the sender ended.
local function prefix_of(raw, pinfo, from)
	local call = (tonumber(pinfo.private["sinew.calls"]) or 0) + 1
	local key = pinfo.number .. ":" .. call

	pinfo.private["sinew.calls"] = tostring(call)
	if not pinfo.visited and from.kept and judge(raw, 0, true) == "none" and
			state.prefix_bytes + #from.kept <= PREFIXES_MAX then
		state.prefixes[key] = from.kept
		state.prefix_bytes = state.prefix_bytes + #from.kept
	end
	return state.prefixes[key]
end

local function dissect_message(tvb, pinfo, tree)
	local _, from = ends_of(pinfo, "sctp")
	local raw = tvb:raw()
	local prefix = prefix_of(raw, pinfo, from)
	local at

	if prefix then
		raw = prefix .. raw
		tvb = ByteArray.new(raw, true):tvb("Frames of several SCTP messages")
	end
	at = show_frames(tvb, raw, pinfo, tree, "sctp")
	if at < #raw then
		show_partial(tvb, raw, at, pinfo, tree)
	end
	if not pinfo.visited then
		from.kept = at < #raw and #raw - at <= PREFIX_MAX and raw:sub(at + 1) or nil
	end
	show_columns(pinfo)
	return tvb:len()
end

---- where it is called from ----

-- A record of TLS begins with its type and version, and none of them is that of a frame.
local function is_tls(tvb)
	return tvb:len() >= 3 and tvb:raw(0, 3):find("^[\20-\23]\3[\0-\4]") ~= nil
end

-- Wireshark's number of the transport; Lua has no name for it.
local PT_SCTP = 1
local tls_is_known, tls = pcall(Dissector.get, "tls")

function sinew.dissector(tvb, pinfo, tree)
	if tvb:len() == 0 then
		return 0
	elseif pinfo.port_type == PT_SCTP then
		return dissect_message(tvb, pinfo, tree)
	elseif is_tls(tvb) and tls_is_known and tls then
		-- Inside of it, the name of the protocol (ALPN) leads back to us.
		return tls:call(tvb, pinfo, tree)
	end
	return dissect_stream(tvb, pinfo, tree, "tcp")
end

function sinew.init()
	forget_all()
end

forget_all()

-- A connection on any port whose first bytes are a frame.
local function try(tvb, pinfo, tree)
	local raw = tvb:raw(0, math.min(tvb:len(), OPTS + TLVS_PLAUSIBLE + HEADER))

	if #raw < HEADER or judge(raw, 0, true) ~= "frame" then
		return false
	end
	pinfo.conversation = sinew
	sinew.dissector(tvb, pinfo, tree)
	return true
end

sinew:register_heuristic("tcp", try)
sinew:register_heuristic("sctp", try)

-- The ports are ours but for MSG; without them the lock manager's is Wireshark's again.
local ports
local function listen_on(new_ports)
	for carrier, by_port in pairs({ tcp = tcp_ports, sctp = sctp_ports }) do
		if ports then
			by_port:remove(ports, sinew)
		end
		if ports and stock[carrier] then
			by_port:add(DLM_PORT, stock[carrier])
		end
		by_port:add(new_ports, sinew)
	end
	if ports then
		udp_ports:remove(ports, in_udp)
	end
	udp_ports:add(new_ports, in_udp)
	ports = new_ports
end

function sinew.prefs_changed()
	if sinew.prefs.ports ~= ports then
		listen_on(sinew.prefs.ports)
	end
end

listen_on(sinew.prefs.ports)
tcp_ports:add_for_decode_as(sinew)
sctp_ports:add_for_decode_as(sinew)
pcall(function()
	DissectorTable.get("tls.alpn"):add("sinew/1", sinew)
end)

---- tshark -q -z sinew[,FILTER]: frames by kind, and the notes, of each direction ----

local function new_counts(track)
	return { rows = {}, repeated = 0, gaps = 0, malformed = 0, from = track.from, to = track.to,
		frames = 0 }
end

local function count(counts, track)
	counts.frames = counts.frames + 1
	counts.rows[track.row] = (counts.rows[track.row] or 0) + 1
	counts.repeated = counts.repeated + (track.is_repeated and 1 or 0)
	counts.gaps = counts.gaps + (track.missing or 0)
	counts.malformed = counts.malformed + (track.malformed and 1 or 0)
end

local function sorted_keys(rows)
	local keys = {}

	for key in pairs(rows) do
		keys[#keys + 1] = key
	end
	table.sort(keys)
	return keys
end

local function report_rows(lines, title, counts)
	lines[#lines + 1] = ("%s: %d frames, %d repeated, %d missing, %d malformed"):format(title,
		counts.frames, counts.repeated, counts.gaps, counts.malformed)
	for _, row in ipairs(sorted_keys(counts.rows)) do
		lines[#lines + 1] = ("%10d  %s"):format(counts.rows[row], row)
	end
end

local function report_direction(lines, counts)
	local from, to = counts.from, counts.to

	report_rows(lines, ("%s (node %s) -> %s (node %s)"):format(from.name, node_of(from) or "?",
		to.name, node_of(to) or "?"), counts)
	if from.unfinished then
		lines[#lines + 1] = ("%10d  frame without its end, in packet %d"):format(1, from.unfinished)
	end
end

local function report(directions, sum)
	local lines = { "sinew: frames by kind" }

	for _, counts in ipairs(directions) do
		report_direction(lines, counts)
	end
	report_rows(lines, "all", sum)
	if state.n_untracked > 0 then
		lines[#lines + 1] = ("%d more frames are not counted (preference sinew.frames)"):format(
			state.n_untracked)
	end
	return table.concat(lines, "\n")
end

-- Calls show(TEXT) whenever Wireshark wants to see the sums of what passes the filter.
local function tap_frames(filter, show)
	local tap = Listener.new("frame", filter)
	local directions, by_end, sum = {}, {}, new_counts({})

	function tap.reset()
		directions, by_end, sum = {}, {}, new_counts({})
	end

	function tap.packet(pinfo)
		for _, track in ipairs(state.packets[pinfo.number] or {}) do
			local counts = by_end[track.from]

			if not counts then
				counts = new_counts(track)
				by_end[track.from] = counts
				directions[#directions + 1] = counts
			end
			count(counts, track)
			count(sum, track)
		end
	end

	function tap.draw()
		show(report(directions, sum))
	end
	return tap
end

register_stat_cmd_arg("sinew", function(argument)
	local filter = argument:match("^sinew,(.+)$")

	tap_frames(filter, print)
end)

if gui_enabled() then
	register_menu("sinew: frames by kind", function()
		local window = TextWindow.new("sinew: frames by kind")
		local tap = tap_frames(nil, function(text) window:set(text) end)

		window:set_atclose(function() tap:remove() end)
		retap_packets()
	end, MENU_TOOLS_UNSORTED)
end
