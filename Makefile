# One target per habit. `make` alone lists them.

# The Python to work with; else the first one on PATH that is new enough.
PYTHON ?=
NAMES = python3 python3.11 python3.12 python3.13 python3.14
NEW_ENOUGH = import sys; sys.exit(sys.version_info < (3, 11))

BIN = .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit test-real coverage lint format bench samples clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do \
		printf '%-10s %s\n' "$$name" "$$what"; done

.venv/pyvenv.cfg:
	@python=; for name in $(if $(PYTHON),$(PYTHON),$(NAMES)); do \
		if "$$name" -c '$(NEW_ENOUGH)' 2>/dev/null; then python=$$name; break; fi; done; \
	if [ -z "$$python" ]; then \
		echo "no Python 3.11 or newer found (tried: $(if $(PYTHON),$(PYTHON),$(NAMES)));" \
			"install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; fi; \
	"$$python" -m venv .venv || { rm -rf .venv; \
		echo "$$python could not make a virtual environment; on Debian and Ubuntu install python3-venv" >&2; exit 1; }

.venv/.project: .venv/pyvenv.cfg pyproject.toml
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/.tools: .venv/.project
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --group test --group lint
	@touch $@

demo: .venv/.project ## Audit one consistent and one drifted image; needs no container engine
	@$(BIN)/python -m sample_locks.demo

test: .venv/.tools ## Run every test; those that lack an engine, podman or the network say so
	$(BIN)/pytest -n auto

test-unit: .venv/.tools ## Run the tests that need nothing but this machine
	$(BIN)/pytest -n auto -m 'not engine and not podman and not registry and not network'

test-real: .venv/.tools ## Run the tests on real images and environments
	$(BIN)/pytest -n auto tests/real

coverage: .venv/.tools ## Run every test and demand 95 % of the branches
	$(BIN)/pytest -n auto --cov=auditor --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=95

lint: .venv/.tools ## Check style, types and layering
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.tools ## Bring the sources into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/.project ## Measure audits against named references; needs an engine and skopeo
	$(BIN)/python -m benchmarks

samples: .venv/.project ## Fetch what the sample locks name and build their images; needs an engine
	$(BIN)/python -m sample_locks.build

clean: ## Remove what the other targets made
	rm -rf .venv .cache .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	rm -rf sample_locks/*/wheels
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
