libwaybill_gateway_a_SOURCES += \
	%D%/argument.c %D%/argument.h \
	%D%/envelope.c %D%/envelope.h \
	%D%/frame.c %D%/frame.h \
	%D%/headermap.c %D%/headermap.h \
	%D%/intake.c %D%/intake.h \
	%D%/jsonslice.c %D%/jsonslice.h \
	%D%/media.c %D%/media.h \
	%D%/moment.c %D%/moment.h \
	%D%/problem.c %D%/problem.h

EXTRA_DIST += %D%/README.md
