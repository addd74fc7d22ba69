noinst_LIBRARIES += libwaybill_replay.a
libwaybill_replay_a_SOURCES = \
	%D%/dedup_index.c %D%/dedup_index.h \
	%D%/dedup_journal.c %D%/dedup_journal.h \
	%D%/dedup_stage.c %D%/dedup_stage.h \
	%D%/late_index.c %D%/late_index.h \
	%D%/late_journal.c %D%/late_journal.h \
	%D%/late_stage.c %D%/late_stage.h \
	%D%/lane_recent.c %D%/lane_recent.h \
	%D%/recent.c %D%/recent.h

WAYBILL_LIBS_REPLAY = libwaybill_replay.a $(WAYBILL_LIBS_CONTRACTS)

EXTRA_DIST += %D%/README.md
