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
CC      := gcc

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
        -Wvla -Wformat=2 -Wundef -Wwrite-strings -Wcast-qual -Wswitch-enum \
        $(if $(WERROR),-Werror)
HARDEN := $(if $(SAN),-fno-omit-frame-pointer,-fstack-protector-strong -D_FORTIFY_SOURCE=2)
CPPFLAGS += -D_GNU_SOURCE -I. $(if $(SAN)$(DEBUG),-DHUBGATE_DEBUG)
CFLAGS   ?= -O2 -g
ALL_CFLAGS = $(CFLAGS) -std=c11 -fPIC -fvisibility=hidden -pthread $(WARN) $(HARDEN) \
             $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
ALL_LDFLAGS = $(LDFLAGS) -pthread $(if $(SAN),-fsanitize=$(SAN))

# Evaluated when first used, so that `make deps` runs where pkg-config is missing.
PKG        = $(shell pkg-config $(1))
LIB_PACKAGES := openssl libcjson sqlite3 libcurl libmicrohttpd
LIBS       = $(call PKG,--libs $(LIB_PACKAGES))
TEST_LIBS  = $(call PKG,--libs cunit libmosquitto)

# The product's folders are searched to any depth.
sources     = $(sort $(shell find $(1) -name '*.c' 2>/dev/null))
lib_src    := $(call sources,core shadowstore bridge)
plugin_src := $(call sources,plugin)
unit_src   := $(wildcard tests/unit/*.c) tests/runner.c
fakes_src  := $(wildcard tests/fakes/*.c)
e2e_src    := $(wildcard tests/e2e/*.c) tests/runner.c
harness_src := $(wildcard tests/harness/*.c)
hubsim_src := $(wildcard tests/hubsim/*.c)
sdk_src    := $(wildcard tests/sdk/*.c) tests/runner.c
demo_src   := $(wildcard tests/demo/*.c)
crash_src  := $(wildcard tests/crash/*.c)
bench_src  := $(wildcard bench/*.c)
obj         = $(patsubst %.c,$(B)/obj/%.o,$(1))

.PHONY: all clean help
all: $(B)/mosquitto_hubgate.so $(B)/libhubbridge.a ## the plugin and the library (default)

include make/*.mk

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC    $<")
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/libhubbridge.a: $(call obj,$(lib_src))
	$(if $(V),,@echo "  AR    $@")
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/mosquitto_hubgate.so: $(call obj,$(plugin_src)) $(B)/libhubbridge.a plugin/exports.map
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-z,nodelete -Wl,-z,relro,-z,now \
	  -Wl,--version-script=plugin/exports.map -o $@ $(filter %.o %.a,$^) $(LIBS)

clean: ## all that was built
	rm -rf build

help: ## this list
	@awk 'BEGIN { FS = ":[^#]*## " } \
	  /^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile make/*.mk
	@echo "with: SAN=address,undefined or SAN=thread, DEBUG=1, WERROR=1, V=1"

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
