-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- The catalogue: what waybill apply writes and daemons follow.
set local role waybill_owner;

create table waybill.deployment (
	name text primary key,
	lanes int4 not null check (lanes between 1 and 64),
	durability text not null check (durability in ('production', 'development')),
	created_at timestamptz not null default now(),
	only_one bool not null default true unique check (only_one)
);
comment on table waybill.deployment is 'This Waybill; one row. The number of lanes is fixed when it is made.';
comment on column waybill.deployment.name is 'Part of transactional ids and of the progress topic''s name.';
comment on column waybill.deployment.lanes is 'How many lanes there are, for ever.';
comment on column waybill.deployment.durability is 'production: replicated topics are insisted on; development: one broker will do, and every status page says so.';
comment on column waybill.deployment.created_at is 'When it was applied first.';
comment on column waybill.deployment.only_one is 'Keeps the table at one row.';

create table waybill.cluster (
	cluster text primary key,
	bootstrap text not null,
	is_input bool not null,
	is_output bool not null,
	properties jsonb not null default '{}',
	properties_secret jsonb not null default '{}',
	position int4 not null unique
);
comment on table waybill.cluster is 'Kafka clusters.';
comment on column waybill.cluster.cluster is 'Its name.';
comment on column waybill.cluster.bootstrap is 'host:port,host:port';
comment on column waybill.cluster.is_input is 'Messages are read from it.';
comment on column waybill.cluster.is_output is 'Messages are forwarded to it.';
comment on column waybill.cluster.properties is 'librdkafka properties, name to value; never a secret.';
comment on column waybill.cluster.properties_secret is 'librdkafka properties, name to the file that holds the value on each daemon''s machine.';
comment on column waybill.cluster.position is 'Its place in lists; never reused.';

create table waybill.tenant (
	tenant text primary key,
	title text not null default '',
	created_at timestamptz not null default now()
);
comment on table waybill.tenant is 'Tenants: countries.';
comment on column waybill.tenant.tenant is 'Its name.';
comment on column waybill.tenant.title is 'Its name for people.';
comment on column waybill.tenant.created_at is 'When it was applied first.';

create table waybill.tenant_grant (
	role name not null,
	tenant text not null references waybill.tenant on delete cascade,
	primary key (role, tenant)
);
comment on table waybill.tenant_grant is 'Which tenants'' rows a role, and who is a member of it, sees: read by tenant_of, on which all row-level security of readers stands.';
comment on column waybill.tenant_grant.role is 'A role of Postgres, such as waybill_read_us.';
comment on column waybill.tenant_grant.tenant is 'A tenant whose rows it sees.';

create table waybill.contract (
	contract int4 primary key generated always as identity,
	tenant text not null references waybill.tenant,
	name text not null,
	version int4 not null check (version > 0),
	avsc text not null,
	digest bytea not null,
	created_at timestamptz not null default now(),
	created_by text not null default session_user,
	unique (tenant, name, version)
);
comment on table waybill.contract is 'Versions of contracts: Avro schemas with annotations. A change is a new version; rows never change.';
comment on column waybill.contract.contract is 'Its id, which recorded messages name.';
comment on column waybill.contract.tenant is 'Whose.';
comment on column waybill.contract.name is 'The contract''s name: the path of its .avsc without the ending.';
comment on column waybill.contract.version is '1, 2, 3 ... within (tenant, name).';
comment on column waybill.contract.avsc is 'The text of the schema, as given.';
comment on column waybill.contract.digest is 'SHA-256 of avsc.';
comment on column waybill.contract.created_at is 'When.';
comment on column waybill.contract.created_by is 'Who.';

create table waybill.feed (
	tenant text not null references waybill.tenant,
	feed text not null,
	contract int4 not null references waybill.contract,
	input_cluster text references waybill.cluster,
	input_topic text,
	output_topic text not null,
	dead_letter_topic text not null,
	partitions int4 not null check (partitions between 1 and 100000),
	dead_letter_partitions int4 not null check (dead_letter_partitions between 1 and 100000),
	message_bytes_max int4 not null default 1000000 check (message_bytes_max > 0),
	version int8 not null,
	removed_at timestamptz,
	primary key (tenant, feed),
	check ((input_cluster is null) = (input_topic is null))
);
create unique index feed_input on waybill.feed (input_cluster, input_topic)
	where removed_at is null;
create unique index feed_output_topic on waybill.feed (output_topic)
	where removed_at is null;
create unique index feed_dead_letter_topic on waybill.feed (dead_letter_topic)
	where removed_at is null;
comment on table waybill.feed is 'Feeds: one kind of input of one tenant with its topics. A topic belongs to one feed.';
comment on column waybill.feed.tenant is 'Whose.';
comment on column waybill.feed.feed is 'Its name within the tenant.';
comment on column waybill.feed.contract is 'The contract version that judges new messages.';
comment on column waybill.feed.input_cluster is 'Where it is read from; null: not from Kafka.';
comment on column waybill.feed.input_topic is 'What is read; null: not from Kafka.';
comment on column waybill.feed.output_topic is 'Where accepted messages go, on each of its output clusters.';
comment on column waybill.feed.dead_letter_topic is 'Where rejected messages go, on each of its output clusters.';
comment on column waybill.feed.partitions is 'Of the input and of the output topic.';
comment on column waybill.feed.dead_letter_partitions is 'Of the dead-letter topic.';
comment on column waybill.feed.message_bytes_max is 'Larger bodies are rejected.';
comment on column waybill.feed.version is 'The catalogue change that wrote this row last.';
comment on column waybill.feed.removed_at is 'When it was taken out of the catalogue; its messages stay. Null: in use.';

create table waybill.feed_output (
	tenant text not null,
	feed text not null,
	cluster text not null references waybill.cluster,
	primary key (tenant, feed, cluster),
	foreign key (tenant, feed) references waybill.feed
);
comment on table waybill.feed_output is 'To which output clusters a feed goes.';
comment on column waybill.feed_output.tenant is 'Whose.';
comment on column waybill.feed_output.feed is 'Which feed.';
comment on column waybill.feed_output.cluster is 'An output cluster.';

create table waybill.catalogue_change (
	change int8 primary key generated always as identity,
	at timestamptz not null default now(),
	who text not null default session_user,
	what jsonb not null
);
comment on table waybill.catalogue_change is 'Each apply that changed something; the largest number is the catalogue''s version.';
comment on column waybill.catalogue_change.change is 'The version of the catalogue behind this change.';
comment on column waybill.catalogue_change.at is 'When.';
comment on column waybill.catalogue_change.who is 'The user of Postgres who applied it.';
comment on column waybill.catalogue_change.what is 'The difference: a list of {"op": "+", "~" or "-", "kind", "name", "changes"}.';
