# SPDX-License-Identifier: LGPL-2.1-or-later
# Owns how everything is built, checked and installed. Knows no source file by
# name: what lies in a folder belongs to it. "make help" lists the targets.

VERSION := 0.2.0
SOVERSION := 1

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
EXAMPLEDIR ?= $(PREFIX)/share/doc/sinew/examples
SCHEMADIR ?= $(PREFIX)/share/sinew/schemas
# Where Wireshark and tshark look for Lua: for our usual prefix the folder that tshark itself names.
WIRESHARKDIR ?= $(or $(if $(filter /usr/local,$(PREFIX)),$(shell tshark -G folders 2>/dev/null | \
	sed -n 's/^Global Lua Plugins:[[:space:]]*//p')),$(LIBDIR)/wireshark/plugins)
DESTDIR ?=

# V=1 shows commands. Variants: make BUILD=build/asan CC=clang SAN=address,undefined
BUILD ?= build
SAN ?=
WERROR ?=
V ?=
# make demo: tcp, sctp or sctp-user
TRANSPORT ?=
# make bench: within a minute; only that row, group or figure
QUICK ?=
ROW ?=
# make mutate: how many, drawn from which seed, where, in which files and statements; or LISTED
N ?= 200
SEED ?= 1
DIRS ?= proto lowcomms services membership
FILE ?=
TEXT ?=
LISTED ?=
AGAIN ?=
BY ?=
RECORD ?=
LEAST ?= 85
SECONDS_MAX ?= 0
# make check-kernel: with the newest kernel of Debian alone; RECORD=1: only its recordings
NEWEST ?=
# make fuzz: how long each target, and which (all)
SECONDS ?= 60
TARGET ?=

PKG_CONFIG ?= pkg-config
INSTALL ?= install
OBJCOPY ?= $(shell $(CC) -print-prog-name=objcopy)
CFLAGS ?= -O2 -g
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
# -j for the makes started below, unless the caller has chosen.
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
ifneq ($(WERROR),)
WARN += -Werror
endif
ifneq ($(SAN),)
HARDEN := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDHARDEN := -fsanitize=$(SAN)
else
HARDEN := -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
LDHARDEN := -Wl,-z,relro,-z,now,-z,noexecstack
endif
# Fuzz targets with libFuzzer's main(): what `make fuzz` builds for itself.
FUZZING ?=
ifneq ($(FUZZING),)
HARDEN += -DFUZZING -fsanitize=fuzzer-no-link
GUIDED := -fsanitize=fuzzer
endif
# The library's own calls are not to be replaced from outside.
# A public header names another one as an installed one does.
BASE := -std=c11 -I. -idirafter lowcomms -fPIC -fno-semantic-interposition -pthread $(WARN) $(HARDEN)
GNU := -D_GNU_SOURCE
# Where a long has 32 bits, files and times need to be told that they have 64. Where the processor
# has no 64-bit atomics, a library has them.
MACHINE := $(shell echo 'long-__SIZEOF_LONG__ cas-__GCC_HAVE_SYNC_COMPARE_AND_SWAP_8' | \
	$(CC) $(CPPFLAGS) $(CFLAGS) -E -P - 2>/dev/null | tr -d ' ')
ifneq ($(findstring long-4,$(MACHINE)),)
GNU += -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
# gcc says that 64-bit atomics had another alignment before version 11: proto/ring.h checks it.
WARN += -Wno-psabi
endif
ATOMIC_LIBS := $(if $(findstring __GCC_HAVE,$(MACHINE)),-latomic)
LINK = $(CFLAGS) $(LDHARDEN) $(LDFLAGS)

# Without it the library has no control socket; the command needs it.
ifeq ($(shell $(PKG_CONFIG) --exists json-c 2>/dev/null && echo yes),yes)
JSON_CFLAGS := -DHAVE_JSON $(shell $(PKG_CONFIG) --cflags json-c)
JSON_LIBS := $(shell $(PKG_CONFIG) --libs json-c)
endif
ifeq ($(shell $(PKG_CONFIG) --exists libqb 2>/dev/null && echo yes),yes)
QB_CFLAGS := -DHAVE_LIBQB $(shell $(PKG_CONFIG) --cflags libqb)
QB_LIBS := $(shell $(PKG_CONFIG) --libs libqb)
endif
ifeq ($(shell $(PKG_CONFIG) --exists libnftables 2>/dev/null && echo yes),yes)
NFT_CFLAGS := -DHAVE_NFTABLES $(shell $(PKG_CONFIG) --cflags libnftables)
NFT_LIBS := $(shell $(PKG_CONFIG) --libs libnftables)
endif
ifeq ($(shell $(PKG_CONFIG) --exists 'nettle >= 3.5' 2>/dev/null && echo yes),yes)
NETTLE_CFLAGS := -DHAVE_NETTLE $(shell $(PKG_CONFIG) --cflags nettle)
NETTLE_LIBS := $(shell $(PKG_CONFIG) --libs nettle)
endif
COROSYNC := libcpg libquorum libcmap libcorosync_common
ifeq ($(shell $(PKG_CONFIG) --exists $(COROSYNC) 2>/dev/null && echo yes),yes)
COROSYNC_CFLAGS := -DHAVE_COROSYNC $(shell $(PKG_CONFIG) --cflags $(COROSYNC))
COROSYNC_LIBS := $(shell $(PKG_CONFIG) --libs $(COROSYNC))
endif
# SCTP, each of its two backends where its library is installed.
SCTP_CFLAGS :=
SCTP_LIBS :=
ifeq ($(shell $(PKG_CONFIG) --exists libsctp 2>/dev/null && echo yes),yes)
SCTP_CFLAGS += -DHAVE_LIBSCTP $(shell $(PKG_CONFIG) --cflags libsctp)
SCTP_LIBS += $(shell $(PKG_CONFIG) --libs libsctp)
else
NO_SCTP += sctp_kernel sctp_socket
endif
ifeq ($(shell $(PKG_CONFIG) --exists usrsctp 2>/dev/null && echo yes),yes)
USRSCTP_LIBS := $(shell $(PKG_CONFIG) --libs usrsctp)
SCTP_CFLAGS += -DHAVE_USRSCTP $(filter-out -D%,$(shell $(PKG_CONFIG) --cflags usrsctp))
SCTP_LIBS += $(USRSCTP_LIBS)
else
NO_SCTP += sctp_user sctp_assoc sctp_wire sctp_seat sctp_stack
endif
# What is compared: not in any product; a program is left out if its library is not there.
# libnng comes without a file for pkg-config.
ifeq ($(shell $(PKG_CONFIG) --exists libzmq 2>/dev/null && echo yes),yes)
ZMQ_CFLAGS := $(shell $(PKG_CONFIG) --cflags libzmq)
ZMQ_LIBS := $(shell $(PKG_CONFIG) --libs libzmq)
endif
ifneq ($(wildcard /usr/include/nng/nng.h),)
NNG_LIBS := -lnng
endif
# In C++; without a compiler for that it is left out, too, and with a sanitizer, which it would not
# have.
ifeq ($(SAN)$(shell $(PKG_CONFIG) --exists grpc++ 2>/dev/null && command -v $(CXX) >/dev/null && echo yes),yes)
GRPC_CFLAGS := $(shell $(PKG_CONFIG) --cflags grpc++)
GRPC_LIBS := $(shell $(PKG_CONFIG) --libs grpc++)
endif
TOOL_CFLAGS = $(JSON_CFLAGS) $(QB_CFLAGS) $(NFT_CFLAGS) $(NETTLE_CFLAGS) $(COROSYNC_CFLAGS)
# What the library itself needs.
LIB_LIBS = $(COROSYNC_LIBS) $(SCTP_LIBS) $(JSON_LIBS) $(ATOMIC_LIBS)
TOOL_LIBS = $(QB_LIBS) $(NFT_LIBS) $(NETTLE_LIBS) $(LIB_LIBS)

OBJ := $(BUILD)/obj
comma := ,
cmd = $(if $(V),,@printf "  %-2s %s\n" $(1) $@;)
objects = $(patsubst %.c,$(OBJ)/%.o,$(sort $(wildcard $(1))))

# What talks to corosync is built where corosync's libraries are.
NO_COROSYNC := $(if $(COROSYNC_LIBS),,$(patsubst %,$(OBJ)/membership/%.o,ipc corosync follow instance nodelist publish))
# JSON is where json-c is.
NO_JSON := $(if $(JSON_LIBS),,$(patsubst %,$(OBJ)/services/%.o,json \
	$(addprefix control_,answer calls config peer request status)))
# What is of a file of nodes alone.
OF_FILES := again apply config host join names resolve rights section similar static
LIB_OBJS := $(filter-out $(NO_COROSYNC) $(NO_JSON) $(NO_SCTP:%=$(OBJ)/lowcomms/%.o),$(call objects,proto/*.c lowcomms/*.c services/*.c membership/*.c))
TOOL_OBJS := $(call objects,tools/*.c tools/*/*.c)
SIM_OBJS := $(call objects,tests/sim/*.c)
STREAM_OBJS := $(call objects,tests/stream/*.c)
# Unit and whole-program tests of a layer are in the folder of its name, their programs all in one.
LAYERS := proto lowcomms services membership tools
TESTS := $(foreach l,$(LAYERS),$(patsubst tests/$(l)/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/$(l)/*.c)))) \
	$(patsubst tests/vm/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/vm/test_*.c)))
# A member of a kernel's lockspace; tests link the pure part of it.
DLM_OBJS := $(call objects,tests/vm/dlm_*.c)
DLM_EDGE := $(patsubst %,$(OBJ)/tests/vm/dlm_%.o,member peers command events)
DLM_PURE := $(filter-out $(DLM_EDGE),$(DLM_OBJS))
DLM_MEMBER := $(BUILD)/tests/vm/dlm_member
WITH_DLM := $(patsubst %,$(BUILD)/tests/test_dlm_%,packet random space)
# What the live tests run: all of it is about corosync.
LIVE := $(if $(COROSYNC_LIBS),$(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/live/*.c))))
# Programs of one file each: a fuzz target has a main() that replays its corpus.
FUZZ := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/fuzz/*.c)))
# Programs that tests/cross.sh runs on several machines at once.
CROSS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/cross/*.c)))
# Tests of the command, themselves or by a header of theirs; all others are of the library alone.
OF_TOOLS := $(shell grep -ls -e '"tools/' \
	$(patsubst %,-e '"%"',$(shell grep -ls '"tools/' tests/lib/*.h)) tests/*/*.c)
PROGRAMS := $(TESTS) $(LIVE) $(FUZZ) $(CROSS)
TOOL_PROGRAMS := $(filter $(addprefix %/,$(notdir $(OF_TOOLS:.c=))),$(PROGRAMS))
SIM := $(if $(SIM_OBJS),$(BUILD)/tests/sim)
# The contract of streams, over each transport.
STREAM := $(BUILD)/tests/stream
BENCH_WORKING := $(BUILD)/bench/sinew $(BUILD)/bench/sockets $(if $(ZMQ_LIBS),$(BUILD)/bench/zmq) \
	$(if $(NNG_LIBS),$(BUILD)/bench/nng) $(if $(GRPC_LIBS),$(BUILD)/bench/grpc) \
	$(if $(USRSCTP_LIBS),$(BUILD)/bench/usrsctp)
BENCH := $(addprefix $(BUILD)/bench/,run counted) $(BENCH_WORKING)
MAN1 := $(sort $(wildcard tools/*.1 tools/*/*.1))
MAN3 := $(sort $(wildcard lowcomms/man/*.3 services/man/*.3 membership/man/*.3))
MAN5 := $(sort $(wildcard membership/*.5))
MAN7 := $(sort $(wildcard lowcomms/man/*.7 services/man/*.7))

# sinew-qb.h is inline: only its users need libqb.
EXAMPLES := $(sort $(wildcard examples/*.c))
UNITS := $(notdir $(sort $(wildcard tools/systemd/*.service)))
SCHEMAS := $(sort $(wildcard tools/schemas/*.json))
HEADERS := lowcomms/sinew.h lowcomms/sinew-manage.h lowcomms/sinew-qb.h lowcomms/sinew-test.h \
	services/sinew-call.h services/sinew-call-event.h services/sinew-cred.h services/sinew-topo.h \
	services/sinew-control.h membership/sinew-config.h $(if $(COROSYNC_LIBS),membership/sinew-corosync.h)

LIB_A := $(BUILD)/libsinew.a
# The same objects with all their names, for our own programs.
LIB_INSIDE := $(BUILD)/inside.a
TOOLS_A := $(BUILD)/tools.a
TESTS_A := $(BUILD)/tests/libtest.a
# What of tests/lib/ stands in for functions of other libraries, and the programs that want that.
FAKES := $(addprefix $(OBJ)/tests/lib/,fake_corosync.o fake_config.o fake_user.o)
FAKE_CALLS := $(OBJ)/tests/lib/fake_calls.o
STAND_INS := $(FAKES) $(FAKE_CALLS) $(OBJ)/tests/lib/gate.o
WITH_FAKES := $(if $(COROSYNC_LIBS),$(patsubst tests/membership/%.c,$(BUILD)/tests/%, \
	$(shell grep -l '"tests/lib/fake_user' tests/membership/*.c)))
WITH_FAKE_CALLS := $(if $(COROSYNC_LIBS),$(BUILD)/tests/test_ipc)
WITH_COUNTS := $(BUILD)/tests/gate_stream $(BUILD)/tests/gate_idle $(BUILD)/tests/gate_calls
LIB_SO := $(BUILD)/libsinew.so.$(VERSION)
SONAME := libsinew.so.$(SOVERSION)
# A shared library with a sanitizer in it is of no use: unresolved on purpose.
SHARED := $(if $(SAN),,$(LIB_SO))
# For mutants one library that is exchanged under all programs, with everything visible.
MUTATE ?=
LIB_MUTANT := $(BUILD)/libmutant.so
# What is tested has all assertions, and those of proto/check.h; what is installed and measured has
# none. With a sanitizer nothing is, and all objects have them. Mutants are of objects with all of
# them: CFLAGS says which.
LIB_CHECKED := $(if $(SAN),$(LIB_INSIDE),$(BUILD)/checked.a)
SINEW_CHECKED := $(BUILD)/checked/sinew
LINKED := $(if $(MUTATE),$(LIB_MUTANT),$(LIB_CHECKED))
ASSERTIONS := -DSINEW_CHECK
NO_ASSERTIONS := $(if $(MUTATE),,$(if $(SAN),$(ASSERTIONS),-DNDEBUG))

.PHONY: all abi pages digests tests bench-check check check-all check-kernel coverage cross deb demo demo-calls demo-corosync demo-kernel demo-topology deps clean help FORCE
.PHONY: have-library have-command have-kernel mutate mutate-built mutate-programs mutate-run
.PHONY: bench bench-programs install install-built uninstall fuzz fuzz-built fuzz-merge fuzz-programs
# A recipe that fails leaves nothing half made; objects are kept; no built-in rules are wanted.
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

all: $(BUILD)/sinew $(SHARED) $(LIB_A)

# Programs with one thread, and those that measure, do not run with the sanitizer of threads.
NOT_OF_THREADS := $(FUZZ) $(SIM) $(BENCH)
tests: all $(SINEW_CHECKED) $(filter-out $(if $(filter thread,$(SAN)),$(NOT_OF_THREADS)), \
	$(PROGRAMS) $(DLM_MEMBER) $(SIM) $(STREAM) $(BENCH))

help:
	@echo 'make             the command, the shared and the static library, in $(BUILD)/'
	@echo 'make demo        three nodes, real files, connections destroyed 50 times a second;'
	@echo '                 TRANSPORT=sctp, sctp-user: over that of the kernel, in user land'
	@echo 'make demo-calls  calls between three nodes, the same done to them, one node killed'
	@echo 'make demo-corosync  the same in a cluster of corosync, a node killed, a node cut off'
	@echo 'make demo-kernel  a Linux kernel in a virtual machine and a member of ours, as root'
	@echo 'make demo-topology  names of programs, a stopped subscriber, a node killed and back'
	@echo 'make check       all tests but the longest (5 minutes)'
	@echo 'make check-all   all of them, with clang and sanitizers, mutants, gates (40 minutes)'
	@echo 'make check-kernel  with real kernels in virtual machines, as root (10 minutes); NEWEST=1;'
	@echo '                 RECORD=1 records their AF_RXRPC anew'
	@echo 'make coverage    lines and branches of each file that the tests execute (5 minutes)'
	@echo 'make cross       32 bits, big endian, arm64 and musl, under emulation (4 minutes)'
	@echo 'make bench       beside sockets, usrsctp, ZeroMQ, NNG, gRPC (18 minutes);'
	@echo '                 QUICK=1 in one minute; ROW=stream64 that alone'
	@echo 'make bench-check  instructions, calls, memory of a message against tests/bench_limits'
	@echo 'make fuzz        libFuzzer on every target: SECONDS=60 each, TARGET=core for one'
	@echo 'make fuzz-merge  takes what it found into the corpus'
	@echo 'make mutate      random slips in the code, and whether a test sees them: N=200 SEED=1'
	@echo '                 DIRS=proto, FILE=proto/link.c, TEXT="l->kept"; LISTED=all: the listed ones'
	@echo 'make deps        installs what is missing (as root), or says how'
	@echo 'make deb         Debian packages, in $(BUILD)/deb/'
	@echo 'make abi         records the binary interface of the library anew'
	@echo 'make pages       writes the rows of options in the manual anew'
	@echo 'make digests     records what the simulated nodes do, after a change of behaviour'
	@echo 'make install     PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)'
	@echo 'make uninstall   make clean'
	@echo 'Variants: make BUILD=build/asan CC=clang SAN=address,undefined; WERROR=1'

deps:
	@tools/deps.sh --install build check check-all coverage cross deb bench kernel && \
		tools/deps.sh --have build check check-all coverage cross deb bench kernel 2>/dev/null && \
		echo 'deps: everything is there'

# What the library needs is asked for before anything is compiled, what only the command needs
# before a file of its own is.
have-library:
	@CC='$(CC)' PKG_CONFIG='$(PKG_CONFIG)' tools/deps.sh --have library

have-command:
	@CC='$(CC)' PKG_CONFIG='$(PKG_CONFIG)' tools/deps.sh --have build

# ---- objects ----

# Rebuilds everything when flags or compiler change.
FLAGS := $(CC) $(CPPFLAGS) $(CFLAGS) $(BASE) $(TOOL_CFLAGS) $(SCTP_CFLAGS) $(ZMQ_CFLAGS) $(LDFLAGS) \
	$(NO_ASSERTIONS) $(ASSERTIONS)
$(BUILD)/flags: FORCE | have-library
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' >$@

$(LIB_OBJS): GUARDS := $(NO_ASSERTIONS)

$(OBJ)/proto/%.o: proto/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(BASE) $(GUARDS) -MMD -MP -c -o $@ $<

$(OBJ)/tools/%.o: tools/%.c $(BUILD)/flags | have-command
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(BASE) $(GNU) $(TOOL_CFLAGS) \
		-MMD -MP -c -o $@ $<

$(OBJ)/tests/bench/%.o: tests/bench/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(BASE) $(GNU) $(ZMQ_CFLAGS) -MMD -MP -c -o $@ $<

$(OBJ)/tests/bench/grpc/%.o: tests/bench/grpc/%.cc $(BUILD)/flags
	@mkdir -p $(@D)
	$(call cmd,CX)$(CXX) $(CPPFLAGS) -O2 -g -std=c++17 -I. -Wall -Wextra $(GRPC_CFLAGS) \
		-MMD -MP -c -o $@ $<

$(OBJ)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(BASE) $(GNU) $(COROSYNC_CFLAGS) $(SCTP_CFLAGS) $(JSON_CFLAGS) \
		$(GUARDS) -MMD -MP -c -o $@ $<

# Compiling a test takes longer than running it.
$(foreach l,$(LAYERS),$(OBJ)/tests/$(l)/test_%.o): override CFLAGS := $(patsubst -O2,-O1,$(CFLAGS))
$(OBJ)/tests/membership/test_corosync_busy.o $(OBJ)/tests/lowcomms/test_qb.o: COROSYNC_CFLAGS += $(QB_CFLAGS)

$(OBJ)/checked/proto/%.o: proto/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(BASE) $(ASSERTIONS) -MMD -MP -c -o $@ $<

$(OBJ)/checked/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(BASE) $(GNU) $(COROSYNC_CFLAGS) $(SCTP_CFLAGS) $(JSON_CFLAGS) \
		$(ASSERTIONS) -MMD -MP -c -o $@ $<

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

# ---- results ----

$(LIB_INSIDE): $(LIB_OBJS)
	@rm -f $@
	$(call cmd,AR)$(AR) rcs $@ $^

# The static library has the names of the shared one and no others: its members are linked from
# the objects, then all else in them is made local. What needs corosync's libraries is a member of
# its own, with its own copy of what it uses of membership/; a program without it needs none of them.
MEMBERS := $(OBJ)/archive/sinew.o $(OBJ)/archive/config.o $(if $(COROSYNC_LIBS),$(OBJ)/archive/corosync.o)
$(OBJ)/archive/sinew.o: $(filter $(addprefix $(OBJ)/,proto/% lowcomms/% services/%),$(LIB_OBJS))
$(OBJ)/archive/config.o: $(patsubst %,$(OBJ)/membership/%.o,$(OF_FILES))
$(OBJ)/archive/corosync.o: $(filter $(OBJ)/membership/%,$(LIB_OBJS))
# What is not to be the compiler's own byte code in the end, and in which form gcc says so.
NO_BYTE_CODE := $(if $(findstring -flto,$(CFLAGS)),$(shell $(CC) -flinker-output=nolto-rel \
	-E -x c /dev/null >/dev/null 2>&1 && echo -flinker-output=nolto-rel))
$(MEMBERS): lowcomms/sinew.map
	@mkdir -p $(@D)
	@sed -n -e 's/^	\($(if $(filter %/corosync.o,$@),sinew_corosync_,sinew_)[a-z0-9_]*\);/\1/p' \
		-e '$$a __x86.*' lowcomms/sinew.map >$@.names
	$(call cmd,LD)$(CC) $(CFLAGS) -fPIC $(filter -fuse-ld=%,$(LDFLAGS)) $(NO_BYTE_CODE) -r -nostdlib \
		-Wl,--build-id=none -o $@.all $(filter %.o,$^)
	@$(OBJCOPY) --wildcard --keep-global-symbols=$@.names $@.all $@

# With a sanitizer it is for tests alone.
$(LIB_A): $(if $(SAN),$(LIB_OBJS),$(MEMBERS))
	@rm -f $@
	$(call cmd,AR)$(AR) rcs $@ $^

$(BUILD)/checked.a: $(patsubst $(OBJ)/%,$(OBJ)/checked/%,$(LIB_OBJS))
	@rm -f $@
	$(call cmd,AR)$(AR) rcs $@ $^

$(LIB_SO): $(LIB_OBJS) lowcomms/sinew.map
	$(call cmd,CC)$(CC) $(LINK) -shared -pthread -Wl,-soname,$(SONAME) \
		-Wl,--version-script=lowcomms/sinew.map -Wl,-z,defs -o $@ $(LIB_OBJS) \
		$(LIB_LIBS)
	@ln -sf $(@F) $(BUILD)/$(SONAME)
	@ln -sf $(SONAME) $(BUILD)/libsinew.so

$(LIB_MUTANT): $(LIB_OBJS)
	$(call cmd,CC)$(CC) $(LINK) -shared -pthread -Wl,-soname,$(@F) -o $@ $^ $(LIB_LIBS)

$(BUILD)/sinew: $(TOOL_OBJS) $(if $(MUTATE),$(LIB_MUTANT),$(LIB_INSIDE))
# The command as tests run it.
$(SINEW_CHECKED): $(TOOL_OBJS) $(LINKED)
$(BUILD)/sinew $(SINEW_CHECKED):
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(LINK) -pthread -o $@ $^ $(TOOL_LIBS)

# What the tools are made of, for tests: only what a test calls is linked.
$(TOOLS_A): $(filter-out $(OBJ)/tools/sinew.o,$(TOOL_OBJS))
# What tests share.
$(TESTS_A): $(filter-out $(STAND_INS),$(call objects,tests/lib/*.c))
$(TOOLS_A) $(TESTS_A):
	@mkdir -p $(@D)
	@rm -f $@
	$(call cmd,AR)$(AR) rcs $@ $^

# The object of the program $*: of a layer's folder, or of its own.
object_of_test = $(call objects,tests/$*.c $(patsubst %,tests/%/$*.c,$(LAYERS) vm))
.SECONDEXPANSION:

# A test that includes nothing of the tools is linked without them; what is measured without
# the checks.
GATES := $(filter $(BUILD)/tests/gate_%,$(PROGRAMS))
CHECKED_PROGRAMS := $(filter-out $(GATES),$(PROGRAMS))
$(WITH_FAKES): $(FAKES)
$(WITH_DLM): $(DLM_PURE) $(OBJ)/tests/vm/world.o
$(WITH_FAKE_CALLS): $(FAKE_CALLS)
$(WITH_COUNTS): $(OBJ)/tests/lib/gate.o
$(filter $(TOOL_PROGRAMS),$(CHECKED_PROGRAMS)): $(BUILD)/tests/%: $$(object_of_test) $(TESTS_A) $(TOOLS_A) $(LINKED)
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(LINK) $(GUIDED) -pthread -o $@ $^ -Wl,--as-needed $(TOOL_LIBS)

$(filter-out $(TOOL_PROGRAMS),$(CHECKED_PROGRAMS)): $(BUILD)/tests/%: $$(object_of_test) $(TESTS_A) $(LINKED)
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(LINK) $(GUIDED) -pthread -o $@ $(filter %.o,$^) $(filter-out %.o,$^) \
		-Wl,--as-needed $(QB_LIBS) $(LIB_LIBS)

$(GATES): $(BUILD)/tests/%: $$(object_of_test) $(TESTS_A) $(TOOLS_A) $(LIB_INSIDE)
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(LINK) -pthread -o $@ $(filter %.o,$^) $(filter-out %.o,$^) \
		-Wl,--as-needed $(TOOL_LIBS)

# The calls that are made to fail, and what gives back.
WRAPPED_test_failures := free freeaddrinfo \
	$(shell sed -n 's/^CALL.\([a-z0-9_]*\),.*/\1/p' tests/lib/failures.def)
WRAPPED_test_corosync_open := $(WRAPPED_test_failures)
WRAPPED_test_server_failures := $(WRAPPED_test_failures)
WRAPPED_test_control_failures := $(WRAPPED_test_failures)
WRAPPED_test_names := getaddrinfo freeaddrinfo eventfd pthread_create calloc
WRAPPED_TESTS := test_failures test_corosync_open test_names test_server_failures test_control_failures
wrap = $(addprefix -Wl$(comma)--wrap=,$(1))
$(foreach t,$(WRAPPED_TESTS),$(eval $(BUILD)/tests/$(t): LDFLAGS += $$(call wrap,$$(WRAPPED_$(t)))))

$(DLM_MEMBER): $(DLM_OBJS) $(TOOLS_A) $(LINKED)
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(LINK) -pthread -o $@ $^ -Wl,--as-needed $(TOOL_LIBS)

$(STREAM): $(STREAM_OBJS) $(TESTS_A) $(LINKED)
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(LINK) -pthread -o $@ $^ -Wl,--as-needed $(LIB_LIBS)

$(BUILD)/tests/sim: $(SIM_OBJS) $(LINKED)
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(LINK) -pthread -o $@ $^ -lm -Wl,--as-needed $(LIB_LIBS)

$(BUILD)/bench/run: $(call objects,tests/bench/*.c) $(TOOLS_A) $(LIB_INSIDE)
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(LINK) -pthread -o $@ $^ -Wl,--as-needed $(TOOL_LIBS)

$(BUILD)/bench/zmq: WORKING_LIBS := $(ZMQ_LIBS)
$(BUILD)/bench/nng: WORKING_LIBS := $(NNG_LIBS)
$(BUILD)/bench/grpc: WORKING_LIBS := $(GRPC_LIBS) -lstdc++
$(BUILD)/bench/usrsctp: WORKING_LIBS := $(USRSCTP_LIBS)
$(BUILD)/bench/grpc: $(OBJ)/tests/bench/grpc/grpc.o

# A program for each library that is compared: its folder, and what all of them share.
$(BENCH_WORKING): $(BUILD)/bench/%: $$(call objects,tests/bench/work/*.c tests/bench/$$*/*.c) \
		$(TOOLS_A) $(LIB_INSIDE)
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(LINK) -pthread -o $@ $^ $(WORKING_LIBS) -Wl,--as-needed $(LIB_LIBS)

# Ours with the calls that write counted.
$(BUILD)/bench/counted: $(call objects,tests/bench/work/*.c tests/bench/sinew/*.c \
		tests/bench/counted/*.c) $(TOOLS_A) $(LIB_INSIDE)
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(LINK) -pthread -o $@ $^ -Wl,--as-needed $(LIB_LIBS) \
		$(call wrap,sendmsg send write writev)

$(BUILD)/sinew.pc: lowcomms/sinew.pc.in FORCE
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|' \
		-e 's|@PRIVATE@|$(LIB_LIBS)|' $< >$@

# ---- real kernels (tests/vm) ----

# The program in a guest: it uses libdlm, and nothing of ours.
AGENT := $(BUILD)/vm/agent
$(call objects,tests/vm/agent*.c): | have-kernel
$(AGENT): $(call objects,tests/vm/agent*.c)
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(LINK) -pthread -o $@ $^ $(shell $(PKG_CONFIG) --libs libdlm 2>/dev/null)

# Others, for its AF_RXRPC and its TIPC.
PLAYERS := $(patsubst %,$(BUILD)/tests/vm/%_player,rxrpc tipc)
$(PLAYERS): $(BUILD)/tests/vm/%: $(OBJ)/tests/vm/%.o $(TESTS_A)
	@mkdir -p $(@D)
	$(call cmd,CC)$(CC) $(LINK) -pthread -o $@ $^

have-kernel:
	@CC='$(CC)' PKG_CONFIG='$(PKG_CONFIG)' tools/deps.sh --have kernel

# ---- running ----

# What is missing is installed first, so a make that sees it comes after.
check:
	@tools/deps.sh --install build check
	@$(MAKE) --no-print-directory $(PARALLEL) tests
	@BUILD='$(BUILD)' tests/run.sh

check-all:
	@tools/deps.sh --install build check check-all cross deb bench kernel
	@WERROR='$(WERROR)' tests/all.sh

# With real kernels in virtual machines: tests/vm/check.sh says more.
check-kernel:
	@tools/deps.sh --install build kernel
	@$(MAKE) --no-print-directory $(PARALLEL) $(AGENT) $(DLM_MEMBER) $(SINEW_CHECKED) $(PLAYERS) \
		$(STREAM) $(BUILD)/tests/test_sctp
	@BUILD='$(BUILD)' NEWEST='$(NEWEST)' RECORD='$(RECORD)' tests/vm/check.sh

cross:
	@tools/deps.sh --install build cross
	@BUILD='$(BUILD)' tests/cross.sh

# Lines and branches of the library that the tests execute: tests/coverage.sh says which tests.
coverage:
	@tools/deps.sh --install build check coverage
	@BUILD='$(BUILD)/coverage' tests/coverage.sh

bench-programs: $(BENCH) $(BUILD)/tests/gate_stream $(BUILD)/sinew

# What is installed now is seen by the make that comes after.
bench:
	@tools/deps.sh --install build bench grpc
	@$(MAKE) --no-print-directory $(PARALLEL) bench-programs
	@$(BUILD)/bench/run --build $(BUILD) --json $(BUILD)/bench.json \
		--charts $(BUILD)/bench $(if $(QUICK),--quick) $(addprefix --row ,$(ROW))

# What does not depend on the machine's speed, against tests/bench_limits.
bench-check:
	@tools/deps.sh --install build check
	@$(MAKE) --no-print-directory $(PARALLEL) tests
	@export BUILD='$(BUILD)' SKIPS=forbidden; \
		tests/lowcomms/test_gate_idle.sh && tests/lowcomms/test_gate.sh

MUTATE_TESTS := $(filter-out %.sh,$(filter test_%,$(shell cat tests/mutate/order)))
MUTATE_PROGRAMS := $(BUILD)/sinew $(SINEW_CHECKED) $(STREAM) $(LIVE) $(addprefix $(BUILD)/tests/,$(sort $(MUTATE_TESTS)))
mutate-programs: $(SIM) $(if $(RECORD),,$(MUTATE_PROGRAMS))

MUTATE_CFLAGS := -O1 -DSINEW_CHECK -ftrivial-auto-var-init=pattern $(if $(RECORD),-Itests/mutate/record)

mutate-built:
	@tools/deps.sh --install build check mutate
	@$(MAKE) --no-print-directory $(PARALLEL) BUILD='$(BUILD)/mutate' CC='$(CC)' MUTATE=1 WERROR= \
		CFLAGS='$(MUTATE_CFLAGS)' mutate-programs

# Mutants drawn from a seed, and the tests that kill them: tests/mutate/run.py says more.
mutate: mutate-built
	@$(MAKE) --no-print-directory BUILD='$(BUILD)/mutate' CC='$(CC)' MUTATE=1 WERROR= \
		CFLAGS='$(MUTATE_CFLAGS)' mutate-run

# "TEST: OBJECT...;" of each test
stands_in = $(foreach t,$(2),$(notdir $(t)): $(1);)

mutate-run:
	@MUTATE_CC='$(CC) $(CPPFLAGS) $(CFLAGS) $(BASE)' MUTATE_GNU='$(GNU) $(COROSYNC_CFLAGS) $(JSON_CFLAGS)' \
		MUTATE_LIBS='$(LIB_LIBS)' MUTATE_TOOL_LIBS='$(TOOL_LIBS)' MUTATE_OBJS='$(LIB_OBJS)' \
		MUTATE_MEMBERS='$(filter-out $(STAND_INS),$(call objects,tests/lib/*.c))' \
		MUTATE_WITH='$(call stands_in,$(FAKES),$(WITH_FAKES))$(call stands_in,$(FAKE_CALLS),$(WITH_FAKE_CALLS))' \
		MUTATE_WRAPPED='$(foreach t,$(WRAPPED_TESTS),$(t): $(WRAPPED_$(t));)' \
		python3 tests/mutate/run.py --build '$(BUILD)' --n $(N) --seed $(SEED) \
		--dirs '$(DIRS)' --file '$(FILE)' --text '$(TEXT)' --again '$(AGAIN)' --by '$(BY)' \
		--listed '$(LISTED)' --least $(LEAST) --jobs $(JOBS) --seconds $(SECONDS_MAX)

fuzz-programs: $(FUZZ)

fuzz-built:
	@CC=clang tools/deps.sh --install build fuzz
	@$(MAKE) --no-print-directory $(PARALLEL) BUILD='$(BUILD)/fuzz' CC=clang \
		SAN=address,undefined FUZZING=1 fuzz-programs

fuzz fuzz-merge: fuzz-built
	@BUILD='$(BUILD)/fuzz' FUZZ_SECONDS='$(SECONDS)' JOBS='$(JOBS)' \
		tests/fuzz.sh $(if $(filter fuzz-merge,$@),--merge) $(TARGET)

demo:
	@tools/deps.sh --install build
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@BUILD='$(BUILD)' TRANSPORT='$(TRANSPORT)' tools/demo.sh

demo-corosync:
	@tools/deps.sh --install build corosync
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@BUILD='$(BUILD)' tools/demo-corosync.sh

demo-calls:
	@tools/deps.sh --install build
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@BUILD='$(BUILD)' tools/demo-calls.sh

demo-topology:
	@tools/deps.sh --install build
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@BUILD='$(BUILD)' tools/demo-topology.sh

demo-kernel:
	@tools/deps.sh --install build kernel
	@$(MAKE) --no-print-directory $(PARALLEL) all $(BUILD)/checked/sinew $(AGENT) $(DLM_MEMBER)
	@tests/vm/kernels.sh $(BUILD)/kernels
	@BUILD='$(BUILD)' tests/vm/demo.sh

deb:
	@tools/deps.sh --install build deb
	@BUILD='$(BUILD)' tools/deb.sh

# Only when the interface is meant to change.
abi: all
	@BUILD='$(BUILD)' tests/tree/test_abi.sh --record

# The rows of lowcomms/options.def and services/call_options.def.
pages: $(BUILD)/tests/test_option_pages
	@for page in membership/sinew.conf.5 lowcomms/man/sinew_node_new.3; do \
		$< --print $$page >$<.page && cat $<.page >$$page || exit; \
	done; rm $<.page

# What the nodes of 1000 seeds do (tests/sim/digest.c).
digests: $(SIM)
	@$(SIM) --record-digests

# ---- installing ----

install: all
	@$(MAKE) --no-print-directory install-built

# What has been built, whatever flags that was done with.
install-built: $(BUILD)/sinew.pc
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)
	$(INSTALL) -m 755 $(BUILD)/sinew $(DESTDIR)$(BINDIR)/sinew
	$(INSTALL) -m 755 $(LIB_SO) $(DESTDIR)$(LIBDIR)/libsinew.so.$(VERSION)
	ln -sf libsinew.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libsinew.so
	$(INSTALL) -m 644 $(LIB_A) $(DESTDIR)$(LIBDIR)/libsinew.a
	$(INSTALL) -m 644 $(BUILD)/sinew.pc $(DESTDIR)$(LIBDIR)/pkgconfig/sinew.pc
	$(INSTALL) -m 644 $(HEADERS) $(DESTDIR)$(INCLUDEDIR)
	$(INSTALL) -d $(foreach n,1 3 5 7,$(DESTDIR)$(MANDIR)/man$(n)) $(DESTDIR)$(COMPLETIONDIR) \
		$(DESTDIR)$(EXAMPLEDIR) $(DESTDIR)$(SCHEMADIR) $(DESTDIR)$(WIRESHARKDIR)
	$(INSTALL) -m 644 $(MAN1) $(DESTDIR)$(MANDIR)/man1
	$(INSTALL) -m 644 $(MAN3) $(DESTDIR)$(MANDIR)/man3
	$(INSTALL) -m 644 $(MAN5) $(DESTDIR)$(MANDIR)/man5
	$(INSTALL) -m 644 $(MAN7) $(DESTDIR)$(MANDIR)/man7
	$(INSTALL) -m 644 tools/completion/sinew $(DESTDIR)$(COMPLETIONDIR)/sinew
	$(INSTALL) -m 644 tools/wireshark/sinew.lua $(DESTDIR)$(WIRESHARKDIR)/sinew.lua
	@for unit in $(UNITS); do sed 's|/usr/bin/|$(BINDIR)/|' tools/systemd/$$unit >$(BUILD)/$$unit; done
	$(INSTALL) -m 644 $(addprefix $(BUILD)/,$(UNITS)) $(EXAMPLES) $(DESTDIR)$(EXAMPLEDIR)
	$(INSTALL) -m 644 $(SCHEMAS) $(DESTDIR)$(SCHEMADIR)
	@test -n '$(DESTDIR)' || ldconfig 2>/dev/null || true

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/sinew $(addprefix $(DESTDIR)$(INCLUDEDIR)/,$(notdir $(HEADERS)))
	rm -f $(DESTDIR)$(LIBDIR)/libsinew.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	rm -f $(DESTDIR)$(LIBDIR)/libsinew.so $(DESTDIR)$(LIBDIR)/libsinew.a
	rm -f $(DESTDIR)$(LIBDIR)/pkgconfig/sinew.pc
	rm -f $(foreach n,1 3 5 7,$(addprefix $(DESTDIR)$(MANDIR)/man$(n)/,$(notdir $(MAN$(n)))))
	rm -f $(DESTDIR)$(COMPLETIONDIR)/sinew
	rm -f $(addprefix $(DESTDIR)$(EXAMPLEDIR)/,$(notdir $(EXAMPLES)) $(UNITS))
	rm -f $(addprefix $(DESTDIR)$(SCHEMADIR)/,$(notdir $(SCHEMAS)))
	rm -f $(DESTDIR)$(WIRESHARKDIR)/sinew.lua

clean:
	rm -rf build
