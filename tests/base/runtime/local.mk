# A test of this folder, TEST being its name:
#	unit_tests += %D%/test_TEST
#	%C%_test_TEST_LDADD = $(WAYBILL_TEST_RUNTIME)
# and, where it starts threads, for the run under TSan:
#	threaded_tests += %D%/test_TEST
WAYBILL_TEST_RUNTIME = $(WAYBILL_LIBS_RUNTIME) $(CMOCKA_LIBS)

unit_tests += %D%/test_version
%C%_test_version_LDADD = $(WAYBILL_TEST_RUNTIME)
