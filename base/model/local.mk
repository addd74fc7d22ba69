noinst_LIBRARIES += libwaybill_model.a
libwaybill_model_a_SOURCES = \
	%D%/auth.c %D%/auth.h \
	%D%/batch.c %D%/batch.h \
	%D%/batch_part.c %D%/batch_part.h \
	%D%/delivery.c %D%/delivery.h \
	%D%/deployment.c %D%/deployment.h \
	%D%/journal.c %D%/journal.h \
	%D%/journal_reader.c %D%/journal_reader.h \
	%D%/journal_rows.c %D%/journal_rows.h \
	%D%/lease.c %D%/lease.h \
	%D%/message.c %D%/message.h \
	%D%/migration.c %D%/migration.h \
	%D%/module.h \
	%D%/route.c %D%/route.h \
	%D%/source.c %D%/source.h \
	%D%/sqldir.c %D%/sqldir.h \
	%D%/stage.h \
	%D%/submission.c %D%/submission.h \
	%D%/violation.h \
	%D%/wire.h

WAYBILL_LIBS_MODEL = libwaybill_model.a $(WAYBILL_LIBS_IO)

EXTRA_DIST += %D%/README.md
