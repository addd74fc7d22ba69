-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- What anybody but the owner may do and should not: change the journal, do
-- anything as PUBLIC, create in the schema; and definer functions whose
-- search_path others could choose.
select c.oid::regclass::text as what,
	a.grantee::regrole::text || ' has ' || a.privilege_type as fault
from pg_catalog.pg_class c
cross join lateral aclexplode(c.relacl) a
where c.relnamespace = 'waybill'::regnamespace
	and a.grantee <> 'waybill_owner'::regrole
	and a.privilege_type not in ('SELECT', 'INSERT')
	and c.relname not in ('route', 'parked', 'source_gap')
union all
select 'waybill.api_key', a.grantee::regrole::text || ' may read hashes of keys'
from pg_catalog.pg_class c
cross join lateral (
	select grantee from aclexplode(c.relacl)
	where privilege_type = 'SELECT'
	union all
	select x.grantee from pg_catalog.pg_attribute t
	cross join lateral aclexplode(t.attacl) x
	where t.attrelid = c.oid and t.attname = 'hash') a
where c.oid = 'waybill.api_key'::regclass and a.grantee
	not in ('waybill_owner'::regrole, 'waybill_daemon'::regrole)
union all
select 'waybill.daemon_secret', a.grantee::regrole::text
	|| ' may read what daemons show each other'
from pg_catalog.pg_class c
cross join lateral (
	select grantee from aclexplode(c.relacl)
	union all
	select x.grantee from pg_catalog.pg_attribute t
	cross join lateral aclexplode(t.attacl) x
	where t.attrelid = c.oid) a
where c.oid = to_regclass('waybill.daemon_secret') and a.grantee
	not in ('waybill_owner'::regrole, 'waybill_daemon'::regrole)
union all
select c.oid::regclass::text, 'PUBLIC has ' || a.privilege_type
from pg_catalog.pg_class c
cross join lateral aclexplode(c.relacl) a
where c.relnamespace = 'waybill'::regnamespace and a.grantee = 0
union all
select c.oid::regclass::text, 'a partition has grants of its own'
from pg_catalog.pg_class c
cross join lateral aclexplode(c.relacl) a
where c.relnamespace = 'waybill'::regnamespace and c.relispartition
	and a.grantee <> c.relowner
union all
select p.oid::regprocedure::text, 'PUBLIC may execute it'
from pg_catalog.pg_proc p
where p.pronamespace = 'waybill'::regnamespace
	and (p.proacl is null or exists (select from aclexplode(p.proacl) a
		where a.grantee = 0))
union all
select p.oid::regprocedure::text, 'is a definer function without a fixed search_path'
from pg_catalog.pg_proc p
where p.pronamespace = 'waybill'::regnamespace and p.prosecdef
	and not exists (select from unnest(p.proconfig) s
		where s = 'search_path=pg_catalog, pg_temp')
union all
select c.oid::regclass::text, 'is not owned by waybill_owner'
from pg_catalog.pg_class c
where c.relnamespace = 'waybill'::regnamespace
	and c.relowner <> 'waybill_owner'::regrole
union all
select p.oid::regprocedure::text, 'is not owned by waybill_owner'
from pg_catalog.pg_proc p
where p.pronamespace = 'waybill'::regnamespace
	and p.proowner <> 'waybill_owner'::regrole
union all
select n.nspname, a.grantee::regrole::text || ' may create in the schema'
from pg_catalog.pg_namespace n
cross join lateral aclexplode(n.nspacl) a
where n.nspname = 'waybill' and a.privilege_type = 'CREATE'
	and a.grantee <> 'waybill_owner'::regrole;
