-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- Which topics a feed has had: what was delivered to an earlier one is found
-- and shown there. A row a change of topic, none a delivery.
set local role waybill_owner;

create table waybill.feed_topic (
	tenant text not null,
	feed text not null,
	kind int2 not null check (kind in (0, 1)),
	topic text not null,
	since timestamptz not null default now(),
	primary key (tenant, feed, kind, topic),
	foreign key (tenant, feed) references waybill.feed
);
comment on table waybill.feed_topic is 'The topics that a feed goes to, or once went to; written with the feed.';
comment on column waybill.feed_topic.tenant is 'Whose.';
comment on column waybill.feed_topic.feed is 'Which feed.';
comment on column waybill.feed_topic.kind is '0 output, 1 dead letter: as in delivery.';
comment on column waybill.feed_topic.topic is 'The topic, on each of the feed''s output clusters.';
comment on column waybill.feed_topic.since is 'When the feed had it first.';

insert into waybill.feed_topic (tenant, feed, kind, topic)
select f.tenant, f.feed, k.kind, k.topic from waybill.feed f
cross join lateral (values (0, f.output_topic), (1, f.dead_letter_topic)) k(kind, topic);
