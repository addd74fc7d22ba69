libwaybill_gateway_a_SOURCES += \
	%D%/file_publish.c %D%/file_publish.h \
	%D%/filebundle.c %D%/filebundle.h \
	%D%/filedelivery.c %D%/filedelivery.h \
	%D%/filefeed.c %D%/filefeed.h \
	%D%/fileid.c %D%/fileid.h \
	%D%/fileprogress.c %D%/fileprogress.h \
	%D%/fileranges.c %D%/fileranges.h \
	%D%/filerejects.c %D%/filerejects.h \
	%D%/filetally.c %D%/filetally.h \
	%D%/inbox.c %D%/inbox.h \
	%D%/publish_command.c %D%/publish_command.h \
	%D%/reach.c %D%/reach.h \
	%D%/single_publish.c %D%/single_publish.h \
	%D%/strand.c %D%/strand.h

EXTRA_DIST += %D%/README.md
