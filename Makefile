# make setup   .venv with .venv/bin/passes in it
# make run     the service with an example programme on http://127.0.0.1:8000 (PORT=9000 make run: another port)
# make test    everything: style, types, tests; installs what it needs
# make lint    style and types alone
# make format  lay out the code the way `make lint` expects
# make bench   measure everything and write docs/figures.md; an hour, best on a machine that does nothing else
# make locks   resolve the dependencies anew after a change in pyproject.toml

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
LOCKED := $(PIP) --require-hashes --no-build-isolation
READERS := tests/readers/node_modules/.package-lock.json
WORKERS ?= 2

.PHONY: setup run test lint format bench locks
.DELETE_ON_ERROR:

setup: $(VENV)/setup.stamp

$(BIN)/python:
	setup/venv $(VENV)

# wallet-py3k comes as source, so what builds it is installed first, locked like everything else.
$(VENV)/setup.stamp: requirements-build.lock requirements.lock pyproject.toml | $(BIN)/python
	$(LOCKED) -r requirements-build.lock
	$(LOCKED) -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/test.stamp: requirements-dev.lock $(VENV)/setup.stamp
	$(LOCKED) -r requirements-dev.lock
	@touch $@

ifdef PORT
run: export PASSES_SERVER__PORT := $(PORT)
run: export PASSES_SERVER__PUBLIC_URL ?= http://127.0.0.1:$(PORT)
endif
run: setup
	@test -e home/config.toml || $(BIN)/passes init home
	@ls home/certs/*.pem >/dev/null 2>&1 || $(BIN)/passes --home home certs dev
	@exec $(BIN)/passes --home home serve

# Other people's readers of passes, locked like everything else; the tests open ours with them.
$(READERS): tests/readers/package-lock.json
	@setup/debian node:nodejs npm:npm
	npm ci --prefix tests/readers --ignore-scripts --no-audit --no-fund --silent
	@touch $@

test: lint $(READERS)
	@setup/debian chromium:chromium '/usr/lib/postgresql/*/bin/initdb:postgresql' redis-server:redis-server \
		openssl:openssl setpriv:util-linux '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf:fonts-dejavu-core'
	$(BIN)/python -m pytest -n $(WORKERS)

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/test.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/test.stamp
	@setup/debian wrk:wrk node:nodejs npm:npm '/usr/lib/postgresql/*/bin/pgbench:postgresql' openssl:openssl setpriv:util-linux
	$(BIN)/python -m bench all
	$(BIN)/python -m bench figures

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate --no-config

locks: | $(BIN)/python
	$(PIP) uv
	$(COMPILE) --group build -o requirements-build.lock >/dev/null
	$(COMPILE) --all-extras -c requirements-build.lock pyproject.toml -o requirements.lock >/dev/null
	$(COMPILE) --all-extras --group dev -c requirements-build.lock -c requirements.lock pyproject.toml \
		-o requirements-dev.lock >/dev/null
