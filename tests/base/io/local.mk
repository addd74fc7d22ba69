# A test of this folder, TEST being its name:
#	unit_tests += %D%/test_TEST
#	%C%_test_TEST_LDADD = $(WAYBILL_TEST_IO)
# and, where it starts threads, for the run under TSan:
#	threaded_tests += %D%/test_TEST
WAYBILL_TEST_IO = $(WAYBILL_LIBS_IO) $(CMOCKA_LIBS)

unit_tests += %D%/test_kcluster
%C%_test_kcluster_SOURCES = %D%/test_kcluster.c $(WAYBILL_TEST_KAFKAMOCK)
%C%_test_kcluster_LDADD = $(WAYBILL_TEST_IO)

unit_tests += %D%/test_kconsumer
%C%_test_kconsumer_SOURCES = %D%/test_kconsumer.c $(WAYBILL_TEST_KAFKAMOCK)
%C%_test_kconsumer_LDADD = $(WAYBILL_TEST_IO)

unit_tests += %D%/test_klib
%C%_test_klib_LDADD = $(WAYBILL_TEST_IO)

unit_tests += %D%/test_kproducer
%C%_test_kproducer_SOURCES = %D%/test_kproducer.c $(WAYBILL_TEST_KAFKAMOCK)
%C%_test_kproducer_LDADD = $(WAYBILL_TEST_IO)

unit_tests += %D%/test_pgarray
%C%_test_pgarray_LDADD = $(WAYBILL_TEST_IO)

unit_tests += %D%/test_pgconn
%C%_test_pgconn_SOURCES = %D%/test_pgconn.c $(WAYBILL_TEST_POSTGRES)
%C%_test_pgconn_LDADD = $(WAYBILL_TEST_IO)

unit_tests += %D%/test_pgconn_pipeline
%C%_test_pgconn_pipeline_SOURCES = %D%/test_pgconn_pipeline.c \
	$(WAYBILL_TEST_POSTGRES)
%C%_test_pgconn_pipeline_LDADD = $(WAYBILL_TEST_IO)

unit_tests += %D%/test_pgrows
%C%_test_pgrows_SOURCES = %D%/test_pgrows.c $(WAYBILL_TEST_POSTGRES)
%C%_test_pgrows_LDADD = $(WAYBILL_TEST_IO)

unit_tests += %D%/test_httpd
threaded_tests += %D%/test_httpd
%C%_test_httpd_SOURCES = %D%/test_httpd.c $(WAYBILL_TEST_RAWHTTP)
%C%_test_httpd_LDADD = $(WAYBILL_TEST_IO)

unit_tests += %D%/test_httpd_exchange
threaded_tests += %D%/test_httpd_exchange
%C%_test_httpd_exchange_SOURCES = %D%/test_httpd_exchange.c \
	$(WAYBILL_TEST_RAWHTTP)
%C%_test_httpd_exchange_LDADD = $(WAYBILL_TEST_IO)

unit_tests += %D%/test_httpd_limits
threaded_tests += %D%/test_httpd_limits
%C%_test_httpd_limits_SOURCES = %D%/test_httpd_limits.c \
	$(WAYBILL_TEST_RAWHTTP)
%C%_test_httpd_limits_LDADD = $(WAYBILL_TEST_IO)

unit_tests += %D%/test_httpd_tls
threaded_tests += %D%/test_httpd_tls
%C%_test_httpd_tls_SOURCES = %D%/test_httpd_tls.c $(WAYBILL_TEST_RAWHTTP)
%C%_test_httpd_tls_LDADD = $(WAYBILL_TEST_IO)

unit_tests += %D%/test_httpc
%C%_test_httpc_LDADD = $(WAYBILL_TEST_IO)

unit_tests += %D%/test_pgconn_tls
%C%_test_pgconn_tls_SOURCES = %D%/test_pgconn_tls.c $(WAYBILL_TEST_POSTGRES)
%C%_test_pgconn_tls_LDADD = $(WAYBILL_TEST_IO)

unit_tests += %D%/test_container
%C%_test_container_LDADD = $(WAYBILL_TEST_IO) $(AVRO_LIBS)

unit_tests += %D%/test_lines
%C%_test_lines_LDADD = $(WAYBILL_TEST_IO)
