EXTRA_DIST += %D%/README.md

# Built by name only, with clang: make fuzz-contract && ./fuzz-contract -max_total_time=60
FUZZ_FLAGS = -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all -I$(top_srcdir) -include config.h
FUZZ_FILES = $(libwaybill_contracts_a_SOURCES) \
	$(libwaybill_runtime_a_SOURCES) \
	base/io/codec.c base/io/container.c base/io/lines.c base/io/snappy.c \
	base/io/window.c

fuzz-container fuzz-contract fuzz-csv fuzz-json fuzz-schema: $(FUZZ_FILES)
	clang $(FUZZ_FLAGS) $(VENDOR_CFLAGS) -o $@ \
		$(srcdir)/tests/fuzz/$(subst -,_,$@).c \
		$(addprefix $(srcdir)/,$(filter %.c,$(FUZZ_FILES))) \
		$(JANSSON_LIBS) $(YAML_LIBS) $(OPENSSL_LIBS) $(LZMA_LIBS) \
		$(ZLIB_LIBS) -lpthread -lm

fuzz-contract: %D%/fuzz_contract.c
fuzz-schema: %D%/fuzz_schema.c
fuzz-json: %D%/fuzz_json.c
fuzz-csv: %D%/fuzz_csv.c %D%/fuzz_records.h
fuzz-container: %D%/fuzz_container.c %D%/fuzz_records.h

# The server beneath is the system's, so only our half of it is traced.
FUZZ_HTTP_FILES = base/io/http.c base/io/httpd.c base/io/httpframing.c \
	base/io/httpgate.c base/io/httprequest.c base/io/httproute.c \
	base/io/httpsocket.c base/io/httptls.c base/io/httpworker.c \
	$(libwaybill_runtime_a_SOURCES)

fuzz-http: %D%/fuzz_http.c $(FUZZ_HTTP_FILES)
	clang $(FUZZ_FLAGS) $(VENDOR_CFLAGS) -o $@ \
		$(srcdir)/tests/fuzz/fuzz_http.c \
		$(addprefix $(srcdir)/,$(filter %.c,$(FUZZ_HTTP_FILES))) \
		$(MICROHTTPD_LIBS) $(GNUTLS_LIBS) $(JANSSON_LIBS) \
		$(YAML_LIBS) $(OPENSSL_LIBS) -lpthread -lm

EXTRA_DIST += %D%/fuzz_http.c
CLEANFILES += fuzz-http

EXTRA_DIST += %D%/fuzz_container.c %D%/fuzz_contract.c %D%/fuzz_csv.c \
	%D%/fuzz_json.c %D%/fuzz_records.h %D%/fuzz_schema.c
CLEANFILES += fuzz-container fuzz-contract fuzz-csv fuzz-json fuzz-schema
