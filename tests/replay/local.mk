# A test of this folder, TEST being its name:
#	unit_tests += %D%/test_TEST
#	%C%_test_TEST_LDADD = $(WAYBILL_TEST_REPLAY)
WAYBILL_TEST_REPLAY = $(WAYBILL_LIBS_REPLAY) $(CMOCKA_LIBS)

unit_tests += %D%/test_recent
%C%_test_recent_LDADD = $(WAYBILL_TEST_REPLAY)

unit_tests += %D%/test_dedup_index
%C%_test_dedup_index_LDADD = $(WAYBILL_TEST_REPLAY)

unit_tests += %D%/test_dedup_stage
%C%_test_dedup_stage_SOURCES = %D%/test_dedup_stage.c $(WAYBILL_TEST_RECORDER)
%C%_test_dedup_stage_LDADD = $(WAYBILL_TEST_REPLAY)

unit_tests += %D%/test_late_stage
%C%_test_late_stage_SOURCES = %D%/test_late_stage.c $(WAYBILL_TEST_RECORDER)
%C%_test_late_stage_LDADD = $(WAYBILL_TEST_REPLAY)
