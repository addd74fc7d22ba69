EXTRA_DIST += %D%/README.md %D%/pytest.ini %D%/conftest.py \
	%D%/harness/__init__.py %D%/harness/avro.py %D%/harness/consumer.py \
	%D%/harness/kafka-jars.sha256 %D%/harness/kafka-pom.xml \
	%D%/harness/kafka.py %D%/harness/ports.py %D%/harness/postgres.py \
	%D%/harness/process.py %D%/harness/producer.py %D%/harness/topics.py \
	%D%/checker/__init__.py %D%/checker/anomalies.py %D%/checker/check.py \
	%D%/checker/check_counts.py %D%/checker/encoding.py \
	%D%/checker/evidence.py %D%/checker/fake.py \
	%D%/checker/journal_check.py %D%/checker/ledger.py \
	%D%/checker/pour.py %D%/checker/report.py %D%/checker/sources.py \
	%D%/checker/topic_check.py \
	%D%/test_checker_finds_faults.py %D%/test_checker_on_servers.py \
	%D%/test_harness_avro.py %D%/test_harness_kafka.py \
	%D%/test_harness_postgres.py
