# A thin front: the build is Meson's, the work is in tools/. `make help` lists what there is.
SHELL := /bin/bash
BUILD ?= build
MINUTES ?= 1

.PHONY: help deps build run test bench fuzz lint mutants install clean

help:
	@echo 'make run                 install what is missing, build, start the server, print how to use it'
	@echo 'make test                the same, then every test; ends with "N passed, N failed"'
	@echo 'make bench               measure against nginx and the machine; writes bench/results.md'
	@echo 'make fuzz MINUTES=5      run every fuzz target that long'
	@echo 'make mutants             plant faults, one at a time, that the tests have to notice'
	@echo 'make lint                clang-tidy, gcc -fanalyzer, format and layer checks'
	@echo 'make install DESTDIR=…   install the program, library, headers, unit file'

deps:
	@tools/install_deps build

build: deps
	@tools/build $(BUILD)

run: deps
	@TARGETS='callgate callgate-curl.so callgate-outbound.so' tools/build $(BUILD)
	@tools/run $(BUILD)

test:
	@tools/install_deps test
	@tools/test

bench:
	@tools/install_deps bench
	@bench/run

fuzz:
	@tools/install_deps test
	@fuzz/run $(MINUTES)

lint:
	@tools/install_deps test
	@tools/lint

mutants:
	@tools/install_deps test
	@tests/support/make_venv
	@tools/mutants

install: build
	@DESTDIR='$(DESTDIR)' meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf build build-*
