# portfolio_batch: the extension, built with PGXS. src/core alone is built and tested by CMakeLists.txt.
#   make                build                     make installcheck   pg_regress and isolation tests, on a running server
#   make install        install (DESTDIR works)   make pgtap          pgTAP tests, on a running server
#   PG_CONFIG=…         another PostgreSQL        make bench          scripts/bench

PG_CONFIG  ?= pg_config

EXTENSION   = portfolio_batch
EXTVERSION  = 1.0.0
MODULE_big  = portfolio_batch
MODULES     = portfolio_batch_collect
DATA        = $(wildcard sql/portfolio_batch--*--*.sql)
DATA_built  = sql/portfolio_batch--$(EXTVERSION).sql

# The files of a folder are compiled as one text, since what they include takes most of the time: all of them by
# themselves take four times as long. SEPARATE=1 does that, for work on the code, where a change then compiles one file.
SOURCES = $(sort $(wildcard src/core/*/*.cpp src/pg/*.cpp src/store/*.cpp src/engine/*.cpp src/batch/*.cpp \
                            src/function/*.cpp))
# The library that collects from providers is one of its own, loaded when a collector is called: a session that only
# computes has no use for libcurl.
COLLECT_SOURCES = $(sort $(wildcard src/collect/*.cpp src/collect/*/*.cpp))
BUILD   = build/$(notdir $(lastword $(CXX)))
ifeq ($(SEPARATE),)
# The longest first, so that none is left for the end.
LONGEST = core/stats store core/portfolio
FOLDERS = $(LONGEST) $(filter-out $(LONGEST),$(patsubst src/%/,%,$(sort $(dir $(SOURCES)))))
OBJS    = $(FOLDERS:%=$(BUILD)/%.o)
COLLECT_FOLDERS = $(patsubst src/%/,%,$(sort $(dir $(COLLECT_SOURCES))))
COLLECT_OBJS    = $(COLLECT_FOLDERS:%=$(BUILD)/%.o)
else
OBJS    = $(SOURCES:.cpp=.o)
COLLECT_OBJS    = $(COLLECT_SOURCES:.cpp=.o)
endif
# Of the rooms that both libraries have, the second takes what it needs, but all of the one that the server looks into.
SHARED_OBJS = $(filter $(addprefix $(BUILD)/,core/% store.o) src/core/% src/store/%,$(OBJS))
BRIDGE_OBJS = $(filter $(BUILD)/pg.o src/pg/%,$(OBJS))

REGRESS        = install calendar week errors report
ISOLATION      = $(basename $(notdir $(sort $(wildcard test/isolation/specs/*.spec))))
ISOLATION_OPTS = --inputdir=test/isolation

EIGEN_INCLUDE ?= /usr/include/eigen3
WERROR        ?= -Werror
WARNINGS       = -Wall -Wextra $(WERROR)

# Portable code only: a number must not change with the CPU, so no -march, no -ffast-math, no contraction.
PG_CPPFLAGS  = -Isrc -isystem $(EIGEN_INCLUDE) -isystem $(shell $(PG_CONFIG) --includedir-server) \
               -DEIGEN_DONT_PARALLELIZE -DEIGEN_MPL2_ONLY \
               -DPB_VERSION='"$(EXTVERSION)"' -DPGDLLEXPORT='__attribute__((visibility("default")))'
# Debug information is that of functions and lines, for backtraces: that of variables costs a fifth of the build. The
# flags of the server are those of the compiler that made it; clang does not know all of g++'s.
PG_CXXFLAGS  = -std=c++20 -O2 -g1 -ffp-contract=off $(WARNINGS) -Wno-register \
               $(if $(findstring clang,$(CXX)),-Wno-unknown-warning-option,-Wno-volatile) -MMD -MP \
               -fvisibility=hidden -fvisibility-inlines-hidden $(EXTRA_CXXFLAGS)
# The C++ run-time is linked in and hidden, so that no other extension's version of it can be bound to.
SHLIB_LINK   = -static-libstdc++ -static-libgcc -lstdc++ -lm -Wl,--exclude-libs,ALL \
               -Wl,--version-script=exports.map $(EXTRA_LDFLAGS)
EXTRA_CLEAN  = $(foreach kind,o d,$(patsubst %.cpp,%.$(kind),$(SOURCES) $(COLLECT_SOURCES))) \
               results output_iso build

# JIT bitcode gains nothing for long numeric functions, and clang would compile it without our flags.
override with_llvm = no

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

ifeq ($(filter 15 16 17 18,$(MAJORVERSION)),)
$(error portfolio_batch needs PostgreSQL 15, 16, 17 or 18; $(PG_CONFIG) belongs to $(MAJORVERSION). Set PG_CONFIG)
endif

# The standard library and Eigen are read once. A copy of the header stands beside what is made of it, in a folder for
# each compiler, which reads the copy where the other does not fit.
PRECOMPILED = $(BUILD)/precompiled.hpp
ifeq ($(findstring clang,$(CXX)),)
# With the first of these, ccache knows files that read a precompiled header. Where g++ 12 does, it takes additions to a
# std::string for writes behind its end; the same files without it, and clang, warn of nothing.
PRECOMPILED_FLAGS = -fpch-preprocess -Wno-array-bounds -Wno-stringop-overflow
export CCACHE_SLOPPINESS ?= pch_defines,time_macros
endif

$(PRECOMPILED).gch: src/precompiled.hpp
	@mkdir -p $(@D)
	@cp $< $(PRECOMPILED)
	$(CXX) $(CXXFLAGS) $(CPPFLAGS) $(PRECOMPILED_FLAGS) -MF $(PRECOMPILED).d -MT $@ -x c++-header $(PRECOMPILED) -o $@

# The text of a folder, made anew when a file of it changes, comes or goes.
.SECONDEXPANSION:
$(patsubst %,$(BUILD)/%.cpp,$(FOLDERS) $(COLLECT_FOLDERS)): $(BUILD)/%.cpp: src/% $$(wildcard src/$$*/*.cpp)
	@mkdir -p $(@D)
	@printf '#include "%s"\n' $(patsubst src/%,%,$(sort $(filter %.cpp,$^))) >$@

$(OBJS) $(COLLECT_OBJS): %.o: %.cpp $(PRECOMPILED).gch
	$(CXX) $(CXXFLAGS) $(CPPFLAGS) $(PRECOMPILED_FLAGS) -include $(PRECOMPILED) -c -o $@ $<

-include $(OBJS:.o=.d) $(COLLECT_OBJS:.o=.d) $(PRECOMPILED).d

# An archive, of which the linker takes what is asked for. What it takes is hidden, as what comes from other libraries.
$(BUILD)/shared.a: $(SHARED_OBJS)
	@rm -f $@
	$(AR) rcs $@ $^

$(MODULES)$(DLSUFFIX): $(COLLECT_OBJS) $(BRIDGE_OBJS) $(BUILD)/shared.a exports.map
	$(LINK.shared) -o $@ $(filter-out exports.map,$^) -lcurl -lsimdjson $(LDFLAGS) $(LDFLAGS_SL) $(SHLIB_LINK)

# One ordered list of parts makes the install script.
SQL_PARTS = $(addprefix sql/parts/,$(shell sed -e 's/\#.*//' sql/parts.list))
sql/portfolio_batch--$(EXTVERSION).sql: sql/parts.list $(SQL_PARTS)
	cat $(SQL_PARTS) > $@

.PHONY: core pgtap bench
core: $(filter $(BUILD)/core/% src/core/%,$(OBJS))

# PGTAP: the files, if not all.
PGTAP ?= test/pgtap
pgtap:
	pg_prove --ext .sql $(PGTAP_OPTS) $(PGTAP)

bench:
	scripts/bench
