# Installed as they stand, so that their links lead on.
nobase_dist_doc_DATA += %D%/README.md
nobase_dist_doc_DATA += %D%/decisions/README.md
nobase_dist_doc_DATA += %D%/decisions/0001-build-without-libtool.md
nobase_dist_doc_DATA += %D%/decisions/0002-end-to-end-tests-in-python.md
nobase_dist_doc_DATA += %D%/decisions/0003-the-rules-of-the-house-are-tests.md
nobase_dist_doc_DATA += %D%/decisions/0004-check-on-a-bare-machine.md
nobase_dist_doc_DATA += %D%/performance.md %D%/operating.md %D%/access.md \
	%D%/producers.md
nobase_dist_doc_DATA += %D%/decisions/0006-finding-a-message.md
nobase_dist_doc_DATA += %D%/decisions/0007-a-topic-is-known-by-its-records.md
nobase_dist_doc_DATA += %D%/decisions/0008-json-is-read-by-own-code.md
nobase_dist_doc_DATA += %D%/decisions/0009-container-files-without-avro-c.md
nobase_dist_doc_DATA += %D%/contracts.md %D%/reference/contracts.md
nobase_dist_doc_DATA += %D%/decisions/0005-bad-messages-are-read-twice.md
nobase_dist_doc_DATA += %D%/quickstart.md %D%/headers.md %D%/journal-format.md \
	%D%/progress-record.md %D%/deployment.md %D%/deduplication.md

# Printed by the programs: scripts/refresh-reference BUILD
nobase_dist_doc_DATA += %D%/states.md \
	%D%/reference/catalogue.md %D%/reference/commands.md \
	%D%/reference/crash-points.md %D%/reference/endpoints.md \
	%D%/reference/errors.md %D%/reference/kafka.md \
	%D%/reference/metrics.md %D%/reference/problems.md \
	%D%/reference/settings.md
dist_man_MANS += %D%/man/waybill.1 %D%/man/waybilld.8 \
	%D%/man/waybill-catalogue.5
