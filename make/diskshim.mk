# Preloaded into brokers, never sanitized: a disk that is slow, fails, and loses its power.

diskshim_src := $(wildcard tests/diskshim/*.c)

$(B)/diskshim.so: $(diskshim_src) $(wildcard tests/diskshim/*.h) $(B)/flags
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(PRELOAD_FLAGS) -o $@ $(diskshim_src)
