# SPDX-License-Identifier: Apache-2.0
#
# The front door. `make help` lists what it opens.

SWIFT ?= swift
PREFIX ?= /usr/local
DESTDIR ?=
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd/system
DOCDIR = $(PREFIX)/share/doc/maitred

RELEASE = .build/release
# The runtime is linked in: the program runs on any Debian 12 without Swift. Optimised across modules, because the accept
# path runs through five of them. Exclusive access is checked in every debug build, which the tests are, not here: the
# checks are a tenth of what a connection costs in the master's own code.
RELEASE_FLAGS = -c release --static-swift-stdlib -Xswiftc -cross-module-optimization \
    -Xswiftc -enforce-exclusivity=unchecked

BUILD_PACKAGES = gcc libc6-dev libsystemd-dev pkg-config
TEST_PACKAGES = $(BUILD_PACKAGES) systemd

C_FLAGS = -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wconversion -fsyntax-only

.PHONY: help build demo test check bench bench-handoff install uninstall clean build-packages test-packages

help:
	@echo 'make demo           build, and serve the demo on http://127.0.0.1:8080 with four workers'
	@echo 'make build          build $(RELEASE)/maitred and $(RELEASE)/maitred-demo'
	@echo 'make test           build and run every test'
	@echo 'make check          format, headers, C warnings, what the program links'
	@echo 'make bench          micro-benchmarks: choosing, packets, load pages'
	@echo 'make bench-handoff  master CPU per connection, beside a bare C loop in the same run'
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

build: build-packages
	$(SWIFT) build $(RELEASE_FLAGS)

demo: build
	@echo
	@echo 'will serve on http://127.0.0.1:8080 (try: curl http://127.0.0.1:8080/), Ctrl-C to stop'
	@echo
	@exec $(RELEASE)/maitred serve --listen 127.0.0.1:8080 --workers 4 --strategy least-connections \
	    -- $(RELEASE)/maitred-demo

# Unit tests run unoptimised, with every check of the language on; what is started as a program is the release build.
# Two groups come after them, each alone: what measures time exactly, and the tests of whole masters, which put the
# machine under load and measure what it does then.
test: export MAITRED_TEST_PROGRAMS = $(CURDIR)/$(RELEASE)
test: test-packages build
	$(SWIFT) test --disable-xctest --skip IntegrationTests --skip CoordinatedOmissionTests
	$(SWIFT) test --disable-xctest --filter CoordinatedOmissionTests
	$(SWIFT) test --disable-xctest --filter IntegrationTests

check: build
	$(SWIFT) format lint --strict --parallel --recursive Sources Tests Benchmarks Package.swift
	@missing=$$(git ls-files --cached --others --exclude-standard '*.swift' '*.c' '*.h' '*.sh' Makefile | \
	    xargs grep -L 'SPDX-License-Identifier: Apache-2.0'); \
	[ -z "$$missing" ] || { echo "no SPDX line: $$missing"; exit 1; }
	@for source in Sources/*/*.c; do \
	    for compiler in gcc clang; do \
	        ! command -v $$compiler >/dev/null || \
	            $$compiler $(C_FLAGS) -I Sources/CMaitredWire/include -I Sources/CMaitredLinux/include $$source || exit 1; \
	    done; \
	done
	@! ldd $(RELEASE)/maitred | grep -E 'libFoundation|libicu|lib_Foundation' || \
	    { echo 'maitred must not link full Foundation'; exit 1; }

bench: build-packages
	MAITRED_BENCHMARKS=1 $(SWIFT) package benchmark --target HandoffBenchmarks

bench-handoff: build
	Benchmarks/floor/compare.sh $(RELEASE)/maitred

install:
	@test -x $(RELEASE)/maitred || { echo 'run make build first'; exit 1; }
	install -D -s -m 755 $(RELEASE)/maitred $(DESTDIR)$(BINDIR)/maitred
	install -D -s -m 755 $(RELEASE)/maitred-demo $(DESTDIR)$(BINDIR)/maitred-demo
	install -D -m 644 docs/man/maitred.8 $(DESTDIR)$(MANDIR)/man8/maitred.8
	install -D -m 644 docs/man/maitred-control.8 $(DESTDIR)$(MANDIR)/man8/maitred-control.8
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
	    $(DESTDIR)$(MANDIR)/man8/maitred-control.8
	rm -f '$(DESTDIR)$(UNITDIR)/maitred@.service' '$(DESTDIR)$(UNITDIR)/maitred@.socket'
	rm -rf $(DESTDIR)$(DOCDIR)

clean:
	rm -rf .build
