# unit_tests: cmocka programs, run by make check; threaded_tests: those of them
# that ./check runs under TSan too. The fragments below append to both.
unit_tests =
threaded_tests =

include tests/support/local.mk
include tests/base/runtime/local.mk
include tests/base/io/local.mk
include tests/base/model/local.mk
include tests/contracts/local.mk
include tests/replay/local.mk
include tests/gateway/local.mk
include tests/gateway/file/local.mk
include tests/gateway/look/local.mk
include tests/gateway/rest/local.mk
include tests/sql/local.mk
include tests/examples/broker/local.mk
include tests/examples/orange-juice/local.mk
include tests/house/local.mk
include tests/e2e/local.mk
include tests/bench/local.mk
include tests/fuzz/local.mk

if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests)
TESTS = $(unit_tests)
else
TESTS = %D%/no-cmocka
endif

LOG_DRIVER = $(srcdir)/%D%/driver
AM_TESTS_ENVIRONMENT = \
	WAYBILL_SOURCE=$(abs_top_srcdir); export WAYBILL_SOURCE; \
	WAYBILL_BUILD=$(abs_top_builddir); export WAYBILL_BUILD;

check-threads:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(threaded_tests)'

# What takes long, with this build; broken off, it goes on where it was.
check-long: all
	$(srcdir)/check --use-build $(abs_builddir) long

print-unit-tests:
	@echo $(unit_tests)
print-threaded-tests:
	@echo $(threaded_tests)

.PHONY: check-threads check-long print-unit-tests print-threaded-tests

EXTRA_DIST += %D%/README.md %D%/driver %D%/no-cmocka %D%/report.py \
	%D%/threads.supp %D%/unit.h
