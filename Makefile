# Endpoint Desk. `make help` lists what there is.

PYTHON ?= python3
IN_ENV := .venv/bin/python
export PORT EMULATOR_PORT DATA_DIR
# Tests start hundreds of processes, each of which would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run check test coverage lint emulator sdk benchmarks lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

run: ## start everything on this machine and print the address to open
	@$(PYTHON) bootstrap.py runtime
	@exec $(IN_ENV) manage.py run

check: lint ## check what can be checked in a minute: the linters and the fast tests
	$(IN_ENV) -m pytest -q -n 2 -m "not slow"

test: ## run all tests; lists what it skips, and why
	@$(PYTHON) bootstrap.py dev
	@exec $(IN_ENV) -m pytest $(ARGS)

coverage: ## run all tests, and list the lines of the product that none of them runs
	@$(PYTHON) bootstrap.py dev
	@$(IN_ENV) -m coverage erase
	$(IN_ENV) -m coverage run -m pytest $(ARGS)
	@$(IN_ENV) -m coverage combine --quiet
	@$(IN_ENV) -m coverage report

lint: ## check style, types and who may import whom
	@$(PYTHON) bootstrap.py dev
	$(IN_ENV) -m ruff format --check .
	$(IN_ENV) -m ruff check .
	.venv/bin/djade --target-version 5.2 --check $$(find templates -name '*.html')
	.venv/bin/oxfmt --check static/css static/js emulator/static
	.venv/bin/oxlint static/js
	$(IN_ENV) -m mypy dashboard accounts endpoints emulator tests benchmarks
	.venv/bin/lint-imports --no-logo
	DATA_DIR=$$(mktemp -d) $(IN_ENV) manage.py makemigrations --check --dry-run

emulator: ## start the local Azure alone
	@$(PYTHON) bootstrap.py runtime
	@exec $(IN_ENV) -m emulator $(ARGS)

sdk: ## make the environment of Microsoft's SDK, which one of the tests drives
	@$(PYTHON) bootstrap.py sdk

benchmarks: ## measure; each file in benchmarks/ is also a program of its own
	@$(PYTHON) bootstrap.py dev
	@for file in benchmarks/start.py benchmarks/submit.py benchmarks/table.py benchmarks/fleet.py benchmarks/emulator.py benchmarks/clients.py benchmarks/reads.py \
		benchmarks/polling.py; do echo "== $$file"; $(IN_ENV) $$file || exit 1; done

lock: ## update the lock files from pyproject.toml
	@$(PYTHON) bootstrap.py dev
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml -o requirements/runtime.txt
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--group dev pyproject.toml -o requirements/dev.txt
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--group sdk -o requirements/sdk.txt

clean: ## remove the environment and all data of this machine
	rm -rf .venv .venv-sdk var .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* .import_linter_cache
