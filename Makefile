# SPDX-License-Identifier: Apache-2.0
#
# The front door. `make help` lists what it opens.

SWIFT ?= swift
PREFIX ?= /usr/local
DESTDIR ?=
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR = $(PREFIX)/include
UNITDIR ?= $(PREFIX)/lib/systemd/system
DOCDIR = $(PREFIX)/share/doc/maitred

RELEASE = .build/release
# The runtime is linked in: the program runs on any Debian 12 without Swift. Optimised across modules, because the accept
# path runs through five of them. Exclusive access is checked in every debug build, which the tests are, not here: the
# checks are a tenth of what a connection costs in the master's own code.
RELEASE_FLAGS = -c release --static-swift-stdlib -Xswiftc -cross-module-optimization \
    -Xswiftc -enforce-exclusivity=unchecked

BUILD_PACKAGES = gcc libc6-dev libsystemd-dev pkg-config
# The second line: the servers of Tests/IntegrationTests/Conformance.
TEST_PACKAGES = $(BUILD_PACKAGES) systemd python3 nodejs nginx-light \
    apache2-bin lighttpd node-ws perl php-cli puma python3-venv redis-server ruby-webrick
# Those that Debian has not, or not as they are today.
TEST_VENV = .build/test-venv

# The front door itself, whatever rule stands first.
.DEFAULT_GOAL := help

# What C programs link. Built by the C compiler: a library that SwiftPM builds of C files wants the Swift runtime.
WORKER_LIB = .build/worker-lib
WORKER_SOURCES = $(wildcard Sources/CMaitredWorker/*.c)
WORKER_HEADERS = $(wildcard Sources/CMaitredWorker/*.h Sources/*/include/*.h)
PRELOAD = $(RELEASE)/libmaitred_preload.so
PRELOAD_SOURCES = $(wildcard Sources/CMaitredPreload/*.c)
WORKER_FLAGS = -std=c11 -D_GNU_SOURCE -O2 -fPIC -fvisibility=hidden -Wall -Wextra -Werror -Wshadow -Wconversion \
    -ISources/CMaitredWire/include -ISources/CMaitredWorker/include -ISources/CMaitredWorker

C_FLAGS = -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wconversion -fsyntax-only

# One object of all files, so that what they share is seen by nobody else.
$(WORKER_LIB)/libmaitred-worker.a: $(WORKER_SOURCES) $(WORKER_HEADERS)
	@mkdir -p $(WORKER_LIB)
	for source in $(WORKER_SOURCES); do \
	    $(CC) $(WORKER_FLAGS) -c -o $(WORKER_LIB)/$$(basename $$source .c).o $$source || exit 1; \
	done
	$(AR) rcs $@ $(patsubst Sources/CMaitredWorker/%.c,$(WORKER_LIB)/%.o,$(WORKER_SOURCES))

$(WORKER_LIB)/libmaitred-worker.so.1: $(WORKER_LIB)/libmaitred-worker.a
	$(CC) -shared -Wl,-soname,libmaitred-worker.so.1 -Wl,-z,now -Wl,--whole-archive $< -Wl,--no-whole-archive \
	    -o $@ -pthread

# The SDK is part of it, under names that nobody else sees: a program may have another version of it.
$(WORKER_LIB)/libmaitred_preload.so: $(PRELOAD_SOURCES) Sources/CMaitredPreload/preload.h $(WORKER_LIB)/libmaitred-worker.a
	$(CC) $(WORKER_FLAGS) -shared -Wl,-z,now -Wl,--exclude-libs,ALL -o $@ $(PRELOAD_SOURCES) \
	    $(WORKER_LIB)/libmaitred-worker.a -ldl -pthread

# The same C files for `make sanitize`, with every check that the compiler can build in; a finding ends the process.
SANITIZED = .build/sanitized
SANITIZE_CC ?= $(firstword $(foreach compiler,gcc clang,$(if $(shell command -v $(compiler)),$(compiler))))
SANITIZE_FLAGS = -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
    $(filter-out -O2 -fvisibility=hidden,$(WORKER_FLAGS)) -ISources/CMaitredLinux/include -ISources/CMaitredPreload
# A library has its own copy of the sanitizers with clang, unless told otherwise; gcc never does that.
ifneq (,$(findstring clang,$(SANITIZE_CC)))
SANITIZE_FLAGS += -shared-libasan -Wl,-rpath,$(dir $(shell $(SANITIZE_CC) -shared-libasan \
    -print-file-name=libclang_rt.asan-$(shell uname -m).so))
endif
# Inputs of `make sanitize`, about ten seconds, and the time that libFuzzer has in `make fuzz`. The fuzzer looks for no
# leaks: setenv(3) keeps old values.
FUZZ_RUNS ?= 150000
FUZZ_SECONDS ?= 60
FUZZ = .build/fuzz
FUZZ_SOURCES = $(filter-out %/driver.c,$(wildcard Tests/CFuzz/*.c)) Sources/CMaitredWorker/worker.c \
    Sources/CMaitredLinux/linux.c $(patsubst %,Sources/CMaitredPreload/%.c,descriptors listeners load own watchers)

$(SANITIZED)/maitred-test-c-worker: Tests/CWorker/main.c $(WORKER_SOURCES) $(WORKER_HEADERS)
	@mkdir -p $(SANITIZED)
	$(SANITIZE_CC) $(SANITIZE_FLAGS) -o $@ Tests/CWorker/main.c $(WORKER_SOURCES) -pthread

$(SANITIZED)/maitred-sanitized-server: Tests/CSanitize/main.c
	@mkdir -p $(SANITIZED)
	$(SANITIZE_CC) $(SANITIZE_FLAGS) -o $@ Tests/CSanitize/main.c

$(SANITIZED)/libmaitred_preload.so: $(PRELOAD_SOURCES) $(WORKER_SOURCES) $(WORKER_HEADERS) Sources/CMaitredPreload/preload.h
	@mkdir -p $(SANITIZED)
	$(SANITIZE_CC) $(SANITIZE_FLAGS) -fvisibility=hidden -shared -Wl,-z,now -o $@ $(PRELOAD_SOURCES) \
	    $(WORKER_SOURCES) -ldl -pthread

$(SANITIZED)/fuzz: $(wildcard Tests/CFuzz/* Sources/*/*.c) $(WORKER_HEADERS) Sources/CMaitredPreload/preload.h
	@mkdir -p $(SANITIZED)
	$(SANITIZE_CC) $(SANITIZE_FLAGS) -o $@ Tests/CFuzz/driver.c $(FUZZ_SOURCES) -ldl -pthread

sanitized: build-packages $(SANITIZED)/maitred-test-c-worker $(SANITIZED)/maitred-sanitized-server \
    $(SANITIZED)/libmaitred_preload.so $(SANITIZED)/fuzz

worker-lib: build-packages $(WORKER_LIB)/libmaitred-worker.so.1 $(WORKER_LIB)/libmaitred_preload.so

.PHONY: help build worker-lib sanitized demo test sanitize fuzz check bench bench-handoff bench-peers simulate install \
    uninstall clean build-packages test-packages

help:
	@echo 'make demo           build, and serve the demo on http://127.0.0.1:8080 with four workers'
	@echo 'make build          build $(RELEASE)/maitred and $(RELEASE)/maitred-demo'
	@echo 'make test           build and run every test'
	@echo 'make sanitize       the part of make test in which the C code runs under sanitizers'
	@echo 'make fuzz           libFuzzer on what the C code parses (FUZZ_SECONDS=60)'
	@echo 'make worker-lib     build the worker SDK for C: $(WORKER_LIB)/libmaitred-worker.{a,so}'
	@echo 'make check          format, headers, C warnings, what the program links'
	@echo 'make bench          micro-benchmarks: choosing, packets, load pages'
	@echo 'make bench-handoff  master CPU per connection, beside a bare C loop in the same run'
	@echo 'make bench-peers    the same work behind maitred, nginx, HAProxy, Node and gunicorn (installs them)'
	@echo 'make simulate       the strategies in virtual time, beside an ideal queue (SIMULATE="--workers 64 ...")'
	@echo 'make install        install program, man page and systemd units (PREFIX, DESTDIR)'

# $(call need,PACKAGES): installs those that are missing, and says which.
define need
	@missing=''; \
	for package in $(1); do \
	    dpkg-query -W -f '$${Status}' "$$package" 2>/dev/null | grep -q 'install ok installed' || \
	        missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	    sudo=''; [ "$$(id -u)" = 0 ] || sudo='sudo'; \
	    echo "installing$$missing"; \
	    $$sudo apt-get update -q && $$sudo apt-get install -q -y --no-install-recommends $$missing; \
	fi
	@command -v $(SWIFT) >/dev/null || { echo 'Swift 6.2 or newer is needed: https://www.swift.org/install/linux'; exit 1; }
endef

build-packages:
	$(call need,$(BUILD_PACKAGES))

test-packages:
	$(call need,$(TEST_PACKAGES))

$(TEST_VENV)/requirements.txt: Tests/Servers/requirements.txt | test-packages
	rm -rf $(TEST_VENV)
	/usr/bin/python3 -m venv $(TEST_VENV)
	$(TEST_VENV)/bin/pip install -q --disable-pip-version-check -r $<
	cp $< $@

build: build-packages worker-lib
	$(SWIFT) build $(RELEASE_FLAGS)
	cp $(WORKER_LIB)/libmaitred_preload.so $(PRELOAD)

demo: build
	@echo
	@echo 'will serve on http://127.0.0.1:8080 (try: curl http://127.0.0.1:8080/), Ctrl-C to stop'
	@echo
	@exec $(RELEASE)/maitred serve --listen 127.0.0.1:8080 --workers 4 --strategy least-connections \
	    -- $(RELEASE)/maitred-demo

# Unit tests run unoptimised, with every check of the language on; what is started as a program is the release build.
# Two groups come after them, each alone: what measures time exactly, and the tests of whole masters, which put the
# machine under load and measure what it does then.
test sanitize: export MAITRED_TEST_PROGRAMS = $(CURDIR)/$(RELEASE)
test sanitize: export MAITRED_TEST_SANITIZED = $(CURDIR)/$(SANITIZED)
test: test-packages $(TEST_VENV)/requirements.txt build sanitized
	ASAN_OPTIONS=detect_leaks=0 $(SANITIZED)/fuzz $(FUZZ_RUNS)
	$(SWIFT) test --disable-xctest --skip IntegrationTests --skip CoordinatedOmissionTests
	$(SWIFT) test --disable-xctest --filter CoordinatedOmissionTests
	$(SWIFT) test --disable-xctest --filter IntegrationTests

sanitize: build sanitized
	ASAN_OPTIONS=detect_leaks=0 $(SANITIZED)/fuzz $(FUZZ_RUNS)
	$(SWIFT) test --disable-xctest --filter SanitizerTests

# Begins with the inputs of the last run, and keeps what it finds. The linker is named because gold warns for pages.
fuzz: $(SANITIZED)/fuzz
	@mkdir -p $(FUZZ)/corpus
	clang $(filter-out -shared-libasan -Wl%,$(SANITIZE_FLAGS)) -fsanitize=fuzzer -fuse-ld=bfd -o $(FUZZ)/fuzz \
	    $(FUZZ_SOURCES) -ldl -pthread
	$(SANITIZED)/fuzz --write $(FUZZ)/corpus
	cd $(FUZZ) && ./fuzz -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=20 corpus

check: build
	$(SWIFT) format lint --strict --parallel --recursive Sources Tests Benchmarks Package.swift
	@missing=$$(git ls-files --cached --others --exclude-standard '*.swift' '*.c' '*.h' '*.sh' Makefile | \
	    xargs grep -L 'SPDX-License-Identifier: Apache-2.0'); \
	[ -z "$$missing" ] || { echo "no SPDX line: $$missing"; exit 1; }
	@for source in Sources/*/*.c Tests/*/*.c; do \
	    for compiler in gcc clang; do \
	        ! command -v $$compiler >/dev/null || \
	            $$compiler $(C_FLAGS) -I Sources/CMaitredWire/include -I Sources/CMaitredLinux/include \
	                -I Sources/CMaitredWorker/include -I Sources/CMaitredWorker -I Sources/CMaitredPreload \
	                $$source || exit 1; \
	    done; \
	done
	@! ldd $(RELEASE)/maitred | grep -E 'libFoundation|libicu|lib_Foundation' || \
	    { echo 'maitred must not link full Foundation'; exit 1; }

bench: build-packages
	MAITRED_BENCHMARKS=1 $(SWIFT) package benchmark --target HandoffBenchmarks

bench-handoff: build
	Benchmarks/floor/compare.sh $(RELEASE)/maitred

bench-peers: build
	Benchmarks/peers/compare.sh $(RELEASE)/maitred
# With the flags of `build`, or each would have to compile again what the other did.
simulate: export MAITRED_BENCHMARKS = 1
simulate: build-packages
	@$(SWIFT) build $(RELEASE_FLAGS) --product maitred-simulate
	@$(RELEASE)/maitred-simulate $(SIMULATE)

install:
	@test -x $(RELEASE)/maitred || { echo 'run make build first'; exit 1; }
	install -D -s -m 755 $(RELEASE)/maitred $(DESTDIR)$(BINDIR)/maitred
	install -D -s -m 755 $(RELEASE)/maitred-demo $(DESTDIR)$(BINDIR)/maitred-demo
	install -D -m 644 docs/man/maitred.8 $(DESTDIR)$(MANDIR)/man8/maitred.8
	install -D -m 644 docs/man/maitred-control.8 $(DESTDIR)$(MANDIR)/man8/maitred-control.8
	install -D -m 644 docs/man/maitred-bench.8 $(DESTDIR)$(MANDIR)/man8/maitred-bench.8
	install -D -m 644 docs/man/maitred-explain-worker.8 $(DESTDIR)$(MANDIR)/man8/maitred-explain-worker.8
	install -D -m 755 $(PRELOAD) $(DESTDIR)$(PREFIX)/lib/maitred/libmaitred_preload.so
	install -D -m 644 Sources/CMaitredWorker/include/maitred_worker.h $(DESTDIR)$(INCLUDEDIR)/maitred_worker.h
	install -D -m 644 $(WORKER_LIB)/libmaitred-worker.a $(DESTDIR)$(LIBDIR)/libmaitred-worker.a
	install -D -m 755 $(WORKER_LIB)/libmaitred-worker.so.1 $(DESTDIR)$(LIBDIR)/libmaitred-worker.so.1
	ln -sf libmaitred-worker.so.1 $(DESTDIR)$(LIBDIR)/libmaitred-worker.so
	install -D -m 644 deploy/pkgconfig/maitred-worker.pc $(DESTDIR)$(LIBDIR)/pkgconfig/maitred-worker.pc
	sed -i 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|' $(DESTDIR)$(LIBDIR)/pkgconfig/maitred-worker.pc
	$(call install-templates,deploy/systemd,$(UNITDIR))
	$(call install-templates,deploy/examples,$(DOCDIR)/examples)

# $(call install-templates,FROM,TO): a folder of text files, with the place of the programs filled in.
define install-templates
	cd $(1) && find . -type f | while read -r file; do \
	    install -D -m 644 "$$file" "$(DESTDIR)$(2)/$$file" && \
	    sed -i 's|@BINDIR@|$(BINDIR)|g' "$(DESTDIR)$(2)/$$file" || exit 1; \
	done
endef

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/maitred $(DESTDIR)$(BINDIR)/maitred-demo $(DESTDIR)$(MANDIR)/man8/maitred.8 \
	    $(DESTDIR)$(MANDIR)/man8/maitred-control.8 $(DESTDIR)$(MANDIR)/man8/maitred-bench.8 \
	    $(DESTDIR)$(MANDIR)/man8/maitred-explain-worker.8
	rm -f '$(DESTDIR)$(UNITDIR)/maitred@.service' '$(DESTDIR)$(UNITDIR)/maitred@.socket'
	rm -f $(DESTDIR)$(INCLUDEDIR)/maitred_worker.h $(DESTDIR)$(LIBDIR)/libmaitred-worker.a \
	    $(DESTDIR)$(LIBDIR)/libmaitred-worker.so $(DESTDIR)$(LIBDIR)/libmaitred-worker.so.1 \
	    $(DESTDIR)$(LIBDIR)/pkgconfig/maitred-worker.pc
	rm -rf $(DESTDIR)$(PREFIX)/lib/maitred $(DESTDIR)$(DOCDIR)

clean:
	rm -rf .build
