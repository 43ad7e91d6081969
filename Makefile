# Everything a fresh clone needs. Python 3.11+ and git are all that must be there.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8080
DATA ?= data
WORKERS ?= 2
HF_SUITE ?= ../shared/conformance/hf
MS_SUITE ?= ../shared/conformance/ms
MSHUB_CLONE ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
PIP_INSTALL := $(PIP) install --no-deps --require-hashes
BUILD := build

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1 \2/' | \
	  while read -r name text; do printf '  make %-16s %s\n' "$$name" "$$text"; done

# --- set-up: each stamp is younger than what it was made from

.venv/.made:
	@.ci/virtualenv $(PYTHON) .venv
	@touch $@

.venv/.runtime: requirements.lock requirements-build.lock | .venv/.made
	$(PIP_INSTALL) -r requirements.lock -r requirements-build.lock
	@touch $@

.venv/.project: pyproject.toml README.md .venv/.runtime
	$(PIP) install --no-index --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.project
	$(PIP_INSTALL) -r requirements-dev.lock
	@touch $@

.PHONY: setup setup-dev
setup: .venv/.project ## Make .venv with the locked dependencies and .venv/bin/yungu
setup-dev: .venv/.dev ## The same, with what tests and checks need

.PHONY: setup-torch
setup-torch: setup-dev ## The same, with torch (CPU) and transformers: what needs them is skipped without
	$(PIP_INSTALL) -r requirements-torch.lock

# --- run

.PHONY: serve
serve: setup ## Run the hub: HOST= PORT= DATA=, DEMO=1 fills an empty one with examples
	@exec $(BIN)/yungu serve --host $(HOST) --port $(PORT) --data $(DATA) $(if $(DEMO),--demo)

# --- check

.PHONY: test lint format
test: setup-dev ## Run the tests on SQLite and on PostgreSQL
	@.ci/packages packages-test.txt
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

lint: setup-dev ## Check form, types and the floors of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup-dev ## Bring the code into form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: setup-dev ## Take every figure beside its peer again and rewrite the page of them: FULL=--full
	@.ci/packages packages-test.txt
	set -e; for name in calls modelscope transfers xet starting search viewer ledger gateway runtimes matching; do $(BIN)/python bench/$$name.py; done
	$(BIN)/python bench/git_traffic.py $(FULL)
	$(BIN)/python bench/report.py

.PHONY: conformance-hf
conformance-hf: setup-dev ## Run huggingface_hub's own tests against a fresh yungu: HF_SUITE= ARGS=
	$(BIN)/python tests/conformance/run_hf.py --suite $(HF_SUITE) $(ARGS)

.PHONY: conformance-ms
conformance-ms: setup-dev ## Run modelscope-hub's own tests against a fresh yungu: MSHUB_CLONE= MS_SUITE= ARGS=
	$(BIN)/python tests/conformance/run_ms.py --suite $(MS_SUITE) $(if $(MSHUB_CLONE),--clone $(MSHUB_CLONE)) $(ARGS)

# --- make

.PHONY: wheel migration lock
wheel: setup-dev ## Build dist/yungu-*.whl: no compiler, no Node
	$(PIP) wheel --no-index --no-deps --no-build-isolation -w dist .

migration: setup-dev ## Write the next migration from what the tables have become: MESSAGE="add ..."
	@test -n "$(MESSAGE)" || { echo 'make migration MESSAGE="what changes"'; exit 2; }
	$(BIN)/python -m yungu.migrations "$(MESSAGE)"
	$(BIN)/ruff check -q --fix src/yungu/migrations/versions
	$(BIN)/ruff format -q src/yungu/migrations/versions

$(BUILD)/uv/bin/uv:
	$(PYTHON) -m venv $(BUILD)/uv
	$(BUILD)/uv/bin/pip --disable-pip-version-check -q install uv

UV_COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BUILD)/uv/bin/uv pip compile -q --universal --generate-hashes \
	--python-version 3.11 --no-annotate --no-emit-index-url --no-emit-find-links $(UPGRADE)

lock: $(BUILD)/uv/bin/uv ## Renew the lock files for what pyproject.toml asks: UPGRADE=--upgrade
	$(UV_COMPILE) pyproject.toml --group dev -o requirements-dev.lock
	$(UV_COMPILE) pyproject.toml -c requirements-dev.lock -o requirements.lock
	$(UV_COMPILE) --group pyproject.toml:build -c requirements-dev.lock -o requirements-build.lock

.PHONY: matrix-hf
matrix-hf: setup-dev ## Try every generation of the Hugging Face client, transformers and datasets: ARGS="--only 2.4.0"
	$(BIN)/python tests/clients/matrix.py $(ARGS)

.PHONY: matrix-ms
matrix-ms: setup-dev ## Try both generations of the ModelScope client, and all dialects across: ARGS="--only recipe"
	$(BIN)/python tests/clients/modelscope_matrix.py $(ARGS)
