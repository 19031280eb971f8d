# The status page: what stands in bridge/admin/page becomes bytes of the plugin.

page_of := head.html body.html page.css page.js
page_inc := $(page_of:%=$(B)/page/%.inc)

$(B)/page/%.inc: bridge/admin/page/%
	@mkdir -p $(@D)
	$(Q)od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g' >$@

$(call obj,bridge/admin/admin_page.c): private ALL_CPPFLAGS += -I$(B)/page
$(call obj,bridge/admin/admin_page.c): $(page_inc)

# What Prometheus thinks of what is for it (tests/tools/promtool.sh gets its checker).
.PHONY: prom-check
prom-check: ## alerts and /metrics by promtool, out of Debian's package
	$(Q)tests/tools/promtool.sh build
	$(Q)build/promtool check rules conf/alerts.yaml
	$(Q)$(MAKE) --no-print-directory e2e TEST=admin_page.metrics_please_promtool

# The page in a browser. Not a part of `make check`: Chromium is large.
PAGE_PACKAGES := chromium chromium-driver python3-selenium fonts-wqy-zenhei

$(B)/page_world: $(call obj,tests/page/page_world.c) $(B)/libharness.a
$(B)/page_sample: $(call obj,tests/page/page_sample.c) $(B)/libhubbridge.a $(B)/libharness.a
$(B)/page_world $(B)/page_sample:
	$(if $(V),,@echo "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -Wl,--as-needed -o $@ $^ $(LIBS) $(TEST_LIBS) -lm

.PHONY: page-check screenshots page-packages
page-packages: deps-test
	@tests/tools/install.sh $(PAGE_PACKAGES)
page-check: page-packages all hubsim $(B)/page_world ## the status page in a headless Chromium
	$(Q)HUBGATE_BUILD=$(B) tests/page/page_check.py $(B) check
screenshots: page-packages $(B)/page_sample ## docs/status-page.png and -phone.png, with made-up numbers
	$(Q)tests/page/page_check.py $(B) screenshots
