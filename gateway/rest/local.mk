libwaybill_gateway_a_SOURCES += \
	%D%/admission.c %D%/admission.h \
	%D%/argument.c %D%/argument.h \
	%D%/contract_lookup.c %D%/contract_lookup.h \
	%D%/cursor.c %D%/cursor.h \
	%D%/desk.c %D%/desk.h \
	%D%/endpoint.c %D%/endpoint.h \
	%D%/envelope.c %D%/envelope.h \
	%D%/file_lookup.c %D%/file_lookup.h \
	%D%/frame.c %D%/frame.h \
	%D%/headermap.c %D%/headermap.h \
	%D%/inquiry.c %D%/inquiry.h \
	%D%/intake.c %D%/intake.h \
	%D%/jsonslice.c %D%/jsonslice.h \
	%D%/media.c %D%/media.h \
	%D%/message_lookup.c %D%/message_lookup.h \
	%D%/moment.c %D%/moment.h \
	%D%/openapi.c %D%/openapi.h \
	%D%/origin.c %D%/origin.h \
	%D%/preparation.c %D%/preparation.h \
	%D%/problem.c %D%/problem.h \
	%D%/publish.c %D%/publish.h \
	%D%/publish_answer.c %D%/publish_answer.h \
	%D%/publish_request.c %D%/publish_request.h \
	%D%/reading.c %D%/reading.h \
	%D%/receipt.c %D%/receipt.h \
	%D%/receipt_lookup.c %D%/receipt_lookup.h \
	%D%/rest.c %D%/rest.h \
	%D%/rest_context.h \
	%D%/rest_metric.c %D%/rest_metric.h \
	%D%/status_report.c %D%/status_report.h

nodist_libwaybill_gateway_a_SOURCES = %D%/openapi_json.c

# The document as text of the program, line by line.
%D%/openapi_json.c: %D%/openapi.json
	@$(MKDIR_P) %D%
	$(AM_V_GEN){ \
	echo '#include "gateway/rest/openapi.h"'; \
	echo 'const char openapi_json[] ='; \
	sed -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' \
		$(srcdir)/%D%/openapi.json; \
	echo ';'; \
	echo 'const size_t openapi_json_len = sizeof(openapi_json) - 1;'; \
	} >$@.new && mv $@.new $@

CLEANFILES += %D%/openapi_json.c
EXTRA_DIST += %D%/README.md %D%/openapi.json
