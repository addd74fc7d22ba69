-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- The journal: rows are inserted, never changed; partitioned by day. A day's
-- partitions are made by journal_create_days.
set local role waybill_owner;

create table waybill.lane_commit (
	day date not null,
	lane int4 not null,
	incarnation int4 not null,
	commit_no int8 not null,
	first_seq int8 not null,
	last_seq int8 not null,
	recorded_at timestamptz not null default now(),
	chain bytea not null check (octet_length(chain) = 32),
	source int4[] not null,
	source_next int8[] not null,
	config_digest bytea,
	is_full bool not null default false,
	primary key (day, lane, incarnation, commit_no),
	check (first_seq > 0 and last_seq >= first_seq),
	check (cardinality(source) = cardinality(source_next))
) partition by range (day);
create index lane_commit_last on waybill.lane_commit (lane, incarnation, last_seq);
comment on table waybill.lane_commit is 'One row for each journal transaction of a lane: its link of the hash chain and the source positions behind it.';
comment on column waybill.lane_commit.day is 'The day of the journal.';
comment on column waybill.lane_commit.lane is 'The lane.';
comment on column waybill.lane_commit.incarnation is 'Its incarnation.';
comment on column waybill.lane_commit.commit_no is '1, 2, 3 ... within the lane.';
comment on column waybill.lane_commit.first_seq is 'Its first message.';
comment on column waybill.lane_commit.last_seq is 'Its last message.';
comment on column waybill.lane_commit.recorded_at is 'When, by Postgres'' clock.';
comment on column waybill.lane_commit.chain is 'The hash chain behind it.';
comment on column waybill.lane_commit.source is 'Sources whose position it moved; when is_full: all of the lane.';
comment on column waybill.lane_commit.source_next is 'The next offset of each.';
comment on column waybill.lane_commit.config_digest is 'Digest of the catalogue that judged its messages; null: as in the commit before.';
comment on column waybill.lane_commit.is_full is 'It has all positions of the lane, so none before it is needed.';

create table waybill.block (
	day date not null,
	lane int4 not null,
	incarnation int4 not null,
	first_seq int8 not null,
	count int4 not null check (count > 0),
	tenant text not null,
	feed text not null,
	format int2 not null,
	origin int2 not null,
	recorded_at timestamptz not null default now(),
	event_time_min int8 not null,
	event_time_max int8 not null,
	salt bytea not null,
	dedup_ids bytea[],
	event_times int8[] not null,
	keys bytea[],
	key_hashes int4[],
	bodies bytea[] not null,
	headers bytea[],
	principals int4[],
	sources int4[] not null,
	source_offsets int8[] not null,
	verdicts int2[] not null,
	contracts int4[] not null,
	partitions int4[] not null,
	hashes bytea not null,
	primary key (day, lane, incarnation, first_seq),
	check (octet_length(hashes) = 32 * count)
) partition by range (day);
create index block_feed on waybill.block (tenant, feed, recorded_at);
comment on table waybill.block is 'The journal: one row holds consecutive messages of one feed, its columns are arrays in the order of seq. Where count > 1, an array of one element in event_times, sources, verdicts, contracts, partitions or principals stands for all; null: none has one.';
comment on column waybill.block.day is 'The day of the journal.';
comment on column waybill.block.lane is 'The lane.';
comment on column waybill.block.incarnation is 'Its incarnation.';
comment on column waybill.block.first_seq is 'The seq of the first message; the others follow without a gap.';
comment on column waybill.block.count is 'How many messages.';
comment on column waybill.block.tenant is 'Whose.';
comment on column waybill.block.feed is 'Of which feed.';
comment on column waybill.block.format is 'Of this row; readers know it and the one before.';
comment on column waybill.block.origin is '0 Kafka, 1 REST, 2 file, 3 plan, 4 recovered from an output cluster.';
comment on column waybill.block.recorded_at is 'When, by Postgres'' clock.';
comment on column waybill.block.event_time_min is 'The smallest event time: whatever producers say, in ms since 1970.';
comment on column waybill.block.event_time_max is 'The largest.';
comment on column waybill.block.salt is '32 bytes: the key of the keystream that salts each message''s hash; longer: 16 bytes for each message.';
comment on column waybill.block.dedup_ids is 'What the producer says identifies the message.';
comment on column waybill.block.event_times is 'Event times in ms since 1970.';
comment on column waybill.block.keys is 'Keys; null element: null key.';
comment on column waybill.block.key_hashes is 'murmur2 of each key, as key_hash(bytea) gives it; null element: null key. What message_by_key looks at first.';
comment on column waybill.block.bodies is 'Bodies, byte for byte; null element: a tombstone.';
comment on column waybill.block.headers is 'Headers in the journal''s form; null element: none.';
comment on column waybill.block.principals is 'REST: who sent it.';
comment on column waybill.block.sources is 'Sources.';
comment on column waybill.block.source_offsets is 'Offsets within the source.';
comment on column waybill.block.verdicts is '0 accepted, 1 rejected, 2 duplicate, 3 conflict.';
comment on column waybill.block.contracts is 'The contract version that judged it; 0: none.';
comment on column waybill.block.partitions is 'Partition of the input, and so of the output.';
comment on column waybill.block.hashes is 'SHA-256 of each message, 32 bytes each.';

create table waybill.delivery (
	day date not null,
	tenant text not null,
	cluster text not null,
	kind int2 not null,
	lane int4 not null,
	incarnation int4 not null,
	first_seq int8 not null,
	count int4 not null check (count > 0),
	partitions int4[],
	offsets int8[] not null,
	primary key (day, cluster, lane, incarnation, first_seq, kind)
) partition by range (day);
comment on table waybill.delivery is 'Where on a cluster the messages of a block ended up.';
comment on column waybill.delivery.day is 'The day of the block.';
comment on column waybill.delivery.tenant is 'Whose.';
comment on column waybill.delivery.cluster is 'The output cluster.';
comment on column waybill.delivery.kind is '0 output, 1 dead letter, 2 replay.';
comment on column waybill.delivery.lane is 'The block''s lane.';
comment on column waybill.delivery.incarnation is 'Its incarnation.';
comment on column waybill.delivery.first_seq is 'The block''s first seq.';
comment on column waybill.delivery.count is 'Messages of the block.';
comment on column waybill.delivery.partitions is 'Where each went; null: as in the block.';
comment on column waybill.delivery.offsets is 'One for each message of the block; null element: it did not go there; -1: not yet known.';

create table waybill.source_range (
	day date not null,
	tenant text not null,
	source int4 not null,
	offset_first int8 not null,
	offset_last int8 not null,
	lane int4 not null,
	incarnation int4 not null,
	first_seq int8 not null,
	primary key (day, source, offset_first, lane, incarnation, first_seq)
) partition by range (day);
comment on table waybill.source_range is 'Which block holds an offset of a source.';
comment on column waybill.source_range.day is 'The day of the block.';
comment on column waybill.source_range.tenant is 'Whose.';
comment on column waybill.source_range.source is 'The source.';
comment on column waybill.source_range.offset_first is 'The smallest offset in the block; not all in between need be in it.';
comment on column waybill.source_range.offset_last is 'The largest.';
comment on column waybill.source_range.lane is 'The block''s lane.';
comment on column waybill.source_range.incarnation is 'Its incarnation.';
comment on column waybill.source_range.first_seq is 'The block''s first seq.';

create table waybill.delivery_range (
	day date not null,
	tenant text not null,
	cluster text not null,
	topic text not null,
	partition int4 not null,
	offset_first int8 not null,
	offset_last int8 not null,
	lane int4 not null,
	incarnation int4 not null,
	first_seq int8 not null,
	primary key (day, cluster, topic, partition, offset_first)
) partition by range (day);
comment on table waybill.delivery_range is 'Which block is at an offset of an output partition.';
comment on column waybill.delivery_range.day is 'The day of the block.';
comment on column waybill.delivery_range.tenant is 'Whose.';
comment on column waybill.delivery_range.cluster is 'The output cluster.';
comment on column waybill.delivery_range.topic is 'An output or dead-letter topic.';
comment on column waybill.delivery_range.partition is 'Its partition.';
comment on column waybill.delivery_range.offset_first is 'The smallest offset of the block''s messages there.';
comment on column waybill.delivery_range.offset_last is 'The largest.';
comment on column waybill.delivery_range.lane is 'The block''s lane.';
comment on column waybill.delivery_range.incarnation is 'Its incarnation.';
comment on column waybill.delivery_range.first_seq is 'The block''s first seq.';

create table waybill.violation (
	day date not null,
	tenant text not null,
	lane int4 not null,
	incarnation int4 not null,
	seq int8 not null,
	ordinal int2 not null,
	rule text not null,
	path text not null,
	expected text not null,
	value text not null,
	byte_offset int4 not null,
	primary key (day, lane, incarnation, seq, ordinal)
) partition by range (day);
comment on table waybill.violation is 'Why a message was rejected.';
comment on column waybill.violation.day is 'The day of the block.';
comment on column waybill.violation.tenant is 'Whose.';
comment on column waybill.violation.lane is 'The message''s lane.';
comment on column waybill.violation.incarnation is 'Its incarnation.';
comment on column waybill.violation.seq is 'Its seq.';
comment on column waybill.violation.ordinal is '0, 1, 2 ... within the message.';
comment on column waybill.violation.rule is 'The rule, such as avro.truncated.';
comment on column waybill.violation.path is 'Where in the message: a JSON pointer.';
comment on column waybill.violation.expected is 'What the contract says, for a person.';
comment on column waybill.violation.value is 'What was there; redacted if sensitive.';
comment on column waybill.violation.byte_offset is 'Where in the body; -1: not about a byte.';

-- Arrays of hashes do not compress: trying costs time.
alter table waybill.block alter column hashes set storage external,
	alter column key_hashes set storage external;

-- lz4 where the server has it; pglz would cost half of the throughput.
do $$
declare
	c record;
begin
	for c in
		select a.attrelid::regclass as tab, a.attname
		from pg_catalog.pg_attribute a
		where a.attrelid in ('waybill.block'::regclass, 'waybill.delivery'::regclass)
			and a.attnum > 0 and a.attstorage in ('x', 'm')
	loop
		execute format('alter table %s alter column %I set compression lz4',
			c.tab, c.attname);
	end loop;
exception when feature_not_supported then
	raise warning 'this Postgres was built without lz4: the journal falls back to pglz, at about half the throughput';
end
$$;
