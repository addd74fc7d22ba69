# A test of this folder, TEST being its name:
#	unit_tests += %D%/test_TEST
#	%C%_test_TEST_LDADD = $(WAYBILL_TEST_CONTRACTS)
# and, where it starts threads, for the run under TSan:
#	threaded_tests += %D%/test_TEST
WAYBILL_TEST_CONTRACTS = $(WAYBILL_LIBS_CONTRACTS) $(CMOCKA_LIBS)

EXTRA_DIST += %D%/given.h

unit_tests += %D%/test_checker
%C%_test_checker_LDADD = $(WAYBILL_TEST_CONTRACTS)

unit_tests += %D%/test_contract
%C%_test_contract_LDADD = $(WAYBILL_TEST_CONTRACTS)

unit_tests += %D%/test_contract_reference
%C%_test_contract_reference_LDADD = $(WAYBILL_TEST_CONTRACTS)

unit_tests += %D%/test_checker_peer
%C%_test_checker_peer_LDADD = $(WAYBILL_TEST_CONTRACTS) $(AVRO_LIBS)

unit_tests += %D%/test_schema
%C%_test_schema_LDADD = $(WAYBILL_TEST_CONTRACTS)

unit_tests += %D%/test_schema_logical
%C%_test_schema_logical_LDADD = $(WAYBILL_TEST_CONTRACTS)

unit_tests += %D%/test_canonical
%C%_test_canonical_LDADD = $(WAYBILL_TEST_CONTRACTS)

unit_tests += %D%/test_avrojson
%C%_test_avrojson_LDADD = $(WAYBILL_TEST_CONTRACTS)

unit_tests += %D%/test_contract_stage
%C%_test_contract_stage_LDADD = $(WAYBILL_TEST_CONTRACTS)

unit_tests += %D%/test_explainer
%C%_test_explainer_LDADD = $(WAYBILL_TEST_CONTRACTS)

unit_tests += %D%/test_jsonreader
%C%_test_jsonreader_LDADD = $(WAYBILL_TEST_CONTRACTS)

unit_tests += %D%/test_records
%C%_test_records_LDADD = $(WAYBILL_TEST_CONTRACTS)

unit_tests += %D%/test_records_container
%C%_test_records_container_LDADD = $(WAYBILL_TEST_CONTRACTS) $(AVRO_LIBS)

EXTRA_DIST += %D%/peer.h

unit_tests += %D%/test_jsonreader_peer
%C%_test_jsonreader_peer_LDADD = $(WAYBILL_TEST_CONTRACTS) $(AVRO_LIBS)

unit_tests += %D%/test_numeral
%C%_test_numeral_LDADD = $(WAYBILL_TEST_CONTRACTS)
