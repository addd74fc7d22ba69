# What the tests of the example share.
ORANGE_JUICE_TEST_LIBS = $(ORANGE_JUICE_LIBS) $(AVRO_LIBS) $(CMOCKA_LIBS)

unit_tests += %D%/test_oj_murmur2 %D%/test_oj_rdata %D%/test_oj_week \
	%D%/test_oj_feed %D%/test_oj_message %D%/test_oj_stream \
	%D%/test_oj_produce
%C%_test_oj_murmur2_LDADD = $(ORANGE_JUICE_TEST_LIBS)
%C%_test_oj_rdata_LDADD = $(ORANGE_JUICE_TEST_LIBS)
%C%_test_oj_rdata_SOURCES = %D%/test_oj_rdata.c %D%/juice_rdx.h
%C%_test_oj_week_LDADD = $(ORANGE_JUICE_TEST_LIBS)
%C%_test_oj_week_SOURCES = %D%/test_oj_week.c %D%/juice_rdx.h
%C%_test_oj_feed_LDADD = $(ORANGE_JUICE_TEST_LIBS)
%C%_test_oj_feed_SOURCES = %D%/test_oj_feed.c %D%/juice_schema.h
%C%_test_oj_message_LDADD = $(ORANGE_JUICE_TEST_LIBS)
%C%_test_oj_message_SOURCES = %D%/test_oj_message.c %D%/juice_schema.h
%C%_test_oj_stream_LDADD = $(ORANGE_JUICE_TEST_LIBS)
%C%_test_oj_produce_LDADD = $(ORANGE_JUICE_TEST_LIBS)
%C%_test_oj_produce_SOURCES = %D%/test_oj_produce.c %D%/juice_rdx.h
%C%_test_oj_produce_DEPENDENCIES = examples/orange-juice/orange-juice \
	examples/orange-juice/liborange_juice.a examples/broker/waybill-broker
