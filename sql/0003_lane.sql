-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- Daemons, lanes, routes, sources: state that is updated in place.
set local role waybill_owner;

create table waybill.daemon (
	daemon text primary key,
	url text,
	started_at timestamptz not null default now(),
	deadline timestamptz not null
);
comment on table waybill.daemon is 'The heartbeat: who lives, until when. Decides liveness only, never correctness.';
comment on column waybill.daemon.daemon is 'A daemon''s name.';
comment on column waybill.daemon.url is 'Where it answers HTTP.';
comment on column waybill.daemon.started_at is 'Its first beat.';
comment on column waybill.daemon.deadline is 'Its lanes may be taken over when this has passed, by Postgres'' clock.';

create table waybill.lane (
	lane int4 primary key check (lane >= 0),
	incarnation int4 not null default 1,
	epoch int8 not null default 0,
	owner text,
	next_seq int8 not null default 1,
	chain bytea not null default decode(repeat('00', 32), 'hex')
		check (octet_length(chain) = 32),
	commit_no int8 not null default 0,
	day date not null default '-infinity',
	system_id int8,
	timeline int4,
	state text not null default 'new' check (state in ('new', 'ready', 'diverged')),
	reason text,
	since timestamptz not null default now()
) with (fillfactor = 10);
comment on table waybill.lane is 'Lanes. Each journal transaction advances its lane''s row first (lane_advance): that is what makes one writer.';
comment on column waybill.lane.lane is '0 to lanes - 1.';
comment on column waybill.lane.incarnation is 'The lane''s history; a new one after lost commits.';
comment on column waybill.lane.epoch is 'The owner''s number; grows with each claim.';
comment on column waybill.lane.owner is 'The daemon that has it; null: free.';
comment on column waybill.lane.next_seq is 'The seq of the next message.';
comment on column waybill.lane.chain is 'The hash chain behind the last commit.';
comment on column waybill.lane.commit_no is 'Of the last commit; 0: none.';
comment on column waybill.lane.day is 'Of the last commit; never decreases.';
comment on column waybill.lane.system_id is 'The Postgres that recorded last, as postgres_identity says.';
comment on column waybill.lane.timeline is 'Its timeline then.';
comment on column waybill.lane.state is 'new: nothing recorded in this incarnation; ready; diverged: Kafka has what Postgres lost.';
comment on column waybill.lane.reason is 'Why, for a person.';
comment on column waybill.lane.since is 'Since when it is in this state.';

create table waybill.lane_day (
	lane int4 not null,
	incarnation int4 not null,
	day date not null,
	first_seq int8 not null,
	primary key (lane, incarnation, day)
);
create index lane_day_seq on waybill.lane_day (lane, incarnation, first_seq);
comment on table waybill.lane_day is 'On which day a seq was recorded: read this before looking for (lane, incarnation, seq). Written by lane_advance.';
comment on column waybill.lane_day.lane is 'The lane.';
comment on column waybill.lane_day.incarnation is 'Its incarnation.';
comment on column waybill.lane_day.day is 'A day of the journal (UTC, Postgres'' clock).';
comment on column waybill.lane_day.first_seq is 'The first seq that was recorded on it.';

create table waybill.route (
	lane int4 not null,
	cluster text not null,
	ever_delivered bool not null default false,
	incarnation int4,
	seq int8,
	state text not null check (state in ('recovering', 'running', 'catching-up', 'down',
		'stalled', 'progress-blocked', 'diverged', 'stopped')),
	reason text,
	since timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	primary key (lane, cluster)
) with (fillfactor = 50);
comment on table waybill.route is 'A lane''s way to a cluster and how far it is. The truth is on the cluster''s progress topic; this is for people, except ever_delivered.';
comment on column waybill.route.lane is 'The lane.';
comment on column waybill.route.cluster is 'The output cluster.';
comment on column waybill.route.ever_delivered is 'True from the first committed Kafka transaction on, and written before the second begins: a missing progress record then means diverged.';
comment on column waybill.route.incarnation is 'Of seq.';
comment on column waybill.route.seq is 'Everything up to this one is on the cluster, or parked.';
comment on column waybill.route.state is 'running, catching-up, down, stalled, progress-blocked, diverged or stopped.';
comment on column waybill.route.reason is 'Why, for a person.';
comment on column waybill.route.since is 'Since when it is in this state.';
comment on column waybill.route.updated_at is 'When this row was written.';

create table waybill.barrier (
	lane int4 primary key,
	n int8 not null default 0
) with (fillfactor = 10);
comment on table waybill.barrier is 'Barrier commits: one without a warning proves that every earlier commit is durable.';
comment on column waybill.barrier.lane is 'Whose barrier.';
comment on column waybill.barrier.n is 'How many.';

create table waybill.parked (
	cluster text not null,
	lane int4 not null,
	tenant text not null,
	feed text not null,
	first_seq int8 not null,
	reason text not null,
	since timestamptz not null default now(),
	release_wanted bool not null default false,
	primary key (cluster, lane, tenant, feed)
);
comment on table waybill.parked is 'Feeds that wait on a cluster because of a message that it will not take; the others flow.';
comment on column waybill.parked.cluster is 'The output cluster.';
comment on column waybill.parked.lane is 'The lane.';
comment on column waybill.parked.tenant is 'Whose.';
comment on column waybill.parked.feed is 'The feed that waits.';
comment on column waybill.parked.first_seq is 'Everything of the feed up to and including this seq is delivered.';
comment on column waybill.parked.reason is 'Why, for a person.';
comment on column waybill.parked.release_wanted is 'A person has asked to send it again: waybill unpark.';
comment on column waybill.parked.since is 'Since when.';

create table waybill.source (
	source int4 primary key generated always as identity,
	kind text not null check (kind in ('kafka', 'rest', 'file', 'plan')),
	cluster text,
	cluster_id text,
	topic text,
	topic_incarnation int4 not null default 1,
	partition int4,
	tenant text,
	feed text,
	unique nulls not distinct (kind, cluster, topic, topic_incarnation, partition)
);
create index source_feed on waybill.source (tenant, feed);
comment on table waybill.source is 'Where messages come from; positions are offsets within a source.';
comment on column waybill.source.source is 'Its id, which recorded messages name.';
comment on column waybill.source.kind is 'kafka, rest, file or plan.';
comment on column waybill.source.cluster is 'kafka: the cluster.';
comment on column waybill.source.cluster_id is 'kafka: the cluster''s own id.';
comment on column waybill.source.topic is 'kafka: the topic; others: a name.';
comment on column waybill.source.topic_incarnation is 'A topic that was made anew counts on: its offsets start again.';
comment on column waybill.source.partition is 'kafka: the partition.';
comment on column waybill.source.tenant is 'Whose.';
comment on column waybill.source.feed is 'Of which feed.';

create table waybill.source_gap (
	source int4 primary key,
	lane int4 not null,
	wanted int8 not null,
	low int8 not null,
	reason text not null,
	since timestamptz not null default now()
);
comment on table waybill.source_gap is 'Partitions that wait for a person, because Kafka no longer has the position that is still to be read.';
comment on column waybill.source_gap.source is 'The source.';
comment on column waybill.source_gap.lane is 'The lane that reads it.';
comment on column waybill.source_gap.wanted is 'The offset that should come next.';
comment on column waybill.source_gap.low is 'The first offset that Kafka still has.';
comment on column waybill.source_gap.reason is 'Why, for a person.';
comment on column waybill.source_gap.since is 'Since when.';

create table waybill.source_day (
	tenant text not null,
	source int4 not null,
	day date not null,
	offset_first int8 not null,
	primary key (source, day)
);
create index source_day_offset on waybill.source_day (source, offset_first);
comment on table waybill.source_day is 'On which day an offset of a source was recorded: read this before source_range.';
comment on column waybill.source_day.tenant is 'Whose.';
comment on column waybill.source_day.source is 'The source.';
comment on column waybill.source_day.day is 'A day of the journal.';
comment on column waybill.source_day.offset_first is 'The first offset that was recorded on it.';

create table waybill.delivery_day (
	tenant text not null,
	cluster text not null,
	topic text not null,
	partition int4 not null,
	day date not null,
	offset_first int8 not null,
	primary key (cluster, topic, partition, day)
);
create index delivery_day_offset on waybill.delivery_day
	(cluster, topic, partition, offset_first);
comment on table waybill.delivery_day is 'Blocks of which day are at an offset of an output partition: read this before delivery_range.';
comment on column waybill.delivery_day.tenant is 'Whose.';
comment on column waybill.delivery_day.cluster is 'The output cluster.';
comment on column waybill.delivery_day.topic is 'An output or dead-letter topic.';
comment on column waybill.delivery_day.partition is 'Its partition.';
comment on column waybill.delivery_day.day is 'A day of the journal: that of the delivered block.';
comment on column waybill.delivery_day.offset_first is 'The first offset at which something of it is.';
