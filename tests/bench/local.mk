EXTRA_DIST += %D%/README.md

# Built by name only: make tests/bench/bench_checker
EXTRA_PROGRAMS += %D%/bench_checker
%C%_bench_checker_LDADD = $(WAYBILL_LIBS_CONTRACTS)
