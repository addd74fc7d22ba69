# A test of this folder, TEST being its name:
#	unit_tests += %D%/test_TEST
#	%C%_test_TEST_LDADD = $(WAYBILL_TEST_GATEWAY)
# and, where it starts threads, for the run under TSan:
#	threaded_tests += %D%/test_TEST
WAYBILL_TEST_GATEWAY = $(WAYBILL_LIBS_GATEWAY) $(CMOCKA_LIBS)

EXTRA_DIST += %D%/handing.h %D%/submitting.h

# Catalogue files in a temporary folder.
gateway_test_files = %D%/files.c %D%/files.h

unit_tests += %D%/test_manifest
%C%_test_manifest_SOURCES = %D%/test_manifest.c $(gateway_test_files)
%C%_test_manifest_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_apply
%C%_test_apply_SOURCES = %D%/test_apply.c %D%/applybase.c %D%/applybase.h \
	$(gateway_test_files) $(WAYBILL_TEST_POSTGRES)
%C%_test_apply_LDADD = $(WAYBILL_TEST_GATEWAY)
unit_tests += %D%/test_succession
%C%_test_succession_SOURCES = %D%/test_succession.c %D%/applybase.c \
	%D%/applybase.h $(gateway_test_files) $(WAYBILL_TEST_POSTGRES)
%C%_test_succession_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_catalogue
threaded_tests += %D%/test_catalogue
%C%_test_catalogue_SOURCES = %D%/test_catalogue.c $(WAYBILL_TEST_ROADBASE)
%C%_test_catalogue_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_carrier
%C%_test_carrier_SOURCES = %D%/test_carrier.c $(WAYBILL_TEST_RECORDER) \
	$(WAYBILL_TEST_KAFKAMOCK)
%C%_test_carrier_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_forwarder
threaded_tests += %D%/test_forwarder
%C%_test_forwarder_SOURCES = %D%/test_forwarder.c $(WAYBILL_TEST_RECORDER) \
	$(WAYBILL_TEST_KAFKAMOCK)
%C%_test_forwarder_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_keeper
threaded_tests += %D%/test_keeper
%C%_test_keeper_SOURCES = %D%/test_keeper.c $(WAYBILL_TEST_ROADBASE)
%C%_test_keeper_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_lane
threaded_tests += %D%/test_lane
%C%_test_lane_SOURCES = %D%/test_lane.c $(WAYBILL_TEST_ROADBASE) \
	$(WAYBILL_TEST_KAFKAMOCK)
%C%_test_lane_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_progress
%C%_test_progress_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_parking
%C%_test_parking_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_parcel
%C%_test_parcel_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_daemon_config
%C%_test_daemon_config_SOURCES = %D%/test_daemon_config.c \
	$(gateway_test_files)
%C%_test_daemon_config_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_recovery
%C%_test_recovery_SOURCES = %D%/test_recovery.c $(WAYBILL_TEST_RECORDER) \
	$(WAYBILL_TEST_KAFKAMOCK)
%C%_test_recovery_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_transaction
%C%_test_transaction_SOURCES = %D%/test_transaction.c $(WAYBILL_TEST_RECORDER) \
	$(WAYBILL_TEST_KAFKAMOCK)
%C%_test_transaction_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_keyring
threaded_tests += %D%/test_keyring
%C%_test_keyring_SOURCES = %D%/test_keyring.c $(WAYBILL_TEST_ROADBASE)
%C%_test_keyring_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_handover
%C%_test_handover_SOURCES = %D%/test_handover.c $(WAYBILL_TEST_ROADBASE)
%C%_test_handover_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_passing
threaded_tests += %D%/test_passing
%C%_test_passing_SOURCES = %D%/test_passing.c $(WAYBILL_TEST_ROADBASE) \
	$(WAYBILL_TEST_RAWHTTP)
%C%_test_passing_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_quota
threaded_tests += %D%/test_quota
%C%_test_quota_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_inlet
threaded_tests += %D%/test_inlet
%C%_test_inlet_SOURCES = %D%/test_inlet.c $(WAYBILL_TEST_ROADBASE) \
	$(WAYBILL_TEST_KAFKAMOCK)
%C%_test_inlet_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_lane_parts
threaded_tests += %D%/test_lane_parts
%C%_test_lane_parts_SOURCES = %D%/test_lane_parts.c $(WAYBILL_TEST_ROADBASE) \
	$(WAYBILL_TEST_KAFKAMOCK)
%C%_test_lane_parts_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_lane_stages
threaded_tests += %D%/test_lane_stages
%C%_test_lane_stages_SOURCES = %D%/test_lane_stages.c \
	$(WAYBILL_TEST_ROADBASE) $(WAYBILL_TEST_KAFKAMOCK)
%C%_test_lane_stages_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_lane_dedup
threaded_tests += %D%/test_lane_dedup
%C%_test_lane_dedup_SOURCES = %D%/test_lane_dedup.c $(WAYBILL_TEST_ROADBASE)
%C%_test_lane_dedup_LDADD = $(WAYBILL_TEST_GATEWAY)
