# Everything runs in .venv, which `setup` makes with the exact versions of requirements.lock.
.DEFAULT_GOAL := help
.PHONY: help setup demo test check types lint-sql bench docs db deploy clean

# Where it is set, as in many images, Python compiles every library anew in every process: seconds each.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
STAMP := .venv/.made-from-lock

help: ## Say what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

setup: $(STAMP) ## Make the environment (nothing to do while lock and pyproject are unchanged)

$(STAMP): requirements.lock pyproject.toml scripts/setup.sh
	@scripts/setup.sh
	@touch $@

demo: setup ## Sample data to bars, Greeks, catalog and backtest, in one go
	@$(BIN)/tickmart demo

test: setup ## Run all tests, on a database of their own, and hold how much of the packages they cover
	@$(BIN)/pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder --cov --cov-report term

check: setup db ## Lint, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@$(MAKE) --no-print-directory --jobs types lint-sql # side by side: each has stretches on one processor

types:
	$(BIN)/mypy

lint-sql:
	$(BIN)/python scripts/lint_sql.py lint models

bench: setup ## Measure the project beside the alternatives
	@$(BIN)/python -m benchmarks

docs: setup db ## Write dbt's documentation to target/
	@$(BIN)/dbt docs generate

db: setup ## Start the database
	@$(BIN)/tickmart db start

deploy: setup ## Put the nightly flow on the Prefect server of PREFECT_API_URL, or bring it up to date there
	@$(BIN)/python -m flows.deploy

clean: ## Stop the database and delete what was made, but for its data (tickmart db reset deletes those)
	@if [ -x $(BIN)/tickmart ] && [ -z "$$TICKMART_DATABASE_URL" ]; then $(BIN)/tickmart db stop || true; fi
	rm -rf .venv target logs build catalogs .pytest_cache .mypy_cache .ruff_cache *.egg-info
