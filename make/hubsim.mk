# The hub simulator, and the library with which tests drive brokers and devices.

hubsim_so_src := $(filter-out tests/hubsim/hubsim_main.c,$(hubsim_src)) $(mqtt_src)

.PHONY: hubsim
hubsim: $(B)/hubsim/hubsim $(B)/hubsim/hubsim.so ## the hub simulator (tests/hubsim/README.md)

$(B)/hubsim/hubsim: $(call obj,tests/hubsim/hubsim_main.c)
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^

$(B)/hubsim/hubsim.so: $(call obj,$(hubsim_so_src)) tests/hubsim/exports.map
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-z,nodelete \
	  -Wl,--version-script=tests/hubsim/exports.map -o $@ $(filter %.o,$^) $(LIBS)

$(B)/libharness.a: $(call obj,$(harness_src))
	$(if $(V),,@echo "  AR    $@")
	$(Q)rm -f $@ && $(AR) rcs $@ $^
