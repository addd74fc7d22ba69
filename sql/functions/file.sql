-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- What the journal has of a file.

create or replace function waybill.file_recorded(tenant text, feed text,
	file text, first int8, count int8)
returns table (range_first int8, range_last int8)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
	d record;
	numbers int8[] := '{}';
	of_day int8[];
begin
	for d in
		select s.source, y.day from waybill.source s
		join waybill.source_day y
			on y.source = s.source
		where s.kind = 'file' and s.tenant = $1 and s.feed = $2
			and s.topic = $3
	loop
		-- A block may hold several files: then each message names its own.
		execute 'select array_agg(distinct u.number)
			from waybill.source_range r
			join waybill.block b on b.day = r.day and b.lane = r.lane
				and b.incarnation = r.incarnation
				and b.first_seq = r.first_seq
			cross join unnest(b.source_offsets, b.sources) u(number, source)
			where r.day = $1 and r.source = $2
				and r.offset_first < $4 and r.offset_last >= $3
				and u.number >= $3 and u.number < $4
				and (cardinality(b.sources) = 1 or u.source = $2)'
			into of_day using d.day, d.source, $4, $4 + $5;
		numbers := numbers || coalesce(of_day, '{}');
	end loop;
	return query select min(i.number), max(i.number) from (
		select n.number, n.number - row_number() over (order by n.number) as island
		from (select distinct unnest(numbers) as number) n) i
	group by i.island order by 1;
end
$$;
comment on function waybill.file_recorded(text, text, text, int8, int8) is 'Which records of a file are in the journal, whatever their verdicts, as ranges of their numbers: of count numbers from first on.';

create or replace function waybill.file_last(tenant text, feed text, file text)
returns int8
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
	d record;
	of_day int8;
	found_last int8;
begin
	for d in
		select s.source, y.day from waybill.source s
		join waybill.source_day y
			on y.source = s.source
		where s.kind = 'file' and s.tenant = $1 and s.feed = $2
			and s.topic = $3
	loop
		execute 'select max(r.offset_last) from waybill.source_range r
			where r.day = $1 and r.source = $2'
			into of_day using d.day, d.source;
		found_last := greatest(found_last, of_day);
	end loop;
	return found_last;
end
$$;
comment on function waybill.file_last(text, text, text) is 'The largest number of a file''s records in the journal; null: there is none.';

revoke execute on function
	waybill.file_recorded(text, text, text, int8, int8),
	waybill.file_last(text, text, text) from public;
grant execute on function
	waybill.file_recorded(text, text, text, int8, int8),
	waybill.file_last(text, text, text)
	to waybill_tenant, waybill_record;
