# The one build file of sbx. `make help` lists what it does; the variables to set are those assigned with ?= below.
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
SHELL := /bin/bash
comma := ,

# STATIC=1: one static executable on musl (the default). STATIC=0: the system's libc, for debugging, sanitizers and distributions.
STATIC ?= 1
# A build directory each: objects of one kind are never mistaken for another's.
BUILD ?= $(if $(filter 1,$(STATIC)),build,build-glibc)
PREFIX ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif
CFLAGS ?= -O2 -g
CXXFLAGS ?= -O2 -g
CPPFLAGS ?=
LDFLAGS ?=
# A prefix for compilers, as in CCACHE=ccache.
CCACHE ?=
SBX_DEBUG ?= 0
WERROR ?= 0
LTO ?= 0
# A list for -fsanitize=; `make asan`, `ubsan` and `tsan` set it.
SAN ?=
# What guest code (the vDSO, the guest tests) is compiled with: the system's compiler, whatever CC is.
CC_GUEST ?= gcc
GUEST_CC ?= $(CC_GUEST)
GUEST_CFLAGS ?= -O1 -g -Wall
CLANGXX ?= clang++
CLANG_FORMAT ?= clang-format
STRIP ?= strip
ifeq ($(origin AR),default)
AR := gcc-ar
endif

# --- the compilers ---------------------------------------------------------------------------------------------------------------
# On a musl system the native compiler makes static executables by itself. Elsewhere tools/toolchain/build.sh builds what is missing into
# a cache outside the tree and wraps CC and CXX.
MACHINE := $(shell $(CXX) -dumpmachine 2>/dev/null)
ifeq ($(STATIC),1)
ifeq ($(findstring musl,$(MACHINE)),)
export REAL_CC := $(CC)
export REAL_CXX := $(CXX)
TOOLCHAIN := $(if $(MACHINE),$(shell tools/toolchain/build.sh path))
override CC := $(TOOLCHAIN)/bin/musl-gcc
override CXX := $(TOOLCHAIN)/bin/musl-g++
TOOLCHAIN_DONE := $(TOOLCHAIN)/done
else
LINK_STATIC := -static-pie
# Such systems' {fmt} is newer than src/base/fmt_library.cc knows.
NATIVE_FLAGS := -DFMT_HEADER_ONLY=1
endif
endif

GEN := $(BUILD)/gen
# g++ 12 sees overflows in atomic loads through pointers that it cannot prove to be non-null: a warning, never an error.
NO_ERROR := -Wno-error=stringop-overflow
WARN := -Wall -Wextra -Wshadow -Wdate-time -Wno-missing-field-initializers $(if $(filter 1,$(WERROR)),-Werror $(NO_ERROR))
CPP_ALL := -I. $(NATIVE_FLAGS) -I$(GEN) -D_GNU_SOURCE -DSBX_DEBUG=$(SBX_DEBUG) $(if $(filter 1,$(SBX_DEBUG)),-D_GLIBCXX_ASSERTIONS) $(CPPFLAGS)
COMMON := -ffile-prefix-map=$(CURDIR)=. -pthread -fPIE -ffunction-sections -fdata-sections -fno-strict-aliasing -fstack-protector-strong -fstack-clash-protection \
    $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer) $(if $(filter 1,$(LTO)),-flto=auto)
ifeq ($(STATIC)$(SAN),0)
# musl has no fortified functions; with optimisation off glibc's only warn.
COMMON += $(if $(filter -O0,$(CXXFLAGS)),,-D_FORTIFY_SOURCE=2)
endif
# Code below platform/stub/guest runs inside application processes: no canary in thread-local storage, no calls that a compiler made up.
STUB_FLAGS := -fno-stack-protector -fno-stack-clash-protection -fcf-protection=none -fno-builtin -fno-tree-loop-distribute-patterns \
    -fno-lto $(if $(SAN),-fno-sanitize=all)
CXX_ALL = $(CXX) -std=c++20 $(CPP_ALL) $(WARN) $(COMMON) $(CXXFLAGS)
CC_ALL = $(CC) $(CPP_ALL) $(WARN) $(COMMON) $(CFLAGS)
LINK = $(CXX) $(COMMON) $(CXXFLAGS) $(or $(LINK_STATIC),$(if $(filter 0,$(STATIC)),-pie)) \
    -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--build-id=sha1 $(LDFLAGS)
LIBS := -lseccomp

# --- sources: found, never listed ------------------------------------------------------------------------------------------------
DIRS := $(wildcard src platform syscalls fs net)
SRCS := $(sort $(shell find $(DIRS) \( -name '*.cc' -o -name '*.S' \) -not -path 'src/loader/vdso/*'))
HDRS := $(sort $(shell find $(DIRS) -name '*.h' -not -path 'src/loader/vdso/*'))
OBJS := $(patsubst %,$(BUILD)/obj/%.o,$(basename $(SRCS)))
MAIN := $(BUILD)/obj/src/cli/main.o
LIB_OBJS := $(filter-out $(MAIN),$(OBJS))
WATCH_SRCS := $(sort $(wildcard test/host/*.cc))
WATCH_OBJS := $(patsubst %.cc,$(BUILD)/obj/%.o,$(WATCH_SRCS))
UNIT_SRCS := $(sort $(shell find test/unit -name '*.cc' 2>/dev/null))
UNIT_OBJS := $(patsubst %.cc,$(BUILD)/obj/%.o,$(UNIT_SRCS))
GUEST_SRCS := $(sort $(shell find test/guest -name '*.c' 2>/dev/null))
GUEST_BINS := $(patsubst test/guest/%.c,$(BUILD)/guest/%,$(GUEST_SRCS))
BOMB_SRCS := $(sort $(wildcard test/hostile/*.c))
ifneq ($(words $(OBJS)),$(words $(sort $(OBJS))))
$(error two sources differ only in their ending: $(SRCS))
endif

# Objects depend on the flags, executables on the list of sources. Both are written only when they change.
define write_if_changed # FILE,TEXT
$(if $(and $(wildcard $(1)),$(findstring x$(strip $(2))x,x$(strip $(file <$(1)))x)),,$(shell mkdir -p $(dir $(1)))$(file >$(1),$(strip $(2))))
endef
ifneq ($(filter-out clean help deps deps-test deps-lint fetch asan ubsan tsan debug fuzz dist map format,$(or $(MAKECMDGOALS),all)),)
$(call write_if_changed,$(BUILD)/.flags,$(filter-out -Werror $(NO_ERROR) -ffile-prefix-map=%,$(CXX_ALL) $(CC_ALL) $(LINK) $(STUB_FLAGS)))
$(call write_if_changed,$(BUILD)/.sources,$(SRCS) $(UNIT_SRCS))
endif

.PHONY: all objs guest unit help clean install deps deps-test deps-lint fetch toolchain test test-unit test-guest test-state test-cli test-apps test-host test-hostile bench errnos faults fuzz fuzz-bins test-fuzz fuzz-calls \
    lint lint-layers lint-files lint-state lint-headers lint-threads lint-format check-binary format tidy asan ubsan tsan debug dist map

all: $(BUILD)/sbx $(if $(filter build,$(BUILD)),compile_commands.json)  ## build build/sbx
objs: $(OBJS)  ## compile without linking
guest: $(GUEST_BINS) $(BUILD)/hostile/bombs  ## compile the guest tests
unit: $(BUILD)/unit-test  ## compile the unit tests

# --- rules -----------------------------------------------------------------------------------------------------------------------
# V=1 shows whole commands.
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-6s %s\n' '$(1)' '$(2)')

# Exceptions belong to the command line, the configuration and the tests.
NOEXC = $(if $(filter src/cli/% src/config/% test/%,$<),,-fno-exceptions)
STUB = $(if $(filter platform/stub/guest/%,$<),$(STUB_FLAGS))

$(TOOLCHAIN_DONE):
	tools/toolchain/build.sh build
toolchain: $(TOOLCHAIN_DONE)

$(BUILD)/obj/%.o: %.cc $(BUILD)/.flags | $(TOOLCHAIN_DONE)
	@mkdir -p $(@D)
	$(call say,CXX,$<)
	$(Q)$(CCACHE) $(CXX_ALL) $(NOEXC) $(STUB) -MMD -MP -c $< -o $@
$(BUILD)/obj/%.o: %.S $(BUILD)/.flags | $(TOOLCHAIN_DONE)
	@mkdir -p $(@D)
	$(call say,AS,$<)
	$(Q)$(CCACHE) $(CC_ALL) -MMD -MP -c $< -o $@

# A thin archive: it names the objects and copies nothing. It is linked whole, since some objects only register what they hold (SBX_SAVABLE).
$(BUILD)/libsbx.a: $(LIB_OBJS) $(BUILD)/.sources
	@rm -f $@
	$(Q)$(AR) rcsDT $@ $(LIB_OBJS)
$(BUILD)/sbx: $(MAIN) $(BUILD)/libsbx.a
	$(call say,LINK,$@)
	$(Q)$(LINK) $(filter-out %.a,$^) -Wl,--whole-archive $(filter %.a,$^) -Wl,--no-whole-archive $(LIBS) -o $@
$(BUILD)/unit-test: $(UNIT_OBJS) $(BUILD)/libsbx.a
	$(call say,LINK,$@)
	$(Q)$(LINK) $(filter-out %.a,$^) -Wl,--whole-archive $(filter %.a,$^) -Wl,--no-whole-archive $(LIBS) -o $@
$(BUILD)/host-calls: $(WATCH_OBJS) $(BUILD)/libsbx.a
	$(call say,LINK,$@)
	$(Q)$(LINK) $(filter-out %.a,$^) -Wl,--whole-archive $(filter %.a,$^) -Wl,--no-whole-archive $(LIBS) -o $@
$(BUILD)/sequences: $(sort $(wildcard test/fuzz/diff/*.c)) test/fuzz/diff/seq.h
	$(call say,GUEST,$@)
	$(Q)$(GUEST_CC) $(GUEST_CFLAGS) -Wno-misleading-indentation $(filter %.c,$^) -o $@
$(BUILD)/victim: test/host/victim.c
	$(call say,GUEST,$<)
	$(Q)$(CCACHE) $(GUEST_CC) $(GUEST_CFLAGS) -pthread $< -o $@
$(BUILD)/.flags $(BUILD)/.sources:

$(BUILD)/guest/%: test/guest/%.c
	@mkdir -p $(@D)
	$(call say,GUEST,$<)
	$(Q)$(CCACHE) $(GUEST_CC) $(GUEST_CFLAGS) -pthread -Itest/guest -MMD -MP -MF $@.d $< \
	    $$(head -3 $< | grep -q '^// guest:.*static' && echo -static) -o $@

$(BUILD)/hostile/bombs: $(BOMB_SRCS) test/hostile/bomb.h
	@mkdir -p $(@D)
	$(call say,GUEST,$@)
	$(Q)$(CCACHE) $(GUEST_CC) $(GUEST_CFLAGS) -Wno-unused-result -pthread $(BOMB_SRCS) -o $@

# The vDSO image of the guest: freestanding; an .S embeds it with .incbin "vdso.so" (found through -I$(GEN)).
VDSO_SRCS := $(wildcard src/loader/vdso/*.c src/loader/vdso/*.S)
VDSO_LDS := $(wildcard src/loader/vdso/*.lds)
ifneq ($(VDSO_SRCS),)
$(GEN)/vdso.so: $(VDSO_SRCS) $(VDSO_LDS) src/abi/vdso_data.h
	@mkdir -p $(@D)
	$(call say,VDSO,$@)
	$(Q)$(CC_GUEST) -O2 -I. -fPIC -ffreestanding -fno-stack-protector -fno-stack-clash-protection -fcf-protection=none -fno-builtin \
	    -fasynchronous-unwind-tables -Wall -Wextra -shared -nostdlib -Wl,-soname,linux-vdso.so.1 -Wl,--hash-style=both \
	    -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--eh-frame-hdr -Wl,-Bsymbolic -Wl,-s \
	    $(VDSO_LDS:%=-Wl$(comma)-T$(comma)%) $(VDSO_SRCS) -o $@
$(patsubst %.S,$(BUILD)/obj/%.o,$(filter src/loader/%.S,$(SRCS))): $(GEN)/vdso.so
endif

# The init that run.init puts before the program: a static executable of its own, embedded the same way.
$(GEN)/init: src/loader/init/init.c
	@mkdir -p $(@D)
	$(call say,INIT,$@)
	$(Q)$(CC_GUEST) -O2 -ffreestanding -fno-stack-protector -fno-stack-clash-protection -fcf-protection=none -fno-builtin -fno-pie \
	    -fno-asynchronous-unwind-tables -Wall -Wextra -static -no-pie -nostdlib -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	    -Wl,-z,noexecstack -Wl,-z,separate-code -Wl,-s $< -o $@
$(BUILD)/obj/src/loader/init_image.o: $(GEN)/init

# For clangd and the like: the system's compiler and headers, which such tools understand.
compile_commands.json: $(BUILD)/.sources Makefile
	@{ echo '['; sep=; for f in $(filter %.cc,$(SRCS) $(UNIT_SRCS)); do \
	    printf '%s{"directory": "%s", "file": "%s", "command": "g++ -std=c++20 -I. -I$(GEN) -D_GNU_SOURCE -DSBX_DEBUG=0 $(WARN) -c %s"}' \
	        "$$sep" "$(CURDIR)" "$$f" "$$f"; sep=$$',\n'; \
	  done; echo; echo ']'; } >$@

# --- variants --------------------------------------------------------------------------------------------------------------------
# GOALS is what is made of a variant, as in `make asan GOALS=test`.
GOALS ?= all unit
# They are slow: the guest tests get more time.
VARIANT = +GUEST_SLOW=$${GUEST_SLOW:-4} $(MAKE) STATIC=0 SBX_DEBUG=1 $(GOALS)
asan:  ## build-asan/: AddressSanitizer and UndefinedBehaviorSanitizer (GOALS=test tests with it; so for the next three)
	$(VARIANT) BUILD=build-asan SAN=address,undefined CXXFLAGS='-O1 -g -fno-sanitize-recover=all' CFLAGS='-O1 -g'
ubsan:  ## build-ubsan/: UndefinedBehaviorSanitizer alone
	$(VARIANT) BUILD=build-ubsan SAN=undefined CXXFLAGS='-O1 -g -fno-sanitize-recover=all' CFLAGS='-O1 -g'
tsan:  ## build-tsan/: ThreadSanitizer
	$(VARIANT) BUILD=build-tsan SAN=thread CXXFLAGS='-O1 -g' CFLAGS='-O1 -g'
debug:  ## build-debug/: lock ranks and assertions checked, no optimisation; run with SBX_STRESS=N in the environment it gives way at random
	$(VARIANT) BUILD=build-debug CXXFLAGS='-O0 -g' CFLAGS='-O0 -g'

# --- tests -----------------------------------------------------------------------------------------------------------------------
TEST = SBX=$(abspath $(BUILD)/sbx) BUILD=$(BUILD) GUEST_BIN=$(BUILD)/guest tools/test.sh
# An empty list of unit sources is no binary.
UNIT_BIN := $(if $(UNIT_SRCS),$(BUILD)/unit-test)
test: $(BUILD)/sbx $(UNIT_BIN) $(BUILD)/host-calls $(BUILD)/victim guest  ## build and run all tests; the last line is `N passed, N failed`
	@$(TEST) unit guest state cli apps hostile host
test-unit: $(UNIT_BIN)  ## unit tests
	@$(TEST) unit
test-guest: $(BUILD)/sbx guest  ## guest programs: natively, then on each platform (PLATFORMS="native ptrace" chooses, T=REGEX picks)
	@$(TEST) guest
test-state: $(BUILD)/sbx guest  ## guest programs that are saved and loaded on their way (STATE_SAVES=N times each, STATE_SEED=N; T=REGEX picks)
	@$(TEST) state
test-cli: $(BUILD)/sbx  ## the command line
	@$(TEST) cli
test-hostile: $(BUILD)/sbx guest  ## programs that want to hurt the sandbox or the host
	@$(TEST) hostile
test-apps: $(BUILD)/sbx  ## real programs
	@$(TEST) apps
test-host: $(BUILD)/sbx $(BUILD)/host-calls $(BUILD)/victim guest  ## what sbx asks of its host (the filter's rows: only in `make test`)
	@$(TEST) host
faults: $(BUILD)/sbx $(BUILD)/host-calls $(BUILD)/victim  ## make host calls fail (FAULTS="--all --call REGEX --part REGEX -v"; without --all some places of each)
	@SBX=$(BUILD)/sbx HOST_CALLS=$(BUILD)/host-calls VICTIM=$(BUILD)/victim test/host/faults.py $(FAULTS)
errnos: $(BUILD)/sbx guest  ## which documented errors no guest test provokes (MAN=/usr/share/man, with manpages-dev)
	@SBX=$(abspath $(BUILD)/sbx) GUEST_BIN=$(BUILD)/guest test/guest/errnos.py $(MAN)

# Each file of test/fuzz is a target of libFuzzer. The corpora are small: what was found, and a start for what the fuzzer would not find by
# itself. Clang has no macro for sanitized addresses; the sources know gcc's.
FUZZ_SRCS := $(sort $(wildcard test/fuzz/*.cc))
FUZZ_BINS := $(FUZZ_SRCS:test/fuzz/%.cc=$(BUILD)/%)
fuzz:  ## build the fuzz targets into build/fuzz, with clang (FUZZ="NAME SECONDS" runs one)
	+$(MAKE) STATIC=0 BUILD=build/fuzz CC=clang CXX=$(CLANGXX) SAN=address,undefined,fuzzer-no-link SBX_DEBUG=1 CFLAGS='-O1 -g' \
	    CXXFLAGS='-O1 -g -fno-sanitize-recover=all -D__SANITIZE_ADDRESS__ -Wno-unknown-warning-option -Wno-ignored-optimization-argument' fuzz-bins
	$(if $(FUZZ),test/fuzz/run.sh build/fuzz $(FUZZ))
fuzz-bins: $(FUZZ_BINS)
$(FUZZ_BINS): $(BUILD)/%: $(BUILD)/obj/test/fuzz/%.o $(BUILD)/libsbx.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -fsanitize=fuzzer $(filter-out %.a,$^) -Wl,--whole-archive $(filter %.a,$^) -Wl,--no-whole-archive $(LIBS) -o $@
REPLAYS := $(FUZZ_SRCS:test/fuzz/%.cc=$(BUILD)/replay/%)
test-fuzz: $(REPLAYS)  ## what the fuzz targets have found, and their first inputs, without clang
	@set -e; for r in $(REPLAYS); do echo "== $${r##*/}"; $$r test/fuzz/corpus/$${r##*/} 2>$(BUILD)/replay/log || { cat $(BUILD)/replay/log; echo "FAIL $$r"; exit 1; }; done
$(REPLAYS): $(BUILD)/replay/%: $(BUILD)/obj/test/fuzz/%.o $(BUILD)/obj/test/fuzz/replay/main.o $(BUILD)/libsbx.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(LINK) $(filter-out %.a,$^) -Wl,--whole-archive $(filter %.a,$^) -Wl,--no-whole-archive $(LIBS) -o $@
fuzz-calls: $(BUILD)/sbx $(BUILD)/sequences  ## random sequences of system calls, natively and in sbx (RANGE="FIRST COUNT")
	@SBX=$(BUILD)/sbx SEQUENCES=$(BUILD)/sequences test/fuzz/diff/diff.py $(RANGE)

bench: $(BUILD)/sbx $(BUILD)/bench/work  ## measure sbx beside native, bwrap and others (ROWS="..." picks, N= rounds); JSON in $(BUILD)/bench.json
	@SBX=$(abspath $(BUILD)/sbx) WORK=$(abspath $(BUILD)/bench/work) test/bench/bench.py $(N:%=-n %) -o $(BUILD)/bench.json $(ROWS)
$(BUILD)/bench/work: test/bench/work.c
	@mkdir -p $(@D)
	$(call say,BENCH,$<)
	$(Q)$(CC_GUEST) -O2 -Wall -Wextra $< -o $@

# --- lint ------------------------------------------------------------------------------------------------------------------------
# Results are kept below $(BUILD)/lint with their dependencies: a second run looks only at what changed.
LINT := $(BUILD)/lint
LINTED := $(SRCS) $(HDRS) $(sort $(shell find test tools $(wildcard src/loader/vdso src/loader/init) -name '*.cc' -o -name '*.c' -o -name '*.S' -o -name '*.h' -o -name '*.sh' 2>/dev/null))
lint: lint-layers lint-files lint-state lint-headers lint-threads lint-format  ## what must hold of the sources, beyond compiling
lint-layers:
	@awk -f tools/lint/layers.awk $(SRCS) $(HDRS)
lint-files:
	@tools/lint/files.sh $(LINTED)
# What is saved, and what is not, and why.
lint-state:
	@tools/lint/state.py --self-test && tools/lint/state.py $(SRCS) $(HDRS)
lint-headers: $(HDRS:%=$(LINT)/%.alone)
$(LINT)/%.h.alone: %.h $(BUILD)/.flags | $(TOOLCHAIN_DONE)
	@mkdir -p $(@D)
	$(call say,ALONE,$<)
	$(Q)echo '#include "$<"' | $(CXX_ALL) -Werror -MMD -MP -MF $(LINT)/$*.h.d -MT $@ -fsyntax-only -x c++ - && touch $@
# clang's thread-safety analysis, with the system's headers.
HAVE_CLANG := $(shell command -v $(CLANGXX) 2>/dev/null)
lint-threads: $(if $(HAVE_CLANG),$(patsubst %,$(LINT)/%.threads,$(filter %.cc,$(SRCS))))
	$(if $(HAVE_CLANG),,@echo 'lint: no $(CLANGXX): thread-safety annotations were not checked')
$(LINT)/%.cc.threads: %.cc
	@mkdir -p $(@D)
	$(call say,CLANG,$<)
	$(Q)$(CLANGXX) -std=c++20 -I. -I$(GEN) -D_GNU_SOURCE -DSBX_DEBUG=0 -Wno-everything -Wthread-safety -Werror -MMD -MP -MF $(LINT)/$*.cc.d \
	    -MT $@ -fsyntax-only $< && touch $@
# The guest tests and the hostile programs are C, in the style of C.
FORMATTED := $(filter-out test/guest/% test/hostile/%,$(filter %.cc %.h,$(LINTED)))
lint-format:
	@$(CLANG_FORMAT) --version 2>/dev/null | grep -q 'version 14\.' || { echo 'lint: no clang-format 14: the format was not checked'; exit 0; }; \
	bad=$$(echo $(FORMATTED) | xargs -n 40 $(CLANG_FORMAT) --dry-run 2>&1 | sed -nE 's/^([^ :]+):[0-9]+:.*clang-format-violations.*/\1/p' | uniq -c); \
	[ -z "$$bad" ] || { echo "$$bad" | awk '{ print $$2 ": " $$1 " places are not formatted: make format FILES=" $$2 }'; exit 1; }
check-binary: $(BUILD)/sbx  ## is build/sbx static, hardened and small?
	@tools/lint/binary.sh $<
format:  ## clang-format all sources (FILES="..." for some)
	@echo $(or $(FILES),$(FORMATTED)) | xargs -n 40 $(CLANG_FORMAT) -i
tidy: compile_commands.json  ## clang-tidy (FILES="..." for some); advice, not a gate
	@echo $(or $(FILES),$(filter %.cc,$(SRCS))) | xargs -n 1 -P $$(nproc) clang-tidy -quiet

# --- the rest --------------------------------------------------------------------------------------------------------------------
deps:  ## install the packages that building and testing need, and fetch the source of libseccomp
	@tools/deps.sh build test
	@$(MAKE) fetch
deps-lint:  ## install what `make lint` can use beyond that
	@tools/deps.sh lint
fetch:
	@$(if $(and $(filter 1,$(STATIC)),$(if $(findstring musl,$(MACHINE)),,no)),tools/toolchain/build.sh fetch,true)
install: $(BUILD)/sbx  ## install below DESTDIR and PREFIX, stripped
	install -d $(DESTDIR)$(PREFIX)/bin
	$(STRIP) -o $(BUILD)/sbx.stripped $(BUILD)/sbx
	install -m 755 $(BUILD)/sbx.stripped $(DESTDIR)$(PREFIX)/bin/sbx
	@set -e; for page in $(wildcard man/*.[1-8]); do install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; done
dist:  ## a tarball of the committed tree
	git archive --prefix=sbx/ HEAD | gzip -n >sbx.tar.gz
map:  ## every file and what it is
	@for f in $(sort $(SRCS) $(HDRS)); do printf '%-44s %s\n' "$$f" "$$(head -n 1 "$$f" | sed 's,^[/*# ]*,,')"; done
clean:  ## remove what was built (the toolchain's cache stays)
	rm -rf $(BUILD) build-glibc build-asan build-ubsan build-tsan build-debug compile_commands.json sbx.tar.gz
help:  ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' Makefile | expand -t 16
	@echo; echo 'Variables: STATIC=0|1 BUILD=DIR CC CXX CFLAGS CXXFLAGS LDFLAGS CCACHE=ccache PREFIX DESTDIR SBX_DEBUG=1 WERROR=1 LTO=1 V=1 SBX_CACHE=DIR'

-include $(FUZZ_SRCS:%.cc=$(BUILD)/obj/%.d) $(OBJS:.o=.d) $(UNIT_OBJS:.o=.d) $(WATCH_OBJS:.o=.d) $(GUEST_BINS:=.d) $(HDRS:%.h=$(LINT)/%.h.d) $(patsubst %.cc,$(LINT)/%.cc.d,$(filter %.cc,$(SRCS)))
