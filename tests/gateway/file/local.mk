unit_tests += %D%/test_fileid
%C%_test_fileid_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_fileranges
%C%_test_fileranges_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_filebundle
%C%_test_filebundle_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_filerejects
%C%_test_filerejects_LDADD = $(WAYBILL_TEST_GATEWAY)
