# make install DESTDIR= PREFIX=: the plugin where Debian keeps its own, the command with its man page
# and completion, the C interface for other programs, and the documentation with samples, which
# nothing loads until mosquitto.conf names one.
# make uninstall with the same variables takes away what install put there. debian/rules uses it too.

TRIPLET = $(shell $(CC) -print-multiarch 2>/dev/null)
LIBDIR     ?= $(PREFIX)/lib/$(TRIPLET)
BINDIR     ?= $(PREFIX)/bin
INCLUDEDIR ?= $(PREFIX)/include
DOCDIR     ?= $(PREFIX)/share/doc/hubgate
MANDIR     ?= $(PREFIX)/share/man/man1
COMPDIR    ?= $(PREFIX)/share/bash-completion/completions

# The C interface (docs/sdk-map.md), with every file that these include.
SDK_HEADERS := bridge/sdk/sdk.h bridge/sdk/sdk_shadow.h bridge/sdk/ota.h bridge/uplink/uplink.h \
               bridge/http/dynreg_device.h
sdk_files    = $(sort $(filter %.h %.tbl,$(shell $(CC) $(ALL_CPPFLAGS) -MM $(SDK_HEADERS))))
doc_files   := $(sort $(wildcard *.md LICENSE conf/*.* docs/*.md docs/*.png docs/*/*.md))
lib_files   := mosquitto_hubgate.so libhubbridge.a

define hubbridge_pc
prefix=$(call pc_path,$(PREFIX))
libdir=$(call pc_path,$(LIBDIR))
includedir=$(call pc_path,$(INCLUDEDIR))

Name: hubbridge
Description: C interface of hubgate: a gateway of the Tencent Cloud IoT Hub
Version: $(VERSION)
Requires: $(LIB_PACKAGES)
Libs: -L$${libdir} -lhubbridge -pthread
Cflags: -I$${includedir}/hubgate
endef

# Paths may hold spaces and anything else.
empty  :=
space  := $(empty) $(empty)
pc_path = $(subst $(space),\$(space),$(1))
# $(call put,FROM,TO,FILES) $(call take,FROM,FILES): FILES with their sub-folders.
put     = for f in $(3); do \
	    install -D -m 0644 $(1)/"$$f" $(call quote,$(DESTDIR)$(2))/"$$f" || exit 1; done
take    = for f in $(2); do rm -f $(call quote,$(DESTDIR)$(1))/"$$f" || exit 1; done
# A folder of ours goes when nobody else has put anything into it.
drop    = [ ! -d $(call quote,$(DESTDIR)$(1)) ] || \
	    find $(call quote,$(DESTDIR)$(1)) -depth -type d -empty -delete

.PHONY: install uninstall
install: private export HUBBRIDGE_PC = $(hubbridge_pc)
install: all ## plugin, command, C interface and documentation into DESTDIR, PREFIX (/usr)
	$(Q)$(call put,$(B),$(LIBDIR),$(lib_files))
	$(Q)install -D -m 0755 $(B)/hubgate $(call quote,$(DESTDIR)$(BINDIR)/hubgate)
	$(Q)$(call put,docs/man,$(MANDIR),hubgate.1)
	$(Q)$(call put,conf/completion,$(COMPDIR),hubgate)
	$(Q)printf '%s\n' "$$HUBBRIDGE_PC" | \
	  install -D -m 0644 /dev/stdin $(call quote,$(DESTDIR)$(LIBDIR)/pkgconfig/hubbridge.pc)
	$(Q)$(call put,.,$(INCLUDEDIR)/hubgate,$(sdk_files))
	$(Q)$(call put,.,$(DOCDIR),$(doc_files))
	$(Q)sed -i $(call quote,s|^plugin /usr/lib/x86_64-linux-gnu/|plugin $(LIBDIR)/|) \
	  $(call quote,$(DESTDIR)$(DOCDIR))/conf/mosquitto*.conf
	@echo "installed "$(call quote,$(DESTDIR)$(LIBDIR)/mosquitto_hubgate.so)

uninstall: ## takes away what install put there
	$(Q)$(call take,$(LIBDIR),$(lib_files) pkgconfig/hubbridge.pc)
	$(Q)$(call take,$(BINDIR),hubgate)
	$(Q)$(call take,$(MANDIR),hubgate.1)
	$(Q)$(call take,$(COMPDIR),hubgate)
	$(Q)$(call take,$(INCLUDEDIR)/hubgate,$(sdk_files))
	$(Q)$(call take,$(DOCDIR),$(doc_files))
	$(Q)$(call drop,$(INCLUDEDIR)/hubgate)
	$(Q)$(call drop,$(DOCDIR))
