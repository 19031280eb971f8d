# Test programs and what runs them.

.PHONY: unit e2e
$(B)/unit: $(call obj,$(unit_src) $(fakes_src) $(filter-out plugin/plugin.c,$(plugin_src))) $(B)/libhubbridge.a
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(TEST_LIBS)

unit: $(B)/unit
	$(Q)$(B)/unit
