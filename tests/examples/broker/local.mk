unit_tests += %D%/test_broker
%C%_test_broker_LDADD = $(RDKAFKA_LIBS) $(CMOCKA_LIBS)
%C%_test_broker_DEPENDENCIES = examples/broker/waybill-broker
