libwaybill_gateway_a_SOURCES += \
	%D%/detail.c %D%/detail.h \
	%D%/detail_json.c %D%/detail_json.h \
	%D%/detail_tell.c %D%/detail_tell.h \
	%D%/flag.c %D%/flag.h \
	%D%/history.c %D%/history.h \
	%D%/listing.c %D%/listing.h \
	%D%/look.c %D%/look.h \
	%D%/show.c %D%/show.h \
	%D%/table.c %D%/table.h

EXTRA_DIST += %D%/README.md
