# One version, of the file VERSION: in the plugin's first line of the log, as the gateway's at the hub,
# in hubbridge.pc, and in the image (docker/build.sh).
VERSION = $(shell cat VERSION)

says_version := $(call obj,plugin/plugin.c plugin/report.c plugin/status_page.c plugin/control/status_report.c \
                  plugin/services/firmware_own.c)
$(says_version): private ALL_CFLAGS += -DHUBGATE_VERSION='"$(VERSION)"'
$(says_version): VERSION
