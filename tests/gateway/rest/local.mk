unit_tests += %D%/test_argument
%C%_test_argument_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_media
%C%_test_media_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_moment
%C%_test_moment_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_problem
%C%_test_problem_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_desk
threaded_tests += %D%/test_desk
%C%_test_desk_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_cursor
%C%_test_cursor_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_openapi
%C%_test_openapi_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_intake
%C%_test_intake_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_preparation
%C%_test_preparation_SOURCES = %D%/test_preparation.c $(WAYBILL_TEST_ROADBASE)
%C%_test_preparation_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_receipt
%C%_test_receipt_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_publish
threaded_tests += %D%/test_publish
%C%_test_publish_SOURCES = %D%/test_publish.c $(WAYBILL_TEST_ROADBASE) \
	$(WAYBILL_TEST_RAWHTTP)
%C%_test_publish_LDADD = $(WAYBILL_TEST_GATEWAY)
