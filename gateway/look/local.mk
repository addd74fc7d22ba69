libwaybill_gateway_a_SOURCES += \
	%D%/command_reference.c %D%/command_reference.h \
	%D%/completion.c %D%/completion.h \
	%D%/detail.c %D%/detail.h \
	%D%/detail_json.c %D%/detail_json.h \
	%D%/detail_tell.c %D%/detail_tell.h \
	%D%/flag.c %D%/flag.h \
	%D%/history.c %D%/history.h \
	%D%/key_manage.c %D%/key_manage.h \
	%D%/lane_show.c %D%/lane_show.h \
	%D%/listing.c %D%/listing.h \
	%D%/look.c %D%/look.h \
	%D%/look_commands.c %D%/look_commands.h \
	%D%/section.c %D%/section.h \
	%D%/show.c %D%/show.h \
	%D%/status.c %D%/status.h \
	%D%/table.c %D%/table.h \
	%D%/tail.c %D%/tail.h \
	%D%/unpark.c %D%/unpark.h \
	%D%/warning.c %D%/warning.h

EXTRA_DIST += %D%/README.md
