noinst_PROGRAMS += %D%/orange-juice
noinst_LIBRARIES += %D%/liborange_juice.a

%C%_liborange_juice_a_SOURCES = \
	%D%/oj_err.c %D%/oj_err.h \
	%D%/oj_unpack.c %D%/oj_unpack.h \
	%D%/oj_rdata.c %D%/oj_rdata.h \
	%D%/oj_week.c %D%/oj_week.h \
	%D%/oj_stock.c %D%/oj_stock.h \
	%D%/oj_random.h \
	%D%/oj_murmur2.c %D%/oj_murmur2.h \
	%D%/oj_avro.c %D%/oj_avro.h \
	%D%/oj_feed.c %D%/oj_feed.h \
	%D%/oj_message.c %D%/oj_message.h \
	%D%/oj_stream.c %D%/oj_stream.h \
	%D%/oj_digest.c %D%/oj_digest.h \
	%D%/oj_ledger.c %D%/oj_ledger.h \
	%D%/oj_summary.c %D%/oj_summary.h \
	%D%/oj_decode.c %D%/oj_decode.h

%C%_orange_juice_SOURCES = \
	%D%/orange_juice.c \
	%D%/oj_commands.c %D%/oj_commands.h \
	%D%/oj_client.c %D%/oj_client.h \
	%D%/oj_receipt.c %D%/oj_receipt.h \
	%D%/oj_rest.c %D%/oj_rest.h \
	%D%/oj_read.c %D%/oj_produce.c %D%/oj_post.c %D%/oj_consume.c

ORANGE_JUICE_LIBS = %D%/liborange_juice.a $(RDKAFKA_LIBS) $(JANSSON_LIBS) \
	$(OPENSSL_LIBS) $(LZMA_LIBS) $(ZLIB_LIBS)
%C%_orange_juice_LDADD = $(ORANGE_JUICE_LIBS) $(CURL_LIBS)

EXTRA_DIST += %D%/README.md

# Installed as a deployment to start from.
nobase_dist_pkgdata_DATA += \
	%D%/deploy/README.md \
	%D%/deploy/topics \
	%D%/deploy/deployment.yaml \
	%D%/deploy/us.yaml \
	%D%/deploy/us/sales.avsc \
	%D%/deploy/us/inventory.avsc \
	%D%/deploy/ca.yaml \
	%D%/deploy/ca/sales.avsc \
	%D%/deploy/ca/inventory.avsc
