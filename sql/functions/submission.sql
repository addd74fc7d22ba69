-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- What does not come from Kafka.

create or replace function waybill.source_take_own(kind text, name text,
	tenant text, feed text) returns int4
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
	taken int4;
begin
	if kind not in ('rest', 'file', 'plan') then
		raise exception 'there is no kind % of sources without topics', kind;
	end if;
	select s.source into taken from waybill.source s
	where s.kind = $1 and s.topic is not distinct from $2
		and s.tenant = $3 and s.feed = $4;
	if found then
		return taken;
	end if;
	-- One at a time for a name, so that two daemons agree on the number.
	perform pg_advisory_xact_lock(hashtext('waybill.source'),
		hashtext(concat_ws('/', $1, $2)));
	select s.source into taken from waybill.source s
	where s.kind = $1 and s.topic is not distinct from $2
		and s.tenant = $3 and s.feed = $4;
	if found then
		return taken;
	end if;
	-- The same file may go to several feeds: each counts as one more.
	insert into waybill.source (kind, topic, topic_incarnation, tenant, feed)
	values ($1, $2, (select coalesce(max(s.topic_incarnation), 0) + 1
		from waybill.source s
		where s.kind = $1 and s.topic is not distinct from $2), $3, $4)
	returning source into taken;
	return taken;
end
$$;
comment on function waybill.source_take_own(text, text, text, text) is 'The id of a source without a topic: REST (name null), a file (its digest), of a feed; makes it when it is new.';

create or replace function waybill.reference_of(lane int4, incarnation int4, seq int8)
returns table (kind text, of_id text)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
	return query execute
		'select r.kind, r.of_lane || ''-'' || r.of_incarnation || ''-'' || r.of_seq
		from waybill.verdict_reference r
		where r.day = $1 and r.lane = $2 and r.incarnation = $3 and r.seq = $4'
		using (select o.day from waybill.day_of($1, $2, $3) o), $1, $2, $3;
end
$$;
comment on function waybill.reference_of(int4, int4, int8) is 'To which message one refers, and why: duplicate, conflict or late.';

revoke execute on function waybill.source_take_own(text, text, text, text),
	waybill.reference_of(int4, int4, int8) from public;
grant execute on function waybill.source_take_own(text, text, text, text)
	to waybill_record;
grant execute on function waybill.reference_of(int4, int4, int8)
	to waybill_tenant, waybill_record, waybill_forward;
