# Figures of this machine, as ratios measured in one run where two sides compare.
# QUICK=1: about a minute. BENCH="name name": only these; `downlink` is a program of its own.

.PHONY: bench bench-run
QUICK ?=
BENCH ?=

bench: deps-test ## figures of this machine, with bars; QUICK=1, BENCH="name name"
	$(Q)$(MAKE) --no-print-directory bench-run

$(B)/bench/downlink: $(call obj,bench/downlink.c bench/awake.c) $(B)/libharness.a
$(B)/bench/bench: $(call obj,$(filter-out bench/downlink.c,$(bench_src))) $(B)/libharness.a
$(B)/bench/downlink $(B)/bench/bench:
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(TEST_LIBS)

# Both programs run; the target fails when either missed a bar.
bench-run: all hubsim $(B)/bench/downlink $(B)/bench/bench
	$(Q)failed=0; export HUBGATE_BUILD=$(B); \
	$(if $(filter-out downlink,$(BENCH))$(if $(BENCH),,all), \
	  $(B)/bench/bench $(if $(QUICK),quick) $(filter-out downlink,$(BENCH)) || failed=1;) \
	$(if $(filter downlink,$(BENCH))$(if $(BENCH)$(QUICK),,all), \
	  $(B)/bench/downlink || failed=1;) \
	exit $$failed
