# Kills, cut links, damaged files, full disks: make crash N=200 CASE=kill SEED=7.
# CASE=failing_starts is 20 starts a run, CASE=stops 10 stops.

.PHONY: crash
N    ?= 20
SEED ?=
CASE ?=

$(B)/crash: $(call obj,$(crash_src) tests/fakes/store_age.c) $(B)/libharness.a
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(TEST_LIBS)

CRASH_NEEDS := all hubsim $(B)/slowsync.so $(B)/late_plugin.so $(B)/diskshim.so $(if $(filter thread,$(SAN)),plain-e2e,$(B)/crash)

crash: deps-test $(CRASH_NEEDS) ## kills, cut links, damaged files, full disks; N=20, CASE=name, SEED=7
	$(Q)tests/tools/run_tests.sh $(B) crash --runs $(N) $(if $(SEED),--seed $(SEED)) $(CASE)
