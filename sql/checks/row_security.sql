-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- Tables and partitions without enabled and forced row-level security, or
-- without a policy; policies that look at a setting; views that do not run
-- with the rights of who asks.
select c.oid::regclass::text as what, 'row-level security is not enabled and forced' as fault
from pg_catalog.pg_class c
where c.relnamespace = 'waybill'::regnamespace and c.relkind in ('r', 'p', 'm', 'f')
	and not (c.relrowsecurity and c.relforcerowsecurity)
union all
select c.oid::regclass::text, 'has no policy'
from pg_catalog.pg_class c
where c.relnamespace = 'waybill'::regnamespace and c.relkind in ('r', 'p')
	and not exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid)
union all
select p.polrelid::regclass::text, 'policy ' || p.polname || ' is not decided by the role'
from pg_catalog.pg_policy p
where pg_get_expr(p.polqual, p.polrelid) not in ('true',
	'(tenant = ANY (ARRAY( SELECT waybill.tenant_of(CURRENT_USER) AS tenant_of)))')
union all
select p.polrelid::regclass::text, 'policy ' || p.polname || ' is for everyone'
from pg_catalog.pg_policy p
where 0 = any (p.polroles) and pg_get_expr(p.polqual, p.polrelid) = 'true'
union all
select c.oid::regclass::text, 'is a view without security_invoker'
from pg_catalog.pg_class c
where c.relnamespace = 'waybill'::regnamespace and c.relkind = 'v'
	and not coalesce(c.reloptions @> array['security_invoker=true'], false)
union all
select c.oid::regclass::text, 'is a materialized view: it has no row-level security'
from pg_catalog.pg_class c
where c.relnamespace = 'waybill'::regnamespace and c.relkind = 'm';
