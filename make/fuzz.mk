# Random and mutated inputs for everything that reads what others wrote: make fuzz, FUZZ=1000000 for
# more. Best with SAN=address,undefined.

FUZZ     ?= 20000
FUZZ_SEED ?=
fuzzers  := $(patsubst tests/fuzz/%.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: fuzz
$(B)/fuzz_redact: $(call obj,cli/redact.c cli/text.c)
$(fuzzers): $(B)/%: $(B)/obj/tests/fuzz/%.o $(B)/obj/tests/fuzz/driver.o $(B)/libhubbridge.a
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)

fuzz: $(fuzzers) ## random and mutated inputs; FUZZ=count, FUZZ_SEED=number
	$(Q)for program in $(fuzzers); do \
		echo "== $$program"; \
		$$program -n $(FUZZ) $(if $(FUZZ_SEED),-s $(FUZZ_SEED)) || exit 1; \
	done
