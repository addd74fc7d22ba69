-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- Whatever has no COMMENT ON.
select c.oid::regclass::text as what, 'has no comment' as fault
from pg_catalog.pg_class c
where c.relnamespace = 'waybill'::regnamespace and c.relkind in ('r', 'p', 'v')
	and obj_description(c.oid, 'pg_class') is null
union all
select c.oid::regclass || '.' || a.attname, 'has no comment'
from pg_catalog.pg_class c
join pg_catalog.pg_attribute a on a.attrelid = c.oid
where c.relnamespace = 'waybill'::regnamespace and c.relkind in ('r', 'p')
	and not c.relispartition and a.attnum > 0 and not a.attisdropped
	and col_description(c.oid, a.attnum) is null
union all
select p.oid::regprocedure::text, 'has no comment'
from pg_catalog.pg_proc p
where p.pronamespace = 'waybill'::regnamespace
	and obj_description(p.oid, 'pg_proc') is null
union all
select t.tgrelid::regclass || '.' || t.tgname, 'has no comment'
from pg_catalog.pg_trigger t
join pg_catalog.pg_class c on c.oid = t.tgrelid
where c.relnamespace = 'waybill'::regnamespace and not t.tgisinternal
	and obj_description(t.oid, 'pg_trigger') is null
union all
select 'schema waybill', 'has no comment'
where obj_description('waybill'::regnamespace, 'pg_namespace') is null;
