unit_tests += %D%/test_argument
%C%_test_argument_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_media
%C%_test_media_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_moment
%C%_test_moment_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_problem
%C%_test_problem_LDADD = $(WAYBILL_TEST_GATEWAY)
