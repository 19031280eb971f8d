# Kills, cut links, damaged files, full disks: make crash N=200 CASE=kill SEED=7.

.PHONY: crash
N    ?= 20
SEED ?=
CASE ?=

$(B)/crash: $(call obj,$(crash_src)) $(B)/libharness.a
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(TEST_LIBS)

crash: deps-test all hubsim $(if $(filter thread,$(SAN)),plain-e2e,$(B)/crash) $(B)/diskshim.so
	$(Q)tests/tools/run_tests.sh $(B) crash --runs $(N) $(if $(SEED),--seed $(SEED)) $(CASE)
