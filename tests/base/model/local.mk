# A test of this folder, TEST being its name:
#	unit_tests += %D%/test_TEST
#	%C%_test_TEST_LDADD = $(WAYBILL_TEST_MODEL)
# and, where it starts threads, for the run under TSan:
#	threaded_tests += %D%/test_TEST
WAYBILL_TEST_MODEL = $(WAYBILL_LIBS_MODEL) $(CMOCKA_LIBS)

unit_tests += %D%/test_migration
%C%_test_migration_SOURCES = %D%/test_migration.c $(WAYBILL_TEST_POSTGRES)
%C%_test_migration_LDADD = $(WAYBILL_TEST_MODEL)

unit_tests += %D%/test_message
%C%_test_message_LDADD = $(WAYBILL_TEST_MODEL)

unit_tests += %D%/test_batch
%C%_test_batch_SOURCES = %D%/test_batch.c $(WAYBILL_TEST_ROADBASE)
%C%_test_batch_LDADD = $(WAYBILL_TEST_MODEL)

unit_tests += %D%/test_route
%C%_test_route_SOURCES = %D%/test_route.c $(WAYBILL_TEST_ROADBASE)
%C%_test_route_LDADD = $(WAYBILL_TEST_MODEL)

unit_tests += %D%/test_journal
%C%_test_journal_SOURCES = %D%/test_journal.c $(WAYBILL_TEST_RECORDER)
%C%_test_journal_LDADD = $(WAYBILL_TEST_MODEL)

unit_tests += %D%/test_journal_reader
%C%_test_journal_reader_SOURCES = %D%/test_journal_reader.c $(WAYBILL_TEST_RECORDER)
%C%_test_journal_reader_LDADD = $(WAYBILL_TEST_MODEL)

unit_tests += %D%/test_delivery
%C%_test_delivery_SOURCES = %D%/test_delivery.c $(WAYBILL_TEST_RECORDER)
%C%_test_delivery_LDADD = $(WAYBILL_TEST_MODEL)

unit_tests += %D%/test_lease
%C%_test_lease_SOURCES = %D%/test_lease.c $(WAYBILL_TEST_RECORDER)
%C%_test_lease_LDADD = $(WAYBILL_TEST_MODEL)

unit_tests += %D%/test_auth
%C%_test_auth_SOURCES = %D%/test_auth.c $(WAYBILL_TEST_ROADBASE)
%C%_test_auth_LDADD = $(WAYBILL_TEST_MODEL)

unit_tests += %D%/test_source
%C%_test_source_SOURCES = %D%/test_source.c $(WAYBILL_TEST_RECORDER)
%C%_test_source_LDADD = $(WAYBILL_TEST_MODEL)

unit_tests += %D%/test_submission
threaded_tests += %D%/test_submission
%C%_test_submission_SOURCES = %D%/test_submission.c $(WAYBILL_TEST_ROADBASE)
%C%_test_submission_LDADD = $(WAYBILL_TEST_MODEL)
