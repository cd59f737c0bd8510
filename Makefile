# `make run` and `make test` are all that a newcomer needs; both set up first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup run test

setup: .venv/.installed

# Rebuilt only when what is to be installed has changed, so that later calls start at once.
.venv/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is older than Python 3.11; set PYTHON=/path/to/a/newer/one" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --compile --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q oso_processors
	@touch $@
