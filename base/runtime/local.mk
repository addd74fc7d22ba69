noinst_LIBRARIES += libwaybill_runtime.a
libwaybill_runtime_a_SOURCES = \
	%D%/version.c %D%/version.h

WAYBILL_LIBS_RUNTIME = libwaybill_runtime.a \
	$(JANSSON_LIBS) $(YAML_LIBS) $(OPENSSL_LIBS)

EXTRA_DIST += %D%/README.md
