# Style and static checks: walls between folders, circles of files, names, rooms, cited files,
# sections and tests, docs/where.md, clang-format, cppcheck. Tools that are missing are skipped and
# named (make deps-lint installs them); with LINT_ALL=1, as in CI, they fail.

# Versions format differently: ours is 14, another one is better than none.
CLANG_FORMAT ?= clang-format-14|clang-format
lint_src = $(shell find core shadowstore bridge plugin cli tests bench -name "*.[ch]")

.PHONY: lint format
lint: deps all ## walls, circles, names, rooms, citations, clang-format, cppcheck; what is not installed is skipped
	$(Q).ci/walls.sh
	$(Q).ci/circles.sh $(B)/obj
	$(Q).ci/prefixes.sh $(B)/obj
	$(Q).ci/rooms.sh
	$(Q).ci/citations.sh
	$(Q).ci/where.sh
	$(Q).ci/cited_tests.sh
	$(Q).ci/with_tool.sh $(call quote,$(CLANG_FORMAT)) --dry-run --Werror $(lint_src)
	$(Q).ci/with_tool.sh cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr -I. \
	  -D_GNU_SOURCE --enable=warning,performance,portability --suppressions-list=.ci/cppcheck.txt \
	  -j 2 core shadowstore bridge plugin cli tests bench

format: ## clang-format over all sources
	$(Q)LINT_ALL=1 .ci/with_tool.sh $(call quote,$(CLANG_FORMAT)) -i $(lint_src)
