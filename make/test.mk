# Test programs and what runs them. `make check` is unit, docs, e2e tests, an installation and a
# short round of kills (make/crash.mk) with one closing line; SAN= variants run the same tests.

.PHONY: unit e2e check
# What is pure of the command.
unit_cli_src := cli/archive.c cli/columns.c cli/redact.c cli/text.c
$(B)/unit: $(call obj,$(unit_cli_src) $(unit_src) $(fakes_src) $(mqtt_src) $(filter-out plugin/plugin.c plugin/base/hubgate.c,$(plugin_src))) \
           $(B)/libhubbridge.a
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(TEST_LIBS)

$(B)/e2e: $(call obj,$(e2e_src)) $(B)/libharness.a
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(TEST_LIBS)

# The C interface, as another program would use it: of hubgate only the library.
$(B)/sdk: $(call obj,$(sdk_src)) $(B)/libhubbridge.a $(B)/libharness.a
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(TEST_LIBS)

# Preloaded into brokers; late_plugin.so is a plugin behind ours.
$(B)/clockshift.so: tests/tools/clockshift.c
$(B)/slowsync.so: tests/tools/slowsync.c
$(B)/fakedns.so: tests/tools/fakedns.c
$(B)/bad_disk.so: tests/fakes/bad_disk.c
$(B)/late_plugin.so: tests/tools/late_plugin.c
$(B)/late_plugin.so: WARN += -Wno-missing-prototypes
$(B)/clockshift.so $(B)/slowsync.so $(B)/fakedns.so $(B)/bad_disk.so $(B)/late_plugin.so: $(B)/flags
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(PRELOAD_FLAGS) -o $@ $(filter %.c,$^)

unit: $(B)/unit ## unit tests; TEST=part-of-a-name
	$(Q)$(B)/unit $(TEST)

# Under the thread sanitizer the clients are the plain build's (run_tests.sh).
E2E_NEEDS := $(if $(filter thread,$(SAN)),plain-e2e,$(B)/e2e) $(B)/mosquitto_hubgate.so $(B)/hubgate $(B)/hubsim/hubsim $(B)/hubsim/hubsim.so $(B)/clockshift.so $(B)/slowsync.so $(B)/fakedns.so $(B)/late_plugin.so $(B)/diskshim.so $(B)/bad_disk.so

.PHONY: e2e-needs plain-e2e
e2e-needs: $(E2E_NEEDS)
plain-e2e:
	$(Q)$(MAKE) --no-print-directory SAN= build/e2e build/crash

# make e2e TEST=part-of-a-name runs some of them.
e2e: $(E2E_NEEDS) ## tests on real brokers; TEST=part-of-a-name
	$(Q)tests/tools/run_tests.sh $(B) e2e $(TEST)

# Built by all processors where nobody said by how many.
check: deps-test ## all tests
	$(Q)$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$$(nproc)) check-build
	$(Q)tests/tools/run_tests.sh $(B) all $(TEST)

.PHONY: check-build
check-build: all $(B)/unit $(E2E_NEEDS) $(if $(filter thread,$(SAN)),,$(B)/sdk $(B)/crash) docs-check

# What is generated: from core/config/config.tbl the schema and docs/configuration.md, from
# core/base/metrics.tbl docs/metrics.md, from tests/sdk/methods.tbl docs/sdk-map.md, from the
# command's own help (cli/commands.c) docs/man/hubgate.1 and conf/completion/hubgate.
.PHONY: docs docs-check
$(B)/gen_config_docs: $(call obj,tests/tools/gen_config_docs.c) $(B)/libhubbridge.a
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$(B)/gen_sdk_map: $(call obj,tests/tools/gen_sdk_map.c)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^
$(B)/gen_cli_docs: $(call obj,tests/tools/gen_cli_docs.c $(filter-out cli/hubgate.c,$(cli_src))) \
                   $(B)/libhubbridge.a
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(CLI_LIBS)
docs: $(B)/gen_config_docs $(B)/gen_sdk_map $(B)/gen_cli_docs ## what is generated in conf/ and docs/
	$(Q)tests/tools/docs_check.sh $(B) --write
docs-check: $(B)/gen_config_docs $(B)/gen_sdk_map $(B)/gen_cli_docs
	$(Q)tests/tools/docs_check.sh $(B)
