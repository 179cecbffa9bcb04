.PHONY: demo test test-slow test-mobile test-swift bench lint docs notebooks page clean
VENV := .venv
MOBILE := $(VENV)/mobile
TORCH := torch==2.13.0
LSPET ?= ../shared/data/lspet
MPII ?= ../shared/data/mpii-sample
BENCH = $(VENV)/bin/python -m benchmarks.$(1) $(2) --short --out runs/bench/$(1).json
KOTLIN := kotlin-jupyter-kernel==0.19.0.944
FPD := $(VENV)/bin/fpd
STUDENTS := pose-small.int8 pose-lite.int8 pose-small.float16

demo: $(VENV)/installed
	rm -rf runs/demo
	$(FPD) demo

test: $(VENV)/installed
	$(VENV)/bin/pytest --durations=10

test-slow: $(VENV)/installed
	$(VENV)/bin/pytest -m "slow or not slow" --durations=20

test-mobile: $(MOBILE)/installed
	FPD_MOBILE=required $(VENV)/bin/pytest tests/mobile -m "slow or not slow" -rs --durations=10 \
	  --ignore=tests/mobile/test_swift_compiled.py

test-swift: $(VENV)/installed
	mkdir -p $(MOBILE)
	[ -d $(MOBILE)/swift ] || sh tests/mobile/install_swift.sh $(MOBILE)/swift
	$(VENV)/bin/pytest tests/mobile/test_swift_compiled.py -m "slow or not slow" -rs --durations=10

bench: $(VENV)/bench
	$(call BENCH,train_step)
	$(call BENCH,input_pipeline,$(LSPET) --mpii $(MPII))
	$(call BENCH,teacher_cache,$(LSPET))
	$(call BENCH,evaluate,$(LSPET))
	$(call BENCH,scaling,$(LSPET))
	$(call BENCH,memory)

docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build

notebooks: $(VENV)/installed
	$(VENV)/bin/python notebooks/run.py

page: $(VENV)/installed
	rm -rf runs/page
	$(FPD) bundle $(STUDENTS:%=--model tflite/models/%.tflite) --out runs/page
	npm ci --silent --prefix runs/page/web
	$(FPD) serve runs/page

lint: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

$(VENV)/installed: setup.py constraints.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --editable '.[dev]' --constraint constraints.txt
	touch $@

$(VENV)/bench: $(VENV)/installed
	$(VENV)/bin/pip install --quiet $(TORCH) --constraint constraints.txt
	touch $@

$(VENV)/docs: $(VENV)/installed
	$(VENV)/bin/pip install --quiet --editable '.[docs]' --constraint constraints.txt
	touch $@

$(MOBILE)/installed: $(VENV)/installed tests/mobile/package-lock.json
	for tool in java:openjdk-17-jre-headless node:nodejs npm:npm chromium:chromium g++:g++; do \
	  command -v $${tool%%:*} > /dev/null || apt-get install --yes $${tool##*:}; \
	done
	[ -e /usr/include/nlohmann/json.hpp ] || apt-get install --yes nlohmann-json3-dev
	mkdir -p $(MOBILE)
	$(VENV)/bin/pip install --quiet --constraint constraints.txt tree-sitter tree-sitter-swift
	$(VENV)/bin/pip download --quiet --no-deps --dest $(MOBILE) $(KOTLIN)
	$(VENV)/bin/python -m zipfile -e $(MOBILE)/kotlin_jupyter_kernel-*.whl $(MOBILE)/kotlin
	rm $(MOBILE)/kotlin_jupyter_kernel-*.whl
	cp tests/mobile/package.json tests/mobile/package-lock.json $(MOBILE)
	npm ci --silent --prefix $(MOBILE)
	sh tests/mobile/install_android.sh $(MOBILE)/android
	touch $@

clean:
	rm -rf $(VENV) runs build
