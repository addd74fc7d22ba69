EXTRA_DIST += %D%/README.md %D%/checker/__init__.py %D%/checker/anomalies.py \
	%D%/checker/check.py %D%/checker/check_counts.py %D%/checker/encoding.py \
	%D%/checker/evidence.py %D%/checker/fake.py %D%/checker/journal_check.py \
	%D%/checker/ledger.py %D%/checker/pour.py %D%/checker/report.py \
	%D%/checker/sources.py %D%/checker/topic_check.py %D%/conftest.py \
	%D%/harness/__init__.py %D%/harness/avro.py %D%/harness/catalogue.py \
	%D%/harness/chance.py \
	%D%/harness/consumer.py %D%/harness/feeds.py %D%/harness/files.py \
	%D%/harness/gateway.py \
	%D%/harness/kafka-jars.sha256 %D%/harness/kafka-pom.xml \
	%D%/harness/kafka.py %D%/harness/ports.py %D%/harness/postgres.py \
	%D%/harness/process.py %D%/harness/producer.py %D%/harness/rest.py \
	%D%/harness/restload.py \
	%D%/harness/topics.py \
	%D%/harness/traffic.py %D%/pytest.ini \
	%D%/test_adding_feed_disturbs_nobody.py %D%/test_bad_input.py \
	%D%/test_checker_finds_faults.py %D%/test_checker_on_servers.py \
	%D%/test_counts_add_up_million.py %D%/test_exactly_once_over_restart.py \
	%D%/test_example_producers.py %D%/test_exactly_once_over_lost_brokers.py \
	%D%/test_file_bad_input.py %D%/test_file_exactly_once.py \
	%D%/test_find_message_fast.py %D%/test_harness_avro.py \
	%D%/test_harness_gateway.py %D%/test_harness_kafka.py \
	%D%/test_harness_postgres.py %D%/test_inbox.py \
	%D%/test_input_topic_made_anew.py \
	%D%/test_kill_at_each_step.py %D%/test_one_cluster_down_and_back.py \
	%D%/test_late_is_marked.py %D%/test_same_id_is_recorded_once.py \
	%D%/test_parked_feed_catches_up.py %D%/test_prune_loses_nothing.py \
	%D%/test_record_before_forward.py %D%/test_rejected_arrive_whole.py \
	%D%/test_rest_at_any_daemon.py %D%/test_rest_history.py \
	%D%/test_rest_loses_nothing_under_kills.py %D%/test_rest_outage.py \
	%D%/test_rest_publish.py \
	%D%/test_rest_quota.py %D%/test_rest_statuses.py \
	%D%/test_row_level_security.py %D%/test_stale_owner_across_midnight.py \
	%D%/test_third_tenant_under_load.py %D%/test_two_tenants.py
EXTRA_DIST += %D%/test_quickstart_counts.py
