# Figures of this machine, as ratios measured in one run where two sides compare.

.PHONY: bench bench-run
bench: deps-test
	$(Q)$(MAKE) --no-print-directory bench-run

$(B)/bench/downlink: $(call obj,bench/downlink.c) $(B)/libharness.a
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(TEST_LIBS)

bench-run: all hubsim $(B)/bench/downlink
	$(Q)HUBGATE_BUILD=$(B) $(B)/bench/downlink
