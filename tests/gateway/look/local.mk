EXTRA_DIST += %D%/world.h

unit_tests += %D%/test_history
%C%_test_history_SOURCES = %D%/test_history.c $(WAYBILL_TEST_POSTGRES)
%C%_test_history_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_flag
%C%_test_flag_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_show
%C%_test_show_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_table
%C%_test_table_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_look_commands
%C%_test_look_commands_SOURCES = %D%/test_look_commands.c $(WAYBILL_TEST_POSTGRES)
%C%_test_look_commands_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_status
%C%_test_status_SOURCES = %D%/test_status.c $(WAYBILL_TEST_POSTGRES)
%C%_test_status_LDADD = $(WAYBILL_TEST_GATEWAY)

unit_tests += %D%/test_key_manage
%C%_test_key_manage_SOURCES = %D%/test_key_manage.c $(WAYBILL_TEST_POSTGRES)
%C%_test_key_manage_LDADD = $(WAYBILL_TEST_GATEWAY)
