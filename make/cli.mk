# The command `hubgate`: a process of its own, with libmosquitto. Of plugin/ it has the reading of the
# two configuration files.

cli_src := $(wildcard cli/*.c) plugin/config_file.c plugin/lan/broker_conf.c plugin/lan/certificate.c

$(call obj,cli/hubgate.c): private ALL_CFLAGS += -DHUBGATE_VERSION='"$(VERSION)"'
$(call obj,cli/hubgate.c): VERSION
$(call obj,cli/init.c): private ALL_CFLAGS += -DHUBGATE_TRIPLET='"$(TRIPLET)"'
CLI_LIBS    = $(eval CLI_LIBS := $(call PKG,--libs libmosquitto))$(CLI_LIBS)
$(B)/hubgate: $(call obj,$(cli_src)) $(B)/libhubbridge.a
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -Wl,--as-needed -pie -o $@ $^ $(LIBS) $(CLI_LIBS)
