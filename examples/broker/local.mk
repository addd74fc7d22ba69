noinst_PROGRAMS += %D%/waybill-broker
%C%_waybill_broker_SOURCES = \
	%D%/broker.c \
	%D%/broker_options.c %D%/broker_options.h
%C%_waybill_broker_LDADD = $(RDKAFKA_LIBS)

EXTRA_DIST += %D%/README.md
