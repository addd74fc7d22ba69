-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- The journal's partitions.

create or replace function waybill.table_protect(target regclass, pattern regclass)
returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
	p record;
begin
	execute format('alter table %s enable row level security, force row level security', target);
	for p in
		select o.polname as name,
			case o.polcmd when 'r' then 'select' else 'all' end as command,
			coalesce((select string_agg(quote_ident(r.rolname), ', ')
				from pg_catalog.pg_roles r where r.oid = any (o.polroles)),
				'public') as roles,
			pg_get_expr(o.polqual, o.polrelid) as visible,
			pg_get_expr(o.polwithcheck, o.polrelid) as writable
		from pg_catalog.pg_policy o where o.polrelid = pattern
	loop
		execute format('create policy %I on %s for %s to %s using (%s)', p.name,
			target, p.command, p.roles, p.visible)
			|| coalesce(' with check (' || p.writable || ')', '');
	end loop;
end
$$;
comment on function waybill.table_protect(regclass, regclass) is 'Forced row-level security for a new partition, with the policies of its parent.';
revoke execute on function waybill.table_protect(regclass, regclass) from public;

create or replace function waybill.journal_create_days(ahead int4) returns int4
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
	parent regclass;
	d date;
	part text;
	made int4 := 0;
begin
	if ahead not between 0 and 366 then
		raise exception 'ahead must be 0 to 366 days';
	end if;
	-- One at a time; the parents stay readable and writable: LIKE and ATTACH
	-- take no lock on them that stands against INSERT or SELECT.
	perform pg_advisory_xact_lock(hashtext('waybill.journal_create_days'));
	for d in select waybill.today() + g from generate_series(-1, ahead) g loop
		foreach parent in array array['waybill.lane_commit', 'waybill.block',
			'waybill.delivery', 'waybill.source_range',
			'waybill.delivery_range', 'waybill.violation',
			'waybill.verdict_reference']::regclass[]
		loop
			part := replace(parent::text, 'waybill.', '') || '_' || to_char(d, 'YYYYMMDD');
			continue when to_regclass(format('waybill.%I', part)) is not null;
			execute format('create table waybill.%I (like %s including all)',
				part, parent);
			execute format('comment on table waybill.%I is %L', part,
				'A day of ' || replace(parent::text, 'waybill.', '') || '.');
			perform waybill.table_protect(format('waybill.%I', part)::regclass, parent);
			execute format('alter table %s attach partition waybill.%I
				for values from (%L) to (%L)', parent, part, d, d + 1);
			made := made + 1;
		end loop;
	end loop;
	return made;
end
$$;
comment on function waybill.journal_create_days(int4) is 'Makes the journal''s partitions from yesterday to today + ahead; returns how many were made.';
revoke execute on function waybill.journal_create_days(int4) from public;
grant execute on function waybill.journal_create_days(int4) to waybill_record;
