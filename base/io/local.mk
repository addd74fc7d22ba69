noinst_LIBRARIES += libwaybill_io.a
libwaybill_io_a_SOURCES = \
	%D%/codec.c %D%/codec.h \
	%D%/container.c %D%/container.h \
	%D%/http.c \
	%D%/httpc.c %D%/httpc.h \
	%D%/httpd.c %D%/httpd.h \
	%D%/httpframing.c \
	%D%/httpgate.c \
	%D%/httplib.h \
	%D%/httprequest.c \
	%D%/httproute.c \
	%D%/httpsocket.c \
	%D%/httptls.c \
	%D%/httpworker.c \
	%D%/lines.c %D%/lines.h \
	%D%/pgarray.c %D%/pgarray.h \
	%D%/pgconn.c %D%/pgconn.h \
	%D%/pgconnect.c \
	%D%/pgerror.c \
	%D%/pglib.h \
	%D%/pgprepare.c \
	%D%/pgrows.c \
	%D%/pgvalue.c \
	%D%/pgwait.c \
	%D%/snappy.c %D%/snappy.h \
	%D%/window.c %D%/window.h

libwaybill_io_a_SOURCES += \
	%D%/kcluster.c %D%/kcluster.h \
	%D%/kconsumer.c %D%/kconsumer.h \
	%D%/klib.c %D%/klib.h \
	%D%/kmessage.c \
	%D%/kproducer.c %D%/kproducer.h \
	%D%/kqueue.c %D%/kqueue.h \
	%D%/kreader.c %D%/kreader.h

WAYBILL_LIBS_IO = libwaybill_io.a $(WAYBILL_LIBS_RUNTIME) \
	$(RDKAFKA_LIBS) $(LIBPQ_LIBS) $(MICROHTTPD_LIBS) $(GNUTLS_LIBS) \
	$(CURL_LIBS) $(LZMA_LIBS) $(ZLIB_LIBS)

EXTRA_DIST += %D%/README.md
