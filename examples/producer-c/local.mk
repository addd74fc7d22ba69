noinst_PROGRAMS += %D%/producer
%C%_producer_SOURCES = %D%/producer.c
%C%_producer_LDADD = $(CURL_LIBS)

EXTRA_DIST += %D%/README.md
