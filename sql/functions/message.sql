-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- Messages out of blocks: the view for plain SQL, and look-ups that read
-- only the block they need. All run with the rights of who asks, so that
-- row-level security holds; day_of alone knows more, and checks by itself.
--
-- EXECUTE plans for the days that are asked for; a static statement in
-- plpgsql would lock and start every partition there is.

create or replace function waybill.verdict_name(verdict int2) returns text
language sql immutable parallel safe
return (array['accepted', 'rejected', 'duplicate', 'conflict'])[verdict + 1];
comment on function waybill.verdict_name(int2) is 'accepted, rejected, duplicate or conflict.';

create or replace function waybill.origin_name(origin int2) returns text
language sql immutable parallel safe
return (array['kafka', 'rest', 'file', 'plan', 'recovered'])[origin + 1];
comment on function waybill.origin_name(int2) is 'kafka, rest, file, plan or recovered.';

create or replace function waybill.column_fill(items anyarray, count int4)
returns anyarray
language sql immutable parallel safe
as $$
	select case when count > 1 and cardinality(items) = 1
		then array_fill(items[1], array[count]) else items end
$$;
comment on function waybill.column_fill(anyarray, int4) is 'A column of a block at full length, where one element stood for all.';

create or replace function waybill.column_hashes(hashes bytea, count int4)
returns bytea[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
	whole constant bytea := hashes || ''::bytea; -- fetched once, not 32 bytes a time
begin
	return array(select substring(whole from 32 * i - 31 for 32)
		from generate_series(1, count) i);
end
$$;
comment on function waybill.column_hashes(bytea, int4) is 'The hashes of a block, one element each.';

create or replace function waybill.key_hash(key bytea) returns int4
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
	m constant int8 := 1540483477; -- x * m stays below 2^63
	u constant int8 := 4294967295;
	len constant int4 := length(key);
	tail constant int4 := len - len % 4;
	h int8 := 2538058380 # len;
	k int8;
begin
	for i in 0 .. len / 4 - 1 loop
		k := get_byte(key, 4 * i) | (get_byte(key, 4 * i + 1)::int8 << 8)
			| (get_byte(key, 4 * i + 2)::int8 << 16)
			| (get_byte(key, 4 * i + 3)::int8 << 24);
		k := (k * m) & u;
		k := ((k # (k >> 24)) * m) & u;
		h := ((h * m) & u) # k;
	end loop;
	if len % 4 > 0 then
		k := 0;
		for i in reverse len - 1 .. tail loop
			k := (k << 8) | get_byte(key, i);
		end loop;
		h := ((h # k) * m) & u;
	end if;
	h := ((h # (h >> 13)) * m) & u;
	h := h # (h >> 15);
	return (case when h > 2147483647 then h - 4294967296 else h end)::int4;
end
$$;
comment on function waybill.key_hash(bytea) is 'murmur2 as in Kafka''s Java client, as a signed number: what block.key_hashes holds.';

create or replace view waybill.message with (security_invoker = true) as
select b.lane || '-' || b.incarnation || '-' || b.first_seq + m.i - 1 as id,
	b.lane, b.incarnation, b.first_seq + m.i - 1 as seq, b.day, b.tenant,
	b.feed, waybill.verdict_name(m.verdict) as verdict, m.key, m.body,
	m.headers, m.event_time, b.recorded_at, m.source,
	s.cluster as source_cluster, s.topic as source_topic,
	s.partition as source_partition, m.source_offset, m.contract, m.partition,
	m.hash,
	waybill.origin_name(b.origin) as origin, b.first_seq as block_first_seq,
	substring(m.dedup_id from 9) as dedup_id, nullif(m.principal, 0) as principal,
	case when m.verdict in (2, 3) then (
		select r.of_lane || '-' || r.of_incarnation || '-' || r.of_seq
		from waybill.verdict_reference r
		where r.day = b.day and r.lane = b.lane
			and r.incarnation = b.incarnation
			and r.seq = b.first_seq + m.i - 1) end as of_id
from waybill.block b
cross join lateral rows from (
	unnest(waybill.column_fill(b.verdicts, b.count)),
	unnest(b.keys), unnest(b.bodies), unnest(b.headers),
	unnest(waybill.column_fill(b.event_times, b.count)),
	unnest(waybill.column_fill(b.sources, b.count)),
	unnest(b.source_offsets),
	unnest(waybill.column_fill(b.contracts, b.count)),
	unnest(waybill.column_fill(b.partitions, b.count)),
	unnest(waybill.column_hashes(b.hashes, b.count)),
	unnest(b.dedup_ids),
	unnest(waybill.column_fill(b.principals, b.count))
) with ordinality m(verdict, key, body, headers, event_time, source,
	source_offset, contract, partition, hash, dedup_id, principal, i)
left join waybill.source s on s.source = m.source;
comment on view waybill.message is 'Messages, one a row. Narrow it by day, tenant, feed or recorded_at; for one message use message_by_id and its sisters, which read only its block.';

create or replace function waybill.message_at(day date, lane int4,
	incarnation int4, first_seq int8, positions int4[])
returns setof waybill.message
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
	-- Each element costs a walk through its array: many are cheaper unnested.
	if cardinality(positions) > 16 then
		return query execute 'select m.* from waybill.message m
			where m.day = $1 and m.lane = $2 and m.incarnation = $3
			and m.block_first_seq = $4
			and m.seq = any (select $4 + p - 1 from unnest($5) p)'
			using day, lane, incarnation, first_seq, positions;
		return;
	end if;
	return query execute 'select b.lane || ''-'' || b.incarnation || ''-'' || b.first_seq + p.i - 1,
		b.lane, b.incarnation, b.first_seq + p.i - 1, b.day, b.tenant, b.feed,
		waybill.verdict_name(b.verdicts[case when cardinality(b.verdicts) = 1 then 1 else p.i end]),
		b.keys[p.i], b.bodies[p.i], b.headers[p.i],
		b.event_times[case when cardinality(b.event_times) = 1 then 1 else p.i end],
		b.recorded_at,
		s.source, s.cluster, s.topic, s.partition, b.source_offsets[p.i],
		b.contracts[case when cardinality(b.contracts) = 1 then 1 else p.i end],
		b.partitions[case when cardinality(b.partitions) = 1 then 1 else p.i end],
		substring(b.hashes from 32 * p.i - 31 for 32),
		waybill.origin_name(b.origin), b.first_seq,
		substring(b.dedup_ids[p.i] from 9),
		nullif(b.principals[case when cardinality(b.principals) = 1 then 1 else p.i end], 0),
		case when b.verdicts[case when cardinality(b.verdicts) = 1 then 1 else p.i end] in (2, 3)
			then (select r.of_lane || ''-'' || r.of_incarnation || ''-'' || r.of_seq
			from waybill.verdict_reference r
			where r.day = b.day and r.lane = b.lane
				and r.incarnation = b.incarnation
				and r.seq = b.first_seq + p.i - 1) end
	from waybill.block b
	cross join unnest($5) p(i)
	left join waybill.source s
		on s.source = b.sources[case when cardinality(b.sources) = 1 then 1 else p.i end]
	where b.day = $1 and b.lane = $2 and b.incarnation = $3
		and b.first_seq = $4 and p.i between 1 and b.count'
		using day, lane, incarnation, first_seq, positions;
end
$$;
comment on function waybill.message_at(date, int4, int4, int8, int4[]) is 'Messages of one block by their place in it, from 1.';

create or replace function waybill.day_of(lane int4, incarnation int4, seq int8,
	out day date, out first_seq int8)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
	found_tenant text;
	d date;
begin
	select y.day into d from waybill.lane_day y
	where y.lane = $1 and y.incarnation = $2 and y.first_seq <= $3
	order by y.first_seq desc limit 1;
	execute 'select b.tenant, b.first_seq from (
			select o.tenant, o.first_seq, o.count from waybill.block o
			where o.day = $4 and o.lane = $1 and o.incarnation = $2
				and o.first_seq <= $3
			order by o.first_seq desc limit 1) b
		where $3 < b.first_seq + b.count'
		into found_tenant, first_seq using $1, $2, $3, d;
	if found_tenant is null
		or not (pg_has_role(waybill.caller(), 'waybill_record', 'usage')
			or pg_has_role(waybill.caller(), 'waybill_forward', 'usage')
			or found_tenant in (select waybill.tenant_of(waybill.caller())))
	then
		first_seq := null; -- as if there were no such message
		return;
	end if;
	day := d;
end
$$;
comment on function waybill.day_of(int4, int4, int8) is 'The day and first seq of the block that holds a message; nulls unless the block is of a tenant whose rows the caller sees.';

create or replace function waybill.message_by_id(lane int4, incarnation int4, seq int8)
returns setof waybill.message
language sql stable set search_path = pg_catalog, pg_temp
as $$
	select m.* from waybill.day_of($1, $2, $3) d
	cross join lateral waybill.message_at(d.day, $1, $2, d.first_seq,
		array[($3 - d.first_seq + 1)::int4]) m
	where d.day is not null
$$;
comment on function waybill.message_by_id(int4, int4, int8) is 'A message by its id.';

create or replace function waybill.message_by_id(id text)
returns setof waybill.message
language sql stable strict set search_path = pg_catalog, pg_temp
as $$
	select m.* from waybill.message_by_id(split_part($1, '-', 1)::int4,
		split_part($1, '-', 2)::int4, split_part($1, '-', 3)::int8) m
	where $1 ~ '^[0-9]+-[0-9]+-[0-9]+$'
$$;
comment on function waybill.message_by_id(text) is 'A message by its id as written: lane-incarnation-seq.';

create or replace function waybill.message_by_key(tenant text, feed text,
	key bytea, since timestamptz default now() - interval '1 day',
	until timestamptz default 'infinity', rows_max int4 default 1000)
returns setof waybill.message
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
	b record;
	hash constant int4 := waybill.key_hash(key);
	left_over int4 := rows_max;
	given int4;
begin
	for b in execute
		'select b.day, b.lane, b.incarnation, b.first_seq,
			waybill.key_positions(b.key_hashes, b.keys, $6, $3) as positions
		from waybill.block b
		where b.tenant = $1 and b.feed = $2
			and b.recorded_at >= $4 and b.recorded_at < $5
			and b.day >= ($4 at time zone ''utc'')::date - 1
			and ($5 = ''infinity'' or b.day <= ($5 at time zone ''utc'')::date + 1)
			and $6 = any (b.key_hashes)
		order by b.recorded_at desc, b.lane, b.first_seq desc'
		using tenant, feed, key, since, until, hash
	loop
		continue when b.positions is null;
		return query select m.* from waybill.message_at(b.day, b.lane,
			b.incarnation, b.first_seq, b.positions) m
			order by m.seq desc limit left_over;
		get diagnostics given = row_count;
		left_over := left_over - given;
		exit when left_over <= 0;
	end loop;
end
$$;
comment on function waybill.message_by_key(text, text, bytea, timestamptz, timestamptz, int4) is 'Messages of a feed with a key, newest first, recorded between since (a day ago, unless said) and until.';

create or replace function waybill.key_positions(key_hashes int4[], keys bytea[],
	hash int4, key bytea) returns int4[]
language sql immutable set search_path = pg_catalog, pg_temp
as $$
	select array_agg(p.i order by p.i) from (
		select h as i from unnest(array_positions($1, $3)) h
	) p where $2[p.i] = $4
$$;
comment on function waybill.key_positions(int4[], bytea[], int4, bytea) is 'Where in a block a key is.';

create or replace function waybill.message_by_source(cluster text, topic text,
	partition int4, "offset" int8)
returns setof waybill.message
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
	d record;
	r record;
begin
	for d in
		select s.source, y.day from waybill.source s
		join waybill.source_day y on y.source = s.source
		where s.cluster = $1 and s.topic = $2 and s.partition = $3
			and y.offset_first <= $4
		order by s.topic_incarnation desc, y.offset_first desc
	loop
		execute 'select r.day, r.lane, r.incarnation, r.first_seq
			from waybill.source_range r
			where r.day = $1 and r.source = $2 and r.offset_first <= $3
				and r.offset_last >= $3
			order by r.offset_first desc limit 1'
			into r using d.day, d.source, $4;
		continue when r.day is null;
		return query execute
			'select m.* from waybill.block b
			cross join lateral waybill.message_at(b.day, b.lane, b.incarnation,
				b.first_seq, array_positions(b.source_offsets, $5)) m
			where b.day = $1 and b.lane = $2 and b.incarnation = $3
				and b.first_seq = $4 and m.source = $6'
			using r.day, r.lane, r.incarnation, r.first_seq, $4, d.source;
	end loop;
end
$$;
comment on function waybill.message_by_source(text, text, int4, int8) is 'The message that came from an offset of an input partition.';

create or replace function waybill.message_by_delivery(cluster text, topic text,
	partition int4, "offset" int8)
returns setof waybill.message
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
	d date;
	r record;
begin
	for d in
		select y.day from waybill.delivery_day y
		where y.cluster = $1 and y.topic = $2 and y.partition = $3
			and y.offset_first <= $4
		order by y.offset_first desc
	loop
		-- More than one: blocks of several lanes interleave on a
		-- dead-letter partition.
		for r in execute 'select r.day, r.lane, r.incarnation, r.first_seq
			from waybill.delivery_range r
			where r.day = $1 and r.cluster = $2 and r.topic = $3
				and r.partition = $4 and r.offset_first <= $5
				and r.offset_last >= $5
			order by r.offset_first desc'
			using d, $1, $2, $3, $4
		loop
			return query execute
				'select m.* from (
					select distinct p.i from waybill.delivery e
					cross join lateral unnest(array_positions(e.offsets, $7)) p(i)
					join waybill.block b on b.day = e.day and b.lane = e.lane
						and b.incarnation = e.incarnation
						and b.first_seq = e.first_seq
					where e.day = $1 and e.cluster = $5 and e.lane = $2
						and e.incarnation = $3 and e.first_seq = $4
						and exists (select from waybill.feed_topic t
							where t.tenant = b.tenant and t.feed = b.feed
								and t.kind = e.kind % 2
								and $8 = t.topic || case e.kind when 2
									then ''.replay'' else '''' end)
						and $6 = (coalesce(e.partitions, b.partitions))
							[case when cardinality(coalesce(e.partitions,
								b.partitions)) = 1 then 1 else p.i end]
				) p cross join lateral waybill.message_at($1, $2, $3, $4,
					array[p.i]) m'
				using r.day, r.lane, r.incarnation, r.first_seq, $1, $3, $4, $2;
			if found then
				return;
			end if;
		end loop;
	end loop;
end
$$;
comment on function waybill.message_by_delivery(text, text, int4, int8) is 'The message that is at an offset of an output or dead-letter partition.';

create or replace function waybill.message_between(tenant text, feed text,
	since timestamptz, until timestamptz)
returns setof waybill.message
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
	b record;
begin
	-- A block at a time: its rows are in order, nothing large is sorted.
	for b in execute
		'select b.day, b.lane, b.incarnation, b.first_seq
		from waybill.block b
		where b.tenant = $1 and b.feed = $2
			and b.recorded_at >= $3 and b.recorded_at < $4
			and ($3 = ''-infinity'' or b.day >= ($3 at time zone ''utc'')::date - 1)
			and ($4 = ''infinity'' or b.day <= ($4 at time zone ''utc'')::date + 1)
		order by b.recorded_at, b.lane, b.incarnation, b.first_seq'
		using tenant, feed, since, until
	loop
		return query execute
			'select m.* from waybill.message m
			where m.day = $1 and m.lane = $2 and m.incarnation = $3
				and m.block_first_seq = $4
			order by m.seq'
			using b.day, b.lane, b.incarnation, b.first_seq;
	end loop;
end
$$;
comment on function waybill.message_between(text, text, timestamptz, timestamptz) is 'Messages of a feed that were recorded in a period, oldest first.';

-- A feed's topics may have changed: which of them it was, the range says. A
-- delivery whose offset is not known has none: it is shown at today's topic.
create or replace function waybill.delivery_of(lane int4, incarnation int4, seq int8)
returns table (cluster text, kind text, topic text, partition int4, "offset" int8)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
	return query execute
		'select e.cluster, (array[''output'', ''dead-letter'', ''replay''])[e.kind + 1],
			coalesce((select r.topic from waybill.feed_topic t
				join waybill.delivery_range r on r.day = $1
					and r.cluster = e.cluster
					and r.topic = t.topic || case e.kind when 2
						then ''.replay'' else '''' end
					and r.partition = p.partition
					and r.offset_first <= p.offset
					and r.offset_last >= p.offset
					and r.lane = $2 and r.incarnation = $3
					and r.first_seq = e.first_seq
				where t.tenant = b.tenant and t.feed = b.feed
					and t.kind = e.kind % 2
				limit 1),
				case e.kind when 0 then f.output_topic when 1 then f.dead_letter_topic
				else f.output_topic || ''.replay'' end),
			p.partition, p.offset
		from waybill.day_of($2, $3, $4) d
		join waybill.block b on b.day = $1 and b.lane = $2
			and b.incarnation = $3 and b.first_seq = d.first_seq
		join waybill.delivery e on e.day = $1 and e.lane = $2
			and e.incarnation = $3 and e.first_seq = d.first_seq
		join waybill.feed f on f.tenant = b.tenant and f.feed = b.feed
		cross join lateral (select
			(coalesce(e.partitions, b.partitions))[case when cardinality(
				coalesce(e.partitions, b.partitions)) = 1 then 1
				else $4 - e.first_seq + 1 end],
			e.offsets[$4 - e.first_seq + 1]) p(partition, "offset")
		where p.offset is not null
		order by e.cluster, e.kind'
		using (select o.day from waybill.day_of($1, $2, $3) o), $1, $2, $3;
end
$$;
comment on function waybill.delivery_of(int4, int4, int8) is 'Where a message ended up; offset -1: delivered, its offset is not yet known.';

create or replace function waybill.violation_of(lane int4, incarnation int4, seq int8)
returns table (ordinal int2, rule text, path text, expected text, value text, byte_offset int4)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
	return query execute
		'select v.ordinal, v.rule, v.path, v.expected, v.value, v.byte_offset
		from waybill.violation v
		where v.day = $1 and v.lane = $2 and v.incarnation = $3 and v.seq = $4
		order by v.ordinal'
		using (select o.day from waybill.day_of($1, $2, $3) o), $1, $2, $3;
end
$$;
comment on function waybill.violation_of(int4, int4, int8) is 'Why a message was rejected.';

do $$
declare
	f regprocedure;
begin
	for f in select p.oid from pg_catalog.pg_proc p
		where p.pronamespace = 'waybill'::regnamespace and p.proname in (
			'verdict_name', 'origin_name', 'column_fill', 'column_hashes', 'key_hash',
			'key_positions', 'message_at', 'day_of', 'message_by_id',
			'message_by_key', 'message_by_source', 'message_by_delivery',
			'message_between', 'delivery_of', 'violation_of')
	loop
		execute format('revoke execute on function %s from public', f);
		execute format('grant execute on function %s to waybill_tenant, waybill_record, waybill_forward', f);
	end loop;
end
$$;
