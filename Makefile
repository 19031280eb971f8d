# hubgate. `make help` names the targets: a comment that begins with ## behind a rule is its help.
# Variants: SAN=address,undefined or SAN=thread (objects in build/san-*),
#           DEBUG=1 (room checks), WERROR=1 (as CI does), V=1 (print commands).

comma   := ,
SAN     ?=
VARIANT := $(if $(SAN),/san-$(subst $(comma),-,$(SAN)),)$(if $(DEBUG),/debug,)
B       := build$(VARIANT)
PREFIX  ?= /usr
V       ?=
Q       := $(if $(V),,@)
# $(call quote,TEXT): one word of the shell.
quote    = '$(subst ','\'',$(1))'

# CC, AR, PKG_CONFIG, CPPFLAGS, CFLAGS and LDFLAGS are the guest's, from the environment or the
# command line. What hubgate itself needs stands in variables of its own, so that it stays when
# these are given: warnings and hardening before the guest's flags, which may change them, the
# rest behind. CC and AR have values in make itself; those do not count as given.
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin AR),default)
AR := ar
endif
PKG_CONFIG ?= pkg-config
CFLAGS     ?= -O2 -g

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
        -Wvla -Wformat=2 -Wundef -Wwrite-strings -Wcast-qual -Wswitch-enum -Wconversion \
        $(if $(WERROR),-Werror)
# Not where the guest gives a level of his own, nor without optimization, which it needs.
optimized = $(filter-out -O0,$(lastword $(filter -O%,$(CFLAGS))))
FORTIFY   = $(if $(findstring _FORTIFY_SOURCE,$(CC) $(CPPFLAGS) $(CFLAGS)),,$\
            $(if $(optimized),-D_FORTIFY_SOURCE=2))
HARDEN    = $(if $(SAN),-fno-omit-frame-pointer,-fstack-protector-strong $(FORTIFY))
SANITIZE := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)

# pkg-config is asked when its answer is first used, and once: `make deps` runs where it is missing.
LIB_PACKAGES := openssl libcjson sqlite3 libcurl libmicrohttpd libxxhash
PKG         = $(shell $(PKG_CONFIG) $(1))
LIBS        = $(eval LIBS := $(call PKG,--libs $(LIB_PACKAGES)))$(LIBS)
LIB_CFLAGS  = $(eval LIB_CFLAGS := $(call PKG,--cflags $(LIB_PACKAGES)))$(LIB_CFLAGS)
TEST_LIBS   = $(eval TEST_LIBS := $(call PKG,--libs cunit libmosquitto))$(TEST_LIBS)

ALL_CPPFLAGS = -D_GNU_SOURCE -I. $(if $(SAN)$(DEBUG),-DHUBGATE_DEBUG) $(LIB_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS   = $(WARN) $(HARDEN) $(CFLAGS) -std=c11 -fPIC -fvisibility=hidden -pthread $(SANITIZE)
ALL_LDFLAGS  = $(LDFLAGS) -pthread $(if $(SAN),-fsanitize=$(SAN))
# Of what is preloaded into brokers: never sanitized, everything visible.
PRELOAD_FLAGS = $(ALL_CPPFLAGS) $(WARN) $(CFLAGS) -std=c11 -fPIC -pthread $(LDFLAGS) -shared

# The product's folders are searched to any depth.
sources     = $(sort $(shell find $(1) -name '*.c' 2>/dev/null))
lib_src    := $(call sources,core shadowstore bridge)
plugin_src := $(call sources,plugin)
unit_src   := $(wildcard tests/unit/*.c) tests/runner.c
fakes_src  := $(wildcard tests/fakes/*.c)
e2e_src    := $(wildcard tests/e2e/*.c) tests/runner.c
mqtt_src   := $(wildcard tests/mqtt/*.c)
harness_src := $(wildcard tests/harness/*.c) $(mqtt_src)
hubsim_src := $(wildcard tests/hubsim/*.c)
sdk_src    := $(wildcard tests/sdk/*.c) tests/runner.c
demo_src   := $(wildcard tests/demo/*.c)
crash_src  := $(wildcard tests/crash/*.c)
bench_src  := $(wildcard bench/*.c)
obj         = $(patsubst %.c,$(B)/obj/%.o,$(1))

.PHONY: all clean help
all: $(B)/mosquitto_hubgate.so $(B)/libhubbridge.a $(B)/hubgate ## the plugin, the library and the command (default)

include make/*.mk

# Compiler and flags of the objects there: others mean that all are made again. (-Werror does not.)
FLAGS = $(filter-out -Werror,$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS))
.PHONY: flags-now
$(B)/flags: flags-now
	@+mkdir -p $(@D); printf '%s\n' $(call quote,$(FLAGS)) | cmp -s - $@ || \
	  printf '%s\n' $(call quote,$(FLAGS)) >$@

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC    $<")
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libhubbridge.a: $(call obj,$(lib_src))
	$(if $(V),,@echo "  AR    $@")
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/mosquitto_hubgate.so: $(call obj,$(plugin_src)) $(B)/libhubbridge.a plugin/exports.map
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-z,nodelete -Wl,-z,relro,-z,now \
	  -Wl,--version-script=plugin/exports.map -o $@ $(filter %.o %.a,$^) $(LIBS)

clean: ## all that was built
	rm -rf build

help: ## this list
	@awk 'BEGIN { FS = ":[^#]*## " } \
	  /^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile make/*.mk
	@echo "with: SAN=address,undefined or SAN=thread, DEBUG=1, WERROR=1, V=1,"
	@echo "      CC, AR, PKG_CONFIG, CPPFLAGS, CFLAGS, LDFLAGS"

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
