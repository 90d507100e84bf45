# SPDX-License-Identifier: Apache-2.0
# Thin front of tools/setup, meson and ninja. Nothing is installed twice.
#
#   make            set up, build build/lazaret (release; works in place)
#   make demo       analyse a real npm package
#   make check      lint and all tests, under ASan and UBSan, in build-check/
#   make check-real real packages (needs the registry), into bench/real.md
#   make check-kernels  sandbox and recorder under Debian's kernels, in QEMU
#   make bench      ratios, into bench/RESULTS.md
#   make fuzz       libFuzzer on every parser, a minute each; make tidy: advice
#   make install    PREFIX (/usr/local), DESTDIR
PREFIX ?= /usr/local
# A terminal sees the progress, a log only what goes wrong.
NINJA = ninja $(shell test -t 2 || echo --quiet)
SANITIZE = -Dbuildtype=debugoptimized -Db_sanitize=address,undefined \
	-Dwerror=true

all: setup build/build.ninja
	@$(NINJA) -C build

setup:
	@SETUP_HINT='make setup' tools/setup build run deps

setup-check:
	@SETUP_HINT='make setup-check' tools/setup build run test deps

build/build.ninja:
	@tools/configure build -Doptimization=2 -Ddebug=false -Dtests=false \
		-Dprefix=$(PREFIX)

build-check/build.ninja:
	@tools/configure build-check $(SANITIZE)

demo: all; @tools/demo

check: setup-check all build-check/build.ninja
	@$(NINJA) -C build-check
	@tools/test-report build-check

lint: setup-check all build-check/build.ninja
	@$(NINJA) -C build-check
	@tools/test-report build-check lint

check-real: all; @tools/check-real

build-kernels/build.ninja:
	@tools/configure build-kernels -Doptimization=2 -Ddebug=false

check-kernels:
	@SETUP_HINT='make check-kernels' tools/setup build run kernels deps
	@$(MAKE) --no-print-directory build-kernels/build.ninja
	@tools/check-kernels $(KERNELS)

bench: all; @bench/run
tidy: setup-check; @tools/tidy
fuzz: setup-check; @tools/fuzz

install: all
	@meson configure build -Dprefix=$(PREFIX)
	@meson install -C build --quiet

clean:
	rm -rf build build-check build-fuzz build-kernels

.PHONY: all setup setup-check demo check lint check-real check-kernels bench tidy fuzz \
	install clean
