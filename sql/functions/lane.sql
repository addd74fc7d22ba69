-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- Leases, the compare-and-set of a lane, positions.

create or replace function waybill.daemon_beat(daemon text, url text, ttl_ms int4)
returns timestamptz
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
	until timestamptz := clock_timestamp() + $3 * interval '1 millisecond';
begin
	-- Must not wait for a standby: a recorder that does would lose its lease.
	perform set_config('synchronous_commit', 'local', true);
	-- Each start has a new name: those of long ago go.
	delete from waybill.daemon d where d.deadline < now() - interval '1 day';
	insert into waybill.daemon as d (daemon, url, deadline)
	values ($1, $2, until)
	on conflict on constraint daemon_pkey
		do update set url = excluded.url, deadline = excluded.deadline;
	return until;
end
$$;
comment on function waybill.daemon_beat(text, text, int4) is 'A daemon lives for ttl_ms more; returns until when. Its transaction does not wait for a standby.';

create or replace function waybill.daemon_leave(daemon text) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
	update waybill.lane set owner = null where owner = $1;
	delete from waybill.daemon d where d.daemon = $1;
$$;
comment on function waybill.daemon_leave(text) is 'A daemon has drained and goes: its lanes are free at once.';

create or replace function waybill.lane_claim(lane int4, daemon text)
returns setof waybill.lane
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
	if not exists (select from waybill.daemon d
		where d.daemon = $2 and d.deadline > clock_timestamp()) then
		return; -- who does not live takes nothing
	end if;
	if $1 >= (select lanes from waybill.deployment) then
		raise exception 'there is no lane %', $1
			using errcode = 'WB002';
	end if;
	insert into waybill.lane as l (lane) values ($1) on conflict do nothing;
	return query
	update waybill.lane l
	set epoch = l.epoch + 1, owner = $2
	where l.lane = $1 and (l.owner is null or l.owner = $2 or not exists (
		select from waybill.daemon d
		where d.daemon = l.owner and d.deadline > clock_timestamp()))
	returning l.*;
end
$$;
comment on function waybill.lane_claim(int4, text) is 'Takes a lane that is free, the caller''s own, or whose owner''s deadline has passed, with a new epoch; returns its row, or none.';

create or replace function waybill.lane_release(lane int4, epoch int8, daemon text)
returns bool
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
	update waybill.lane l set owner = null
	where l.lane = $1 and l.epoch = $2 and l.owner = $3;
	return found;
end
$$;
comment on function waybill.lane_release(int4, int8, text) is 'Gives a lane back; false: it was no longer the caller''s.';

create or replace function waybill.lane_advance(lane int4, epoch int8,
	incarnation int4, old_seq int8, new_seq int8, chain bytea) returns date
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
	old_day date;
	new_day date;
begin
	if new_seq <= old_seq then
		raise exception 'lane %: a commit without messages', $1
			using errcode = 'WB001';
	end if;
	select l.day into old_day from waybill.lane l
	where l.lane = $1 and l.epoch = $2 and l.incarnation = $3
		and l.next_seq = $4 and l.state <> 'diverged'
	for update;
	if not found then
		raise exception 'lane %: not at seq % with epoch % of incarnation %',
			$1, $4, $2, $3
			using errcode = 'WB001',
			hint = 'Another daemon owns the lane now, or it has diverged.';
	end if;
	new_day := greatest(old_day, waybill.today());
	update waybill.lane l
	set next_seq = $5, chain = $6, commit_no = l.commit_no + 1,
		day = new_day,
		state = 'ready', reason = null,
		since = case l.state when 'ready' then l.since else now() end
	where l.lane = $1;
	if new_day > old_day or $4 = 1 then
		insert into waybill.lane_day (lane, incarnation, day, first_seq)
		values ($1, $3, new_day, $4)
		on conflict do nothing;
	end if;
	return new_day;
end
$$;
comment on function waybill.lane_advance(int4, int8, int4, int8, int8, bytea) is 'The first statement of each journal transaction: compare-and-set of the lane''s row. Raises WB001 where the row does not match, so that nothing behind it in a pipeline commits. Returns the lane''s day, which never decreases.';

create or replace function waybill.lane_positions(lane int4)
returns table (source int4, next int8)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	d date;
	full_incarnation int4 := 0;
	full_commit int8 := 0;
	first_day date := 'infinity';
begin
	for d in select distinct y.day from waybill.lane_day y
		where y.lane = $1 order by y.day desc
	loop
		first_day := d;
		execute 'select incarnation, commit_no from waybill.lane_commit
			where day = $1 and lane = $2 and is_full
			order by incarnation desc, commit_no desc limit 1'
			into full_incarnation, full_commit using d, $1;
		exit when full_incarnation is not null;
	end loop;
	return query execute
		'select distinct on (u.source) u.source, u.next
		from waybill.lane_commit c
		cross join lateral unnest(c.source, c.source_next) u(source, next)
		where c.day >= $1 and c.lane = $2
			and (c.incarnation, c.commit_no) >= ($3, $4)
		order by u.source, c.incarnation desc, c.commit_no desc'
		using first_day, $1, coalesce(full_incarnation, 0),
			coalesce(full_commit, 0);
end
$$;
comment on function waybill.lane_positions(int4) is 'Where a lane goes on reading: the next offset of each source, from its last full commit and those behind it.';

create or replace function waybill.source_take(kind text, cluster text,
	cluster_id text, topic text, partition int4, tenant text, feed text)
returns int4
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
	s waybill.source;
	taken int4;
begin
	-- One at a time for a name, so that two daemons agree on the number.
	perform pg_advisory_xact_lock(hashtext('waybill.source'),
		hashtext(concat_ws('/', $1, $2, $4, $5)));
	select * into s from waybill.source o
	where o.kind = $1 and o.cluster is not distinct from $2
		and o.topic is not distinct from $4
		and o.partition is not distinct from $5
	order by o.topic_incarnation desc limit 1;
	if found
		and s.tenant is not distinct from $6
		and s.feed is not distinct from $7 then
		return s.source;
	end if;
	-- A topic that went to another feed is another source. One of another
	-- cluster of the same name is not, by itself: its records tell.
	insert into waybill.source (kind, cluster, cluster_id, topic,
		topic_incarnation, partition, tenant, feed)
	values ($1, $2, $3, $4, coalesce(s.topic_incarnation, 0) + 1, $5, $6, $7)
	returning source into taken;
	return taken;
end
$$;
comment on function waybill.source_take(text, text, text, text, int4, text, text) is 'The id of a source; makes it when it is new, or of another feed.';

create or replace function waybill.source_standing(sources int4[],
	offsets int8[])
returns table (no int4, cluster_id text, has_gap bool, lane int4,
	incarnation int4, seq int8, contract int4, verdict int2, place int4,
	salt bytea, hash bytea)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	d date;
	number int4;
begin
	for i in 1 .. cardinality(sources) loop
		number := sources[i];
		no := i;
		lane := null; incarnation := null; seq := null; contract := null;
		verdict := null; place := null; salt := null; hash := null;
		select s.cluster_id, g.source is not null into cluster_id, has_gap
		from waybill.source s
		left join waybill.source_gap g on g.source = s.source
		where s.source = number;
		for d in select y.day from waybill.source_day y
			where y.source = number and y.offset_first <= offsets[i]
			order by y.day desc
		loop
			-- EXECUTE opens the partition of that day only.
			execute 'select b.lane, b.incarnation, b.first_seq + p.i - 1,
				b.contracts[case when cardinality(b.contracts) = 1 then 1 else p.i end],
				b.verdicts[case when cardinality(b.verdicts) = 1 then 1 else p.i end],
				p.i, case when length(b.salt) = 32 then b.salt
					else substring(b.salt from 16 * p.i - 15 for 16) end,
				substring(b.hashes from 32 * p.i - 31 for 32)
				from (select o.* from waybill.source_range o
					where o.day = $1 and o.source = $2
						and o.offset_first <= $3
					order by o.offset_first desc limit 1) r
				join waybill.block b on b.day = r.day
					and b.lane = r.lane and b.incarnation = r.incarnation
					and b.first_seq = r.first_seq
				cross join lateral unnest(array_positions(b.source_offsets, $3)) p(i)
				where b.sources[case when cardinality(b.sources) = 1 then 1 else p.i end] = $2'
				into lane, incarnation, seq, contract, verdict, place,
					salt, hash using d, number, offsets[i];
			exit when seq is not null;
		end loop;
		return next;
	end loop;
end
$$;
comment on function waybill.source_standing(int4[], int8[]) is 'What is known of sources, and of the message that each has at an offset: by its hash a record of Kafka is known again.';

create or replace function waybill.source_confirm(source int4, cluster_id text)
returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
	update waybill.source s set cluster_id = $2
	where s.source = $1 and $2 is not null
		and s.cluster_id is distinct from $2;
	delete from waybill.source_gap g where g.source = $1;
$$;
comment on function waybill.source_confirm(int4, text) is 'The records of a source are those that were recorded: its cluster has this id (null: not known), and it has no gap any more.';

create or replace function waybill.postgres_identity(out system_id int8, out timeline int4)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
	select (select s.system_identifier from pg_control_system() s),
		('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int4
$$;
comment on function waybill.postgres_identity() is 'Which Postgres this is, and on which timeline. pg_control_checkpoint() would still show the old one after a promotion.';

create or replace function waybill.barrier_pass(lane int4) returns int8
language sql security definer set search_path = pg_catalog, pg_temp
as $$
	insert into waybill.barrier as b (lane, n) values ($1, 1)
	on conflict on constraint barrier_pkey do update set n = b.n + 1
	returning n
$$;
comment on function waybill.barrier_pass(int4) is 'A tiny write: its COMMIT without a warning proves that every earlier commit is durable.';

revoke execute on function
	waybill.daemon_beat(text, text, int4), waybill.daemon_leave(text),
	waybill.lane_claim(int4, text), waybill.lane_release(int4, int8, text),
	waybill.lane_advance(int4, int8, int4, int8, int8, bytea),
	waybill.lane_positions(int4),
	waybill.source_take(text, text, text, text, int4, text, text),
	waybill.source_standing(int4[], int8[]),
	waybill.source_confirm(int4, text),
	waybill.postgres_identity(), waybill.barrier_pass(int4)
	from public;
grant execute on function
	waybill.daemon_beat(text, text, int4), waybill.daemon_leave(text),
	waybill.lane_claim(int4, text), waybill.lane_release(int4, int8, text),
	waybill.lane_advance(int4, int8, int4, int8, int8, bytea),
	waybill.lane_positions(int4),
	waybill.source_take(text, text, text, text, int4, text, text),
	waybill.source_standing(int4[], int8[]),
	waybill.source_confirm(int4, text),
	waybill.postgres_identity(), waybill.barrier_pass(int4)
	to waybill_record;
grant execute on function waybill.postgres_identity(),
	waybill.barrier_pass(int4) to waybill_forward;
