# What takes too long for every change: the long unit tests whole (in make check a tenth of them),
# whole builds with other compilers and flags, many kills. N=runs of make crash, here 200.

.PHONY: soak soak-run
soak: deps-test ## long tests whole, and many kills; N=200
	$(Q)HUBGATE_SOAK=1 $(MAKE) --no-print-directory soak-run

soak-run: $(B)/unit $(CRASH_NEEDS)
	$(Q)tests/tools/run_tests.sh $(B) soak $(if $(filter file,$(origin N)),200,$(N))
