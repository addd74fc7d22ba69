EXTRA_DIST += %D%/README.md %D%/pytest.ini %D%/conftest.py \
	%D%/harness/__init__.py %D%/harness/avro.py %D%/harness/consumer.py \
	%D%/harness/kafka-jars.sha256 %D%/harness/kafka-pom.xml \
	%D%/harness/kafka.py %D%/harness/ports.py %D%/harness/postgres.py \
	%D%/harness/process.py %D%/harness/producer.py %D%/harness/topics.py \
	%D%/test_harness_avro.py %D%/test_harness_kafka.py \
	%D%/test_harness_postgres.py
