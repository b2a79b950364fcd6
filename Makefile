# Everything begins here. Python >= 3.11 and make are all that is needed; the rest is put under this directory.

.DEFAULT_GOAL := help
.PHONY: help run check-provider purge stop status test conformance fuzz check bench build deploy wheel validate environments lock clean

# The first interpreter that is new enough. Another: make run PYTHON=python3.13
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null && echo $$p && break; done)
PORT ?= 4566
DETACH ?=
# Seconds for which `make bench` reads what `make run` keeps fresh, in place of the other measurements.
SOAK ?=
# What `make build` and `make deploy` build for; PARAMETERS holds further ones: make deploy PARAMETERS="Stage=test LogRetentionDays=7"
PYTHON_RUNTIME ?= python3.13
ARCHITECTURE ?= arm64
PARAMETERS ?=

# What Python compiles is kept for the next process, whatever the shell says: the stack and the tests start hundreds.
export PYTHONDONTWRITEBYTECODE :=

APP := .venv/bin/python
SAM := SAM_CLI_TELEMETRY=0 __SAM_CLI_APP_DIR=.local/sam .venv-sam/bin/sam
UV := .tools/bin/uv
PACKAGES := layers/evertoken/evertoken functions local tests bench

help:
	@echo "make run        start everything on this machine and watch tokens being kept fresh (DETACH=1: return when it is up)"
	@echo "make stop       end it; state is kept for the next run"
	@echo "make test       the whole test suite        make check   format, lint, types, architecture, template"
	@echo "make conformance every provider's entry against a server made from it        make check-provider FILE=my.json   your own entry"
	@echo "make wheel      the client libraries as a package, into dist/"
	@echo "make fuzz       the running stack (make run) asked at random"
	@echo "make bench      measurements                make build   the artifacts for AWS        make deploy   to your account"

# Makes the named environments current; takes a tenth of a second when they are.
define ensure
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.14 is needed, and none is on PATH"; exit 1; }
	@$(PYTHON) -m local.environments $(1)
endef

environments:
	$(call ensure,)

run:
	$(call ensure,app sam emulator)
	@PORT=$(PORT) DETACH=$(DETACH) $(APP) -m local.run

stop:
	@PORT=$(PORT) $(PYTHON) -m local.stop

status:
	@PORT=$(PORT) $(APP) -m local status

test:
	$(call ensure,app sam emulator lint runtime provider fuzz)
	@$(APP) -m pytest -n 2 --dist loadfile --ignore tests/e2e
	@$(APP) -m pytest -n 2 --dist loadfile tests/e2e  # by itself: its stories wait for seconds, and the rest takes every cycle

# Every entry of the catalogue against the server that it describes, its mutants, its recordings, and 24 virtual hours.
conformance:
	$(call ensure,app)
	@PYTHONPATH=layers/evertoken $(APP) -m tests.conformance

# The stack of `make run`, asked at random for minutes: no answer that its document does not have.
fuzz:
	$(call ensure,app fuzz)
	@. .local/env && $(APP) -m local.fuzz

check:
	$(call ensure,app sam lint)
	@.venv-lint/bin/ruff format --check .
	@.venv-lint/bin/ruff check .
	@.venv-lint/bin/mypy
	@PYTHONPATH=layers/evertoken .venv-lint/bin/lint-imports
	@$(MAKE) --no-print-directory validate

bench:
	$(call ensure,app sam emulator runtime)
	@$(APP) -m $(if $(SOAK),bench.soak $(SOAK),bench)

validate:
	$(call ensure,sam)
	@$(SAM) validate --lint --region us-east-1

build:
	$(call ensure,sam)
	@EVERTOKEN_RUNTIME=$(PYTHON_RUNTIME) EVERTOKEN_ARCHITECTURE=$(ARCHITECTURE) \
		$(SAM) build --parameter-overrides PythonRuntime=$(PYTHON_RUNTIME) Architecture=$(ARCHITECTURE)

deploy: build
	@$(SAM) deploy --parameter-overrides PythonRuntime=$(PYTHON_RUNTIME) Architecture=$(ARCHITECTURE) $(PARAMETERS)

# What programs install (packages/client), into dist/.
wheel:
	$(call ensure,app)
	@cd packages/client && ../../$(APP) -m hatchling build -t wheel -d ../../dist

# A provider document of one's own: make check-provider FILE=my.json (SHIPPED=1: one for the catalogue)
check-provider:
	@test -n "$(FILE)" || { echo "Name the document: make check-provider FILE=my.json"; exit 2; }
	$(call ensure,app)
	@$(APP) -m tools.check_provider $(if $(SHIPPED),--shipped) "$(FILE)"

# Everything that an installation made or keeps. Asks for the stage's name first.
STACK ?= evertoken
purge: environments
	@$(APP) -m tools.purge --stack-name $(STACK)

# One file for each environment, because their pins clash; none names a registry. What the layer ships is tested in exactly its versions.
lock:
	$(call ensure,sam)
	@for name in layer app sam emulator lint runtime provider fuzz; do \
		case $$name in app|runtime) constraint="--constraints requirements/layer.txt";; *) constraint=;; esac; \
		$(UV) pip compile --quiet --upgrade --no-emit-index-url --generate-hashes --universal --python-version 3.11 $$constraint \
			requirements/$$name.in -o requirements/$$name.txt || exit 1; done

clean: stop
	@rm -rf .local .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
