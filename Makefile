# The commands of the project; cmake does the building. `make help` lists them.
BUILD          ?= build
BUILD_SANITIZE ?= build-sanitize
BUILD_THREAD   ?= build-thread
BUILD_VALGRIND ?= build-valgrind
BUILD_ONEDNN3  ?= build-onednn3
BUILD_FUZZ     ?= build-fuzz
BUILD_DEB      ?= build-deb
PREFIX         ?= /usr/local
# Debian's Python, for which python3-torch is installed; tests and benchmarks alone use it.
PYTHON         ?= /usr/bin/python3
# Folder that holds hymenoptera/, for the tests and benchmarks that need it.
DATA           ?= ../shared/data
JOBS           ?= $(shell nproc 2>/dev/null || echo 2)
TEST_JOBS      ?= 2
# Seconds that each target is fuzzed.
TIME           ?= 60
# Training runs that are killed.
KILLS          ?= 200

# The tests need more than the program does: the first configuration is without them, and a folder
# that has them keeps them.
BUILD_OPTIONS   = $(if $(wildcard $(BUILD)/CMakeCache.txt),,-DDNNB_TESTS=OFF)
TEST_OPTIONS    = -DCMAKE_BUILD_TYPE=Release -DDNNB_TESTS=ON -DDNNB_WERROR=ON \
                  -DDNNB_PYTHON=$(PYTHON) -DDNNB_DATA_DIR=$(abspath $(DATA))
RUN_TESTS       = $(3) ctest --test-dir $(1) --output-on-failure --no-tests=error -j$(TEST_JOBS) $(2); \
                  status=$$?; tools/show-skips $(1); exit $$status

MAKEFLAGS      += --no-print-directory

.PHONY: help setup setup-tests setup-fuzz setup-deb setup-docs setup-valgrind build demo test \
        test-onednn3 sanitize sanitize-thread valgrind kill fuzz bench check format install \
        uninstall docs deb clean

help:
	@echo 'make setup      install what building needs from Debian (nothing when it is there)'
	@echo 'make build      build the library and the program into $(BUILD)/'
	@echo 'make demo       transfer learning on real pictures, start to plots'
	@echo 'make test       build with warnings as errors, run every test'
	@echo 'make test-onednn3'
	@echo '                the tests of the engine with oneDNN 3 from PyPI, in $(BUILD_ONEDNN3)/'
	@echo 'make sanitize   nearly all of them under ASan and UBSan, in $(BUILD_SANITIZE)/'
	@echo 'make sanitize-thread'
	@echo '                the tests that have threads under TSan, in $(BUILD_THREAD)/'
	@echo 'make valgrind   training under valgrind: no leak, no invalid access, in $(BUILD_VALGRIND)/'
	@echo 'make kill       kill KILLS=200 training runs at random moments, resume and compare them'
	@echo 'make fuzz       fuzz every reader of files for TIME=60 seconds each, in $(BUILD_FUZZ)/'
	@echo 'make bench      measure speed on this machine beside PyTorch (needs DATA)'
	@echo 'make check      only the rules that the source keeps'
	@echo 'make format     format the C files with clang-format 14'
	@echo 'make install    install under PREFIX (now $(PREFIX)); DESTDIR works'
	@echo 'make uninstall  take away what that has put there'
	@echo 'make docs       make the C API reference with Doxygen, in $(BUILD)/docs/'
	@echo 'make deb        build Debian packages, in $(BUILD_DEB)/'
	@echo 'make clean      remove what these commands made'

setup:
	@tools/install-dependencies --build

setup-tests:
	@tools/install-dependencies --build --tests

setup-fuzz:
	@tools/install-dependencies --build --tests --fuzz

setup-deb:
	@tools/install-dependencies --build --deb

setup-docs:
	@tools/install-dependencies --docs

setup-valgrind:
	@tools/install-dependencies --build --tests --valgrind

build: setup
	cmake -S . -B $(BUILD) $(BUILD_OPTIONS)
	cmake --build $(BUILD) -j$(JOBS)

demo: build
	@DNNBRAIN=$(BUILD)/dnnbrain tools/demo

test: setup-tests
	cmake -S . -B $(BUILD) $(TEST_OPTIONS)
	cmake --build $(BUILD) -j$(JOBS) --target all bench
	@$(call RUN_TESTS,$(BUILD))

test-onednn3: setup-tests
	@DNNB_PYTHON=$(PYTHON) JOBS=$(JOBS) tools/test-onednn3 $(BUILD_ONEDNN3) $(TEST_OPTIONS)

# Without the tests that do what others here do, at more moments, with more pictures or to compare
# more numbers.
OTHER_MEMORY    = -E '^(golden/(precision|pretrained|train_alexnet)|cli/(disk_full|examples|hymenoptera|kill|lr_find|repeat))$$'
sanitize: setup-tests
	cmake -S . -B $(BUILD_SANITIZE) $(TEST_OPTIONS) -DDNNB_SANITIZE=address
	cmake --build $(BUILD_SANITIZE) -j$(JOBS)
	@$(call RUN_TESTS,$(BUILD_SANITIZE),$(OTHER_MEMORY))

# Without the tests whose programs have one thread, and those that ask more of numbers, files, words
# or failing calls but do no more with threads than others here. clang: see tests/CMakeLists.txt.
WITH_THREADS    = -LE 'fuzz|hostile|rules' \
                  -E '^(golden/(fetch|formats|image_.*|lr_find|models|networks|ops|plots|precision|pretrained|train_alexnet)|cli/(bad_.*|bench|disk_full|examples|hymenoptera|kill|lr_find|pipeline|repeat)|unit/test_faults_(features|load|resume_.*|save))$$'
# TSan of clang 14 finds no room where a kernel spreads addresses widely (vm.mmap_rnd_bits = 32).
UNSPREAD        = $(shell setarch -R true 2>/dev/null && echo setarch -R)
sanitize-thread: setup-fuzz
	cmake -S . -B $(BUILD_THREAD) $(TEST_OPTIONS) -DDNNB_SANITIZE=thread \
	    -DCMAKE_C_COMPILER=clang-14
	cmake --build $(BUILD_THREAD) -j$(JOBS)
	@$(call RUN_TESTS,$(BUILD_THREAD),$(WITH_THREADS),$(UNSPREAD))

# What tools/valgrind runs.
VALGRIND_TARGETS = dnnbrain_cli test_run_run \
                   $(addprefix test_train_,loader loop bad_images predictions resume)
valgrind: setup-valgrind
	cmake -S . -B $(BUILD_VALGRIND) $(TEST_OPTIONS) -DCMAKE_BUILD_TYPE=RelWithDebInfo
	cmake --build $(BUILD_VALGRIND) -j$(JOBS) --target $(VALGRIND_TARGETS)
	@DNNB_PYTHON=$(PYTHON) tools/valgrind $(BUILD_VALGRIND)

kill: setup-tests
	cmake -S . -B $(BUILD) $(TEST_OPTIONS)
	cmake --build $(BUILD) -j$(JOBS)
	@DNNB_CLI=$(abspath $(BUILD))/dnnbrain DNNB_PYTHON=$(PYTHON) DNNB_KILLS=$(KILLS) \
	    sh tests/cli/kill.test

# clang alone has libFuzzer. What is found stays in the folder, so that the next call goes on there.
fuzz: setup-fuzz
	cmake -S . -B $(BUILD_FUZZ) $(TEST_OPTIONS) -DDNNB_FUZZ=ON -DCMAKE_C_COMPILER=clang-14
	cmake --build $(BUILD_FUZZ) -j$(JOBS) --target fuzz
	@tools/fuzz $(BUILD_FUZZ) $(TIME)

bench: setup-tests build
	cmake --build $(BUILD) -j$(JOBS) --target bench
	$(PYTHON) bench/against-pytorch $(BUILD) $(DATA) --best-epochs
	$(PYTHON) bench/load.py $(BUILD)

# Without check-symbols, which needs a built library; `make test` runs it too.
check:
	@failed=0; for check in $(filter-out %-symbols,$(wildcard tools/check-*)); do \
	    "$$check"; status=$$?; [ $$status -eq 0 ] || [ $$status -eq 77 ] || failed=1; done; \
	    exit $$failed

format:
	tools/check-format --fix

# ldconfig: so that a program that is linked with the library finds it, where that is the system's.
install: build
	cmake --install $(BUILD) --prefix $(PREFIX)
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" -ne 0 ] || ldconfig

uninstall:
	@tools/uninstall $(BUILD) $(PREFIX)

docs: setup-docs
	@tools/make-docs $(BUILD)/docs
	@echo '$(BUILD)/docs/html/index.html'

deb: setup-deb
	@tools/make-deb $(BUILD_DEB)

clean:
	rm -rf $(BUILD) $(BUILD_SANITIZE) $(BUILD_THREAD) $(BUILD_VALGRIND) $(BUILD_FUZZ) $(BUILD_DEB) \
	    $(BUILD_ONEDNN3) demo
