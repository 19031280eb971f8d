# tests/samples/README.md: what earlier versions wrote. make sample FROM=build of that commit, TO=folder

.PHONY: sample
$(B)/write_store: $(call obj,tests/samples/write_store.c tests/runner.c tests/e2e/scene.c tests/e2e/sample_store.c) $(B)/libharness.a
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(TEST_LIBS)

sample: $(B)/write_store hubsim ## a sample store written by another build; FROM=build, TO=folder
	$(Q)[ -n $(call quote,$(FROM)) ] && [ -n $(call quote,$(TO)) ] || \
	  { echo "make sample FROM=build-of-another-commit TO=tests/samples/store-COMMIT" >&2; exit 1; }
	$(Q)mkdir -p $(B)/sample && ln -sfn ../hubsim $(B)/sample/hubsim
	$(Q)cp $(call quote,$(FROM))/mosquitto_hubgate.so $(B)/sample/
	$(Q)HUBGATE_BUILD=$(B)/sample SAMPLE_TO=$(call quote,$(TO)) $(B)/write_store
