# Everything begins here. Python >= 3.11 and make are all that is needed; the rest is put under this directory.

.DEFAULT_GOAL := help
.PHONY: help run stop status test check bench build deploy validate environments lock clean

# The first interpreter that is new enough. Another: make run PYTHON=python3.13
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null && echo $$p && break; done)
PORT ?= 4566
DETACH ?=
# What `make build` and `make deploy` build for.
PYTHON_RUNTIME ?= python3.13
ARCHITECTURE ?= arm64

APP := .venv/bin/python
SAM := SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam
UV := .tools/bin/uv
PACKAGES := layers/evertoken/evertoken functions local tests bench

help:
	@echo "make run        start everything on this machine and watch tokens being kept fresh (DETACH=1: return when it is up)"
	@echo "make stop       end it; state is kept for the next run"
	@echo "make test       the whole test suite        make check   format, lint, types, architecture, template"
	@echo "make bench      measurements                make build   the artifacts for AWS        make deploy   to your account"

environments:
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.14 is needed, and none is on PATH"; exit 1; }
	@$(PYTHON) -m local.environments

run: environments
	@PORT=$(PORT) DETACH=$(DETACH) $(APP) -m local.run

stop:
	@test ! -x $(APP) || PORT=$(PORT) $(APP) -m local down

status:
	@PORT=$(PORT) $(APP) -m local status

test: environments
	@$(APP) -m pytest -n 2 --dist loadgroup

check: environments
	@.venv-lint/bin/ruff format --check .
	@.venv-lint/bin/ruff check .
	@.venv-lint/bin/mypy
	@.venv-lint/bin/lint-imports
	@$(MAKE) --no-print-directory validate

bench: environments
	@$(APP) -m bench

validate: environments
	@$(SAM) validate --lint --region us-east-1

build: environments
	@EVERTOKEN_RUNTIME=$(PYTHON_RUNTIME) EVERTOKEN_ARCHITECTURE=$(ARCHITECTURE) \
		$(SAM) build --parameter-overrides PythonRuntime=$(PYTHON_RUNTIME) Architecture=$(ARCHITECTURE)

deploy: build
	@$(SAM) deploy --guided --parameter-overrides PythonRuntime=$(PYTHON_RUNTIME) Architecture=$(ARCHITECTURE)

# One file for each environment, because their pins clash; none names a registry.
lock: environments
	@for name in layer app sam emulator lint runtime; do \
		$(UV) pip compile --quiet --upgrade --no-emit-index-url --generate-hashes --universal --python-version 3.11 \
			requirements/$$name.in -o requirements/$$name.txt || exit 1; done

clean: stop
	@rm -rf .local .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
