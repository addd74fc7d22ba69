-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- Whether everything adds up, message by message: what the producers say they
-- sent (temporary tables sent: to Kafka; posted: by REST, with the receipts that
-- they were given, in the order of sending) against the journal against what a
-- consumer got (temporary table received). Read by scripts/quickstart/show.sh.

create temporary table recorded as
select m.id, m.tenant, m.feed, m.verdict, m.partition,
	m.origin, m.source_topic as topic, m.source_partition, m.source_offset,
	encode(sha256(coalesce(m.key, '') || coalesce(m.body, '')), 'hex') as digest
from waybill.message m;

create temporary table place as
select tenant, feed, input_topic, output_topic, dead_letter_topic,
	dead_letter_partitions
from waybill.feed;
analyze sent;
analyze posted;
analyze recorded;
analyze received;

-- Each row of it is a way to be wrong; all must be 0.
create temporary table finding as
with sent_recorded as (
	select s.digest as sent_digest, s.kind, r.digest, r.verdict, s.topic as was,
		r.id
	from sent s
	full join (select * from recorded where origin = 'kafka') r
		on r.topic = s.topic and r.source_partition = s.partition
		and r.source_offset = s."offset"
	union all
	select p.digest, p.kind, r.digest, r.verdict, p.topic, r.id
	from posted p
	full join (select * from recorded where origin <> 'kafka') r on r.id = p.id
), recorded_received as (
	select r.id, r.verdict, r.digest, g.digest as got_digest, g.id as got_id,
		g.source is distinct from case r.origin when 'kafka'
			then r.topic || '/' || r.source_partition || '/' || r.source_offset
			else r.origin end as is_source_wrong,
		case r.verdict when 'accepted' then f.output_topic
			else f.dead_letter_topic end is distinct from g.topic as is_topic_wrong,
		case r.verdict when 'accepted' then r.partition
			else r.partition % f.dead_letter_partitions end
			is distinct from g.partition as is_partition_wrong
	from recorded r
	join place f using (tenant, feed)
	full join received g on g.id = r.id
	where coalesce(r.verdict, '') not in ('duplicate', 'conflict') or g.id is not null
), in_order as (
	select coalesce(p.number, r.source_offset) < lag(coalesce(p.number, r.source_offset)) over (
		partition by g.topic, g.partition, r.topic, r.source_partition
		order by g."offset") as is_behind
	from received g join recorded r on r.id = g.id
	left join posted p on p.id = r.id
)
select * from (values
	('sent and not recorded', (select count(*) from sent_recorded where id is null)),
	('recorded and not sent', (select count(*) from sent_recorded where was is null)),
	('recorded twice', (select count(*) - count(distinct (topic, source_partition, source_offset)) from recorded where origin = 'kafka')),
	('two receipts for one message', (select count(*) - count(distinct id) from posted)),
	('a receipt that says otherwise than the journal', (select count(*) from posted p
		join recorded r using (id) join place f using (tenant, feed)
		where p.verdict <> r.verdict or p.topic <> f.input_topic)),
	('sent again and not recognized', (select count(*) from sent_recorded where kind = 'repeat' and verdict <> 'duplicate')),
	('recorded with other bytes', (select count(*) from sent_recorded where sent_digest <> digest)),
	('spoiled and not rejected, or sound and rejected', (select count(*) from sent_recorded
		where kind <> 'repeat' and (kind in ('good', 'tombstone', 'misrouted')) <> (verdict = 'accepted'))),
	('recorded and not received', (select count(*) from recorded_received where got_id is null)),
	('received and not recorded', (select count(*) from recorded_received where id is null)),
	('received twice', (select count(*) - count(distinct id) from received)),
	('received with other bytes', (select count(*) from recorded_received where digest <> got_digest)),
	('received on another topic', (select count(*) from recorded_received where id is not null and got_id is not null and is_topic_wrong)),
	('received on another partition', (select count(*) from recorded_received where id is not null and got_id is not null and is_partition_wrong)),
	('received in another order', (select count(*) from in_order where is_behind)),
	('received with another waybill-source', (select count(*) from recorded_received where id is not null and got_id is not null and is_source_wrong)),
	('a number left out in a lane', (select coalesce(sum(l.next_seq - 1 - n.count), 0) from waybill.lane l
		join (select lane, incarnation, sum(count) as count from waybill.block group by 1, 2) n
		using (lane, incarnation)))
) f(what, count);

-- Per feed: sent to Kafka, sent by REST, in the journal, on the output topic, on the
-- dead-letter topic, recorded as duplicate.
create temporary table tally as
select f.tenant || ' ' || f.feed as feed,
	(select count(*) from sent s where s.topic = f.input_topic) as sent,
	(select count(*) from posted p where p.topic = f.input_topic) as posted,
	(select count(*) from recorded r where r.tenant = f.tenant and r.feed = f.feed) as recorded,
	(select count(*) from received g where g.topic = f.output_topic) as forwarded,
	(select count(*) from received g where g.topic = f.dead_letter_topic) as rejected,
	(select count(*) from recorded r where r.tenant = f.tenant and r.feed = f.feed
		and r.verdict in ('duplicate', 'conflict')) as duplicate
from place f;
