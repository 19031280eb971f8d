# Preloaded into brokers, never sanitized: a disk that is slow, fails, and loses its power.

diskshim_src := $(wildcard tests/diskshim/*.c)

$(B)/diskshim.so: $(diskshim_src) $(wildcard tests/diskshim/*.h)
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -std=c11 -fPIC $(WARN) -shared -o $@ $(diskshim_src)
