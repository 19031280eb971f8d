# What a fresh Debian needs: to build, to test (and for the demo), to check the style. "a|b": the
# first of them that this Debian has.

BUILD_PACKAGES := gcc libc6-dev pkg-config mosquitto-dev libmosquitto-dev libssl-dev libcjson-dev libsqlite3-dev libcurl4-openssl-dev libmicrohttpd-dev libxxhash-dev
TEST_PACKAGES  := mosquitto mosquitto-clients libcunit1-dev openssl procps iproute2
LINT_PACKAGES  := clang-format-14|clang-format cppcheck

.PHONY: deps deps-test deps-lint
deps: ## installs the Debian packages that building needs and that are missing
	@tests/tools/install.sh $(BUILD_PACKAGES)
deps-test: deps ## the same for the tests and the demo (make check, make demo do it themselves)
	@tests/tools/install.sh $(TEST_PACKAGES)
deps-lint: ## the same for make lint; optional
	@tests/tools/install.sh $(foreach package,$(LINT_PACKAGES),$(call quote,$(package)))
