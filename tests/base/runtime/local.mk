# A test of this folder, TEST being its name:
#	unit_tests += %D%/test_TEST
#	%C%_test_TEST_LDADD = $(WAYBILL_TEST_RUNTIME)
# and, where it starts threads, for the run under TSan:
#	threaded_tests += %D%/test_TEST
WAYBILL_TEST_RUNTIME = $(WAYBILL_LIBS_RUNTIME) $(CMOCKA_LIBS)

unit_tests += %D%/test_version
%C%_test_version_LDADD = $(WAYBILL_TEST_RUNTIME)
EXTRA_DIST += %D%/dies.h

unit_tests += %D%/test_err
%C%_test_err_LDADD = $(WAYBILL_TEST_RUNTIME)

unit_tests += %D%/test_check
%C%_test_check_LDADD = $(WAYBILL_TEST_RUNTIME)

unit_tests += %D%/test_memory
%C%_test_memory_LDADD = $(WAYBILL_TEST_RUNTIME)

unit_tests += %D%/test_arena
%C%_test_arena_LDADD = $(WAYBILL_TEST_RUNTIME)

unit_tests += %D%/test_text
%C%_test_text_LDADD = $(WAYBILL_TEST_RUNTIME)

unit_tests += %D%/test_clock
%C%_test_clock_LDADD = $(WAYBILL_TEST_RUNTIME)

unit_tests += %D%/test_crash
%C%_test_crash_LDADD = $(WAYBILL_TEST_RUNTIME)

unit_tests += %D%/test_digest
%C%_test_digest_LDADD = $(WAYBILL_TEST_RUNTIME)

unit_tests += %D%/test_thread
%C%_test_thread_LDADD = $(WAYBILL_TEST_RUNTIME)

unit_tests += %D%/test_queue
%C%_test_queue_LDADD = $(WAYBILL_TEST_RUNTIME)

unit_tests += %D%/test_log
%C%_test_log_LDADD = $(WAYBILL_TEST_RUNTIME)

unit_tests += %D%/test_json
%C%_test_json_LDADD = $(WAYBILL_TEST_RUNTIME)

unit_tests += %D%/test_metric
%C%_test_metric_LDADD = $(WAYBILL_TEST_RUNTIME)

unit_tests += %D%/test_yaml
%C%_test_yaml_LDADD = $(WAYBILL_TEST_RUNTIME)

unit_tests += %D%/test_setting
%C%_test_setting_LDADD = $(WAYBILL_TEST_RUNTIME)

threaded_tests += %D%/test_thread %D%/test_queue %D%/test_log %D%/test_metric
