EXTRA_DIST += %D%/database.h

unit_tests += %D%/test_lane_functions
%C%_test_lane_functions_SOURCES = %D%/test_lane_functions.c $(WAYBILL_TEST_POSTGRES)
%C%_test_lane_functions_LDADD = $(WAYBILL_TEST_MODEL)

unit_tests += %D%/test_policies
%C%_test_policies_SOURCES = %D%/test_policies.c $(WAYBILL_TEST_POSTGRES)
%C%_test_policies_LDADD = $(WAYBILL_TEST_MODEL)

unit_tests += %D%/test_lookup
%C%_test_lookup_SOURCES = %D%/test_lookup.c $(WAYBILL_TEST_POSTGRES)
%C%_test_lookup_LDADD = $(WAYBILL_TEST_MODEL)

unit_tests += %D%/test_keys
%C%_test_keys_SOURCES = %D%/test_keys.c $(WAYBILL_TEST_POSTGRES)
%C%_test_keys_LDADD = $(WAYBILL_TEST_MODEL)
