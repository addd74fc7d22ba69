EXTRA_DIST += %D%/README.md
EXTRA_DIST += %D%/decisions/README.md
EXTRA_DIST += %D%/decisions/0001-build-without-libtool.md
EXTRA_DIST += %D%/decisions/0002-end-to-end-tests-in-python.md
EXTRA_DIST += %D%/decisions/0003-the-rules-of-the-house-are-tests.md
EXTRA_DIST += %D%/decisions/0004-check-on-a-bare-machine.md
EXTRA_DIST += %D%/performance.md
EXTRA_DIST += %D%/decisions/0006-finding-a-message.md
EXTRA_DIST += %D%/contracts.md %D%/reference/contracts.md
EXTRA_DIST += %D%/decisions/0005-bad-messages-are-read-twice.md
EXTRA_DIST += %D%/quickstart.md %D%/headers.md %D%/journal-format.md \
	%D%/progress-record.md

# Printed by the programs: scripts/refresh-reference BUILD
EXTRA_DIST += %D%/states.md \
	%D%/reference/catalogue.md %D%/reference/commands.md \
	%D%/reference/crash-points.md %D%/reference/endpoints.md \
	%D%/reference/errors.md %D%/reference/kafka.md \
	%D%/reference/metrics.md %D%/reference/settings.md
dist_man_MANS += %D%/man/waybill.1 %D%/man/waybilld.8 \
	%D%/man/waybill-catalogue.5
