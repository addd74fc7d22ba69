-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- What the owner of a lane does to its row between batches.

create or replace function waybill.lane_resume(lane int4, epoch int8, daemon text)
returns setof waybill.lane
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
	-- Waits for a backend that still works on an old transaction of ours: it
	-- holds the row. One that has not begun it yet has the old epoch.
	return query
	update waybill.lane l set epoch = l.epoch + 1
	where l.lane = $1 and l.epoch = $2 and l.owner = $3
	returning l.*;
end
$$;
comment on function waybill.lane_resume(int4, int8, text) is 'The same owner goes on under a new epoch, after a connection was lost: nothing that the old connection sent can commit any more. No row: the lane is no longer the caller''s.';

create or replace function waybill.lane_accept_identity(lane int4, epoch int8,
	system_id int8, timeline int4)
returns setof waybill.lane
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	update waybill.lane l set
		incarnation = case when l.timeline is null
			or (l.system_id, l.timeline) = ($3, $4)
			then l.incarnation else l.incarnation + 1 end,
		next_seq = case when l.timeline is null
			or (l.system_id, l.timeline) = ($3, $4)
			then l.next_seq else 1 end,
		system_id = $3, timeline = $4
	where l.lane = $1 and l.epoch = $2
	returning l.*;
end
$$;
comment on function waybill.lane_accept_identity(int4, int8, int8, int4) is 'Takes the Postgres of now as the lane''s own. Where it was another one, a new incarnation begins: its seq starts at 1, so that no id is given twice.';

revoke execute on function waybill.lane_resume(int4, int8, text),
	waybill.lane_accept_identity(int4, int8, int8, int4) from public;
grant execute on function waybill.lane_resume(int4, int8, text),
	waybill.lane_accept_identity(int4, int8, int8, int4) to waybill_record;
