# Needs Python 3.11 or 3.12, make and git; everything else lands in .venv.
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS := never
export TZ := UTC

.PHONY: demo test test-full lint install lock spark bench clean

demo: install  ## install, then load the demo company, train, score and serve
	$(BIN)/leadpulse demo $(ARGS)

test: install  ## what .ci/run runs: lint, format, types, import contracts, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -n 2 --dist loadgroup

test-full: install  ## the parity, fault, load and fuzz tests at full size: nightly, and before a release
	LEADPULSE_TEST_FULL=1 $(BIN)/pytest -n 2 --dist loadgroup tests/parity tests/integration tests/unit/crm_store tests/fuzz

install: .venv/.installed

.venv/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "LeadPulse needs Python 3.11 or 3.12 (需要 Python 3.11 或 3.12)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet 'uv>=0.9,<1'
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c 'import ctypes; ctypes.CDLL("libgomp.so.1" if __import__("sys").platform == "linux" else None)' \
		|| { echo "LightGBM needs the system's libgomp, e.g. apt-get install libgomp1 (缺少系统库 libgomp)"; exit 1; }
	@touch $@

lock:  ## resolve pyproject.toml anew, for every platform, with hashes and without index addresses
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet -o requirements.lock

spark: install  ## the optional extra: what the Spark engine needs besides Java 17 or later
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes --no-deps -r requirements-spark.lock

lint: install
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

bench: install  ## make bench NAME=import
	$(BIN)/python -m tests.bench $(NAME)

clean:
	rm -rf .venv .leadpulse
