# Style and static checks: walls between folders, cited files and sections, docs/where.md, clang-format, cppcheck.

CLANG_FORMAT ?= clang-format-14
lint_src = $(shell find core shadowstore bridge plugin tests bench -name "*.[ch]")

.PHONY: lint format
lint: deps-lint deps-build all ## walls between folders, citations, clang-format, cppcheck
	$(Q).ci/walls.sh
	$(Q).ci/circles.sh $(B)/obj
	$(Q).ci/citations.sh
	$(Q).ci/where.sh
	$(Q)$(CLANG_FORMAT) --dry-run --Werror $(lint_src)
	$(Q)cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr -I. -D_GNU_SOURCE \
	  --enable=warning,performance,portability --suppressions-list=.ci/cppcheck.txt \
	  -j 2 core shadowstore bridge plugin tests bench

format: ## clang-format over all sources
	$(CLANG_FORMAT) -i $(lint_src)
