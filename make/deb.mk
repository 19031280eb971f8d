# Debian packages (docs/packages.md), built and tried in roots of Debian releases (make/compat.mk), never
# on this machine itself. SUITE=bookworm|trixie ARCH=amd64|arm64|armhf. Needs root and Debian's mirror.

SUITE  ?= bookworm
ARCH   ?= $(shell dpkg --print-architecture)
DEBS    = build/deb/$(SUITE)-$(ARCH)
NEEDS_TO_BOOT := debootstrap util-linux iproute2 procps curl openssl mosquitto mosquitto-clients
# $(call build_debs,FOLDER,COMMIT): without a commit those of this tree
build_debs = debian/build.sh $(call quote,$(COMPAT_ROOTS)) $(SUITE) $(ARCH) $(1) $(2)

# What is tried: the package of `make deb`, or another one, as that of Debian 12 serves 13 too.
DEB     = $(DEBS)/mosquitto-hubgate_*.deb
# What it upgrades: that of the last commit before it.
BEFORE  = $(DEBS)-before
commit_before = $(shell [ -z "$$(git status --porcelain)" ] && git rev-parse HEAD~1 || git rev-parse HEAD)
OLD     = $(BEFORE)/mosquitto-hubgate_*.deb

.PHONY: deb deb-before deb-check quickstart
deb: ## Debian packages; SUITE=bookworm|trixie, ARCH=amd64|arm64|armhf, REV=commit (root)
	$(Q)tests/tools/install.sh debootstrap util-linux
	$(Q)$(call build_debs,$(DEBS),$(REV))

deb-before:
	$(Q)tests/tools/install.sh debootstrap util-linux
	$(Q)[ "$$(cat $(BEFORE)/commit 2>/dev/null)" = $(commit_before) ] || \
	  { $(call build_debs,$(BEFORE),$(commit_before)) && echo $(commit_before) >$(BEFORE)/commit; }

deb-check: hubsim $(if $(filter command%,$(origin OLD)),,deb-before) ## what the package does to a Debian; SUITE=, DEB=file, OLD=file, TEST=part (root)
	$(Q)tests/tools/install.sh $(NEEDS_TO_BOOT)
	$(Q)debian/check.sh $(call quote,$(COMPAT_ROOTS)) $(B) $(SUITE) $(DEB) $(OLD) $(TEST)

quickstart: hubsim ## the README's first commands, by the letter, in a bare Debian; SUITE=, DEB=file (root)
	$(Q)tests/tools/install.sh $(NEEDS_TO_BOOT)
	$(Q)debian/quickstart.sh $(call quote,$(COMPAT_ROOTS)) $(B) $(SUITE) README.md $(DEB)
