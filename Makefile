.PHONY: demo test test-slow lint clean
VENV := .venv
FPD := $(VENV)/bin/fpd

demo: $(VENV)/installed
	rm -rf runs/demo
	$(FPD) demo

test: $(VENV)/installed
	$(VENV)/bin/pytest --durations=10

test-slow: $(VENV)/installed
	$(VENV)/bin/pytest -m "slow or not slow" --durations=20

lint: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

$(VENV)/installed: setup.py constraints.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --editable '.[dev]' --constraint constraints.txt
	touch $@

clean:
	rm -rf $(VENV) runs
