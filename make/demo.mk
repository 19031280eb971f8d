# The main job on real processes. KEEP=1 leaves it running.

.PHONY: demo demo-run
demo: deps-test ## simulator, broker, two devices, an outage; KEEP=1 leaves it running
	$(Q)$(MAKE) --no-print-directory demo-run

$(B)/demo/demo: $(call obj,tests/demo/demo.c) $(B)/libharness.a
$(B)/demo/device: $(call obj,tests/demo/device.c) $(B)/libharness.a
$(B)/demo/demo $(B)/demo/device:
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -Wl,--as-needed -o $@ $^ $(LIBS) $(TEST_LIBS)

demo-run: all hubsim $(B)/demo/demo $(B)/demo/device
	$(Q)HUBGATE_BUILD=$(B) KEEP=$(KEEP) $(B)/demo/demo
