EXTRA_DIST += %D%/README.md %D%/item_location.avsc

# Built by name only, by make bench or for one alone:
# make tests/bench/bench_checker
EXTRA_PROGRAMS += %D%/bench_checker %D%/bench_flood %D%/bench_mirror
%C%_bench_checker_LDADD = $(WAYBILL_LIBS_CONTRACTS)
%C%_bench_flood_LDADD = $(RDKAFKA_LIBS)
%C%_bench_mirror_LDADD = $(RDKAFKA_LIBS)
