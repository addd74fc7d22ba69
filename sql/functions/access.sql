-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- Who asks, and what may it see.

create or replace function waybill.caller() returns name
language sql stable set search_path = pg_catalog, pg_temp
return coalesce(nullif(current_setting('role'), 'none'), session_user)::name;
comment on function waybill.caller() is 'The role that asks, also inside a definer function: that of SET ROLE, else the session''s.';

create or replace function waybill.tenant_of(role name) returns setof text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
	select distinct g.tenant
	from waybill.tenant_grant g
	join pg_catalog.pg_roles r on r.rolname = g.role
	where pg_has_role($1, r.oid, 'usage')
		and ($1 = waybill.caller() or pg_has_role(session_user, $1, 'member'))
$$;
comment on function waybill.tenant_of(name) is 'The tenants whose rows a role sees: its own grants and those of roles it is a member of. Answers only for roles the session may take.';
revoke execute on function waybill.caller(), waybill.tenant_of(name) from public;
grant execute on function waybill.caller(), waybill.tenant_of(name)
	to waybill_tenant, waybill_read, waybill_record, waybill_forward;
