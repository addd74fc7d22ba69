EXTRA_DIST += %D%/README.md %D%/item_location.avsc %D%/rest.py %D%/rig.py %D%/road.py \
	%D%/stretch.py %D%/table.py

# Built by name only, by make bench or for one alone:
# make tests/bench/bench_checker
EXTRA_PROGRAMS += %D%/bench_checker %D%/bench_flood %D%/bench_json \
	%D%/bench_mirror \
	%D%/bench_http %D%/bench_httpd
%C%_bench_checker_LDADD = $(WAYBILL_LIBS_CONTRACTS)
%C%_bench_json_LDADD = $(WAYBILL_LIBS_CONTRACTS)
%C%_bench_flood_LDADD = $(RDKAFKA_LIBS)
%C%_bench_http_LDADD =
%C%_bench_httpd_LDADD = $(WAYBILL_LIBS_IO)
%C%_bench_mirror_LDADD = $(RDKAFKA_LIBS)

# make bench BENCH_SECONDS=60 BENCH_ROUNDS=5 BENCH_OPTIONS='--json FILE'
BENCH_SECONDS = 10
BENCH_ROUNDS = 3
BENCH_OPTIONS =
bench_python = /usr/bin/python3
bench_needs = waybill$(EXEEXT) waybilld$(EXEEXT) \
	%D%/bench_flood$(EXEEXT) %D%/bench_mirror$(EXEEXT)

# make bench-rest: messages by HTTP
bench-rest: $(bench_needs) %D%/bench_http$(EXEEXT)
	WAYBILL_BUILD=$(abs_top_builddir) $(bench_python) \
		$(abs_srcdir)/%D%/rest.py --seconds $(BENCH_SECONDS) \
		--rounds $(BENCH_ROUNDS) $(BENCH_OPTIONS)

# Sanitizers and crash points would be measured too: then in a build beside.
bench:
	@case '$(CFLAGS) $(HOUSE_CFLAGS) $(CRASH_POINTS_FALSE)' in \
	*-fsanitize=*|*-O0*|*'#') \
		$(MAKE) $(AM_MAKEFLAGS) bench-beside ;; \
	*)	$(MAKE) $(AM_MAKEFLAGS) bench-here ;; \
	esac

bench-here: $(bench_needs)
	WAYBILL_BUILD=$(abs_top_builddir) $(bench_python) \
		$(abs_srcdir)/%D%/road.py --seconds $(BENCH_SECONDS) \
		--rounds $(BENCH_ROUNDS) $(BENCH_OPTIONS)

bench-beside:
	@test '$(srcdir)' != . || { echo 'make bench: this build has' \
		'sanitizers or crash points, and is in the source; configure' \
		'one in another folder' >&2; exit 1; }
	@test -f bench-build/Makefile || { mkdir -p bench-build && \
		cd bench-build && CFLAGS='-O2 -g' $(abs_srcdir)/configure -q; }
	cd bench-build && $(MAKE) bench-here BENCH_SECONDS='$(BENCH_SECONDS)' \
		BENCH_ROUNDS='$(BENCH_ROUNDS)' BENCH_OPTIONS='$(BENCH_OPTIONS)'

.PHONY: bench bench-rest bench-here bench-beside
