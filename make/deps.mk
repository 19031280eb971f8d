# What a fresh Debian 12 needs: to build, to test, to check.

BUILD_PACKAGES := gcc libc6-dev pkg-config mosquitto-dev libmosquitto-dev libssl-dev libcjson-dev libsqlite3-dev libcurl4-openssl-dev libmicrohttpd-dev
TEST_PACKAGES  := mosquitto mosquitto-clients libcunit1-dev openssl procps
LINT_PACKAGES  := clang-format-14 cppcheck

.PHONY: deps deps-build deps-test deps-lint
deps: deps-build deps-test deps-lint ## installs the Debian packages that are missing
deps-build:
	@tests/tools/install.sh $(BUILD_PACKAGES)
deps-test: deps-build
	@tests/tools/install.sh $(TEST_PACKAGES)
deps-lint:
	@tests/tools/install.sh $(LINT_PACKAGES)
