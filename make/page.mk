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
