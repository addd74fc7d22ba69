noinst_LIBRARIES += libwaybill_runtime.a
libwaybill_runtime_a_SOURCES = \
	%D%/arena.c %D%/arena.h \
	%D%/check.c %D%/check.h \
	%D%/clock.c %D%/clock.h \
	%D%/crash.c %D%/crash.h %D%/crash_points.def \
	%D%/digest.c %D%/digest.h \
	%D%/err.c %D%/err.h %D%/err_codes.def \
	%D%/json.c %D%/json.h \
	%D%/log.c %D%/log.h \
	%D%/memory.c %D%/memory.h \
	%D%/metric.c %D%/metric.h \
	%D%/queue.c %D%/queue.h \
	%D%/setting.c %D%/setting.h \
	%D%/setting_print.c \
	%D%/setting_value.c %D%/setting_value.h \
	%D%/text.c %D%/text.h \
	%D%/thread.c %D%/thread.h \
	%D%/version.c %D%/version.h \
	%D%/yaml.c %D%/yaml.h

WAYBILL_LIBS_RUNTIME = libwaybill_runtime.a \
	$(JANSSON_LIBS) $(YAML_LIBS) $(OPENSSL_LIBS)

EXTRA_DIST += %D%/README.md
