# make install DESTDIR= PREFIX=: the plugin where Debian keeps its own, and an
# example configuration that nothing loads until mosquitto.conf names it.

TRIPLET = $(shell $(CC) -print-multiarch 2>/dev/null)
LIBDIR ?= $(PREFIX)/lib/$(TRIPLET)
DOCDIR ?= $(PREFIX)/share/doc/hubgate

.PHONY: install
install: all
	install -d $(DESTDIR)$(LIBDIR) $(DESTDIR)$(DOCDIR)
	install -m 0644 $(B)/mosquitto_hubgate.so $(DESTDIR)$(LIBDIR)/
	install -m 0644 $(B)/libhubbridge.a $(DESTDIR)$(LIBDIR)/
	install -m 0644 README.md conf/* $(DESTDIR)$(DOCDIR)/
