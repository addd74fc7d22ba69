noinst_LIBRARIES += libwaybill_io.a
libwaybill_io_a_SOURCES =

WAYBILL_LIBS_IO = libwaybill_io.a $(WAYBILL_LIBS_RUNTIME) \
	$(RDKAFKA_LIBS) $(LIBPQ_LIBS) $(MICROHTTPD_LIBS) $(CURL_LIBS)

EXTRA_DIST += %D%/README.md
