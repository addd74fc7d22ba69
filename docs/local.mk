EXTRA_DIST += %D%/README.md
EXTRA_DIST += %D%/decisions/README.md
EXTRA_DIST += %D%/decisions/0001-build-without-libtool.md
EXTRA_DIST += %D%/decisions/0002-end-to-end-tests-in-python.md
EXTRA_DIST += %D%/decisions/0003-the-rules-of-the-house-are-tests.md
EXTRA_DIST += %D%/decisions/0004-check-on-a-bare-machine.md
EXTRA_DIST += %D%/performance.md
EXTRA_DIST += %D%/contracts.md %D%/reference/contracts.md
EXTRA_DIST += %D%/decisions/0005-bad-messages-are-read-twice.md
EXTRA_DIST += %D%/quickstart.md %D%/headers.md %D%/journal-format.md \
	%D%/progress-record.md
