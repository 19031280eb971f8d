# The e2e tests on the brokers of other Debian releases, with what was built here: make compat
# SUITES="trixie forky" TEST=part-of-a-name. Needs root and Debian's mirror. Their roots are kept in
# COMPAT_ROOTS.

SUITES       ?= bookworm trixie forky
COMPAT_ROOTS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/hubgate/compat

.PHONY: compat
compat: deps-test ## e2e tests on the brokers of other Debian releases; SUITES="trixie forky", TEST=name (root)
	$(Q)tests/tools/install.sh debootstrap util-linux
	$(Q)$(MAKE) --no-print-directory compat-run

.PHONY: compat-run
compat-run: e2e-needs
	$(Q)tests/tools/compat.sh $(call quote,$(COMPAT_ROOTS)) $(B) "$(SUITES)" $(TEST)
