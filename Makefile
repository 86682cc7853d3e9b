# The one build file of sbx: `make help` lists what it can do.
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

STATIC ?= 0
BUILD ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif
CFLAGS ?= -O2 -g
CXXFLAGS ?= -O2 -g
CCACHE ?=
SBX_DEBUG ?= 0
WERROR ?= 0
CC_GUEST ?= gcc
GUEST_CC ?= gcc
GUEST_CFLAGS ?= -O1 -g -Wall
comma := ,
GEN := $(BUILD)/gen

WARN := -Wall -Wextra -Wshadow -Wno-missing-field-initializers $(if $(filter 1,$(WERROR)),-Werror)
CPPFLAGS_ALL := -I. -I$(GEN) -D_GNU_SOURCE -DSBX_DEBUG=$(SBX_DEBUG) -DFMT_HEADER_ONLY=1 $(CPPFLAGS)
COMMON := -pthread -fPIE -ffunction-sections -fdata-sections -fstack-protector-strong -fno-strict-aliasing
CXX_ALL = $(CCACHE) $(CXX) -std=c++20 $(CPPFLAGS_ALL) $(WARN) $(COMMON) $(CXXFLAGS) -MMD -MP
CC_ALL = $(CCACHE) $(CC) $(CPPFLAGS_ALL) $(WARN) $(COMMON) $(CFLAGS) -MMD -MP
LINK = $(CXX) $(COMMON) $(CXXFLAGS) -pie -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)
LIBS := -lseccomp

DIRS := $(wildcard src platform syscalls fs net)
SRCS := $(sort $(shell find $(DIRS) \( -name '*.cc' -o -name '*.S' \) -not -path 'src/loader/vdso/*' -not -path 'platform/stub/freestanding/*'))
OBJS := $(patsubst %,$(BUILD)/obj/%.o,$(basename $(SRCS)))
MAIN := $(BUILD)/obj/src/cli/main.o
LIB_OBJS := $(filter-out $(MAIN),$(OBJS))

UNIT_SRCS := $(sort $(shell test -d test/unit && find test/unit -name '*.cc'))
UNIT_OBJS := $(patsubst %.cc,$(BUILD)/obj/%.o,$(UNIT_SRCS))
GUEST_SRCS := $(sort $(shell test -d test/guest && find test/guest -name '*.c'))
GUEST_BINS := $(patsubst test/guest/%.c,$(BUILD)/guest/%,$(GUEST_SRCS))

.PHONY: all objs guest test-unit clean
all: $(BUILD)/sbx
objs: $(OBJS)

NOEXC = $(if $(filter src/cli/% src/config/% test/%,$<),,-fno-exceptions)
$(BUILD)/obj/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX_ALL) $(NOEXC) -c $< -o $@
$(BUILD)/obj/%.o: %.S
	@mkdir -p $(@D)
	$(CC_ALL) -c $< -o $@

$(BUILD)/libsbx.a: $(LIB_OBJS)
	rm -f $@
	ar rcs $@ $^
$(BUILD)/sbx: $(MAIN) $(BUILD)/libsbx.a
	$(LINK) $^ $(LIBS) -o $@
$(BUILD)/unit-test: $(UNIT_OBJS) $(BUILD)/libsbx.a
	$(LINK) $^ $(LIBS) -o $@

$(BUILD)/guest/%: test/guest/%.c
	@mkdir -p $(@D)
	$(CCACHE) $(GUEST_CC) $(GUEST_CFLAGS) -pthread -Itest/guest -MMD -MP -MF $@.d $< \
	    $$(head -3 $< | grep -q '^// guest:.*static' && echo -static) -o $@

guest: $(GUEST_BINS)
test-unit: $(BUILD)/unit-test
	$<

# The vDSO image of the guest: freestanding, embedded by an .S with .incbin "vdso.so" (found through -I$(GEN)).
VDSO_SRCS := $(wildcard src/loader/vdso/*.c src/loader/vdso/*.S)
ifneq ($(VDSO_SRCS),)
$(GEN)/vdso.so: $(VDSO_SRCS) $(wildcard src/loader/vdso/*.h src/loader/vdso/*.lds)
	@mkdir -p $(@D)
	$(CC_GUEST) -O2 -fPIC -I. -ffreestanding -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -Wall \
	    -shared -nostdlib -Wl,-soname,linux-vdso.so.1 -Wl,--hash-style=both -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	    $(patsubst %,-Wl$(comma)-T$(comma)%,$(wildcard src/loader/vdso/*.lds)) $(VDSO_SRCS) -o $@
$(filter $(BUILD)/obj/src/loader/%,$(patsubst %.S,$(BUILD)/obj/%.o,$(filter %.S,$(SRCS)))): $(GEN)/vdso.so
endif


clean:
	rm -rf $(BUILD)

-include $(OBJS:.o=.d) $(UNIT_OBJS:.o=.d) $(GUEST_BINS:=.d)
