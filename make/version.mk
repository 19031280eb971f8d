# One version, of the file VERSION: in the plugin's first line of the log, in hubbridge.pc, and in the
# image (docker/build.sh).
VERSION = $(shell cat VERSION)

$(call obj,plugin/plugin.c): private ALL_CFLAGS += -DHUBGATE_VERSION='"$(VERSION)"'
$(call obj,plugin/plugin.c): VERSION
