noinst_LIBRARIES += libwaybill_replay.a
libwaybill_replay_a_SOURCES = \
	%D%/dedup_index.c %D%/dedup_index.h \
	%D%/recent.c %D%/recent.h

WAYBILL_LIBS_REPLAY = libwaybill_replay.a $(WAYBILL_LIBS_CONTRACTS)

EXTRA_DIST += %D%/README.md
