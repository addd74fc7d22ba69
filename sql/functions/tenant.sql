-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0

create or replace function waybill.tenant_role_create(tenant text) returns name
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
	role constant name := waybill.tenant_role($1);
	reader text;
begin
	-- Roles belong to the whole Postgres: another database may have it.
	if not exists (select from pg_catalog.pg_roles r where r.rolname = role) then
		execute format('create role %I nologin', role);
	end if;
	if not exists (select from pg_catalog.pg_auth_members m
		where m.roleid = 'waybill_tenant'::regrole and m.member = role::text::regrole) then
		execute format('grant waybill_tenant to %I', role);
	end if;
	-- A daemon takes it for the time of a read by HTTP.
	foreach reader in array array['waybill_read', 'waybill_daemon'] loop
		if not exists (select from pg_catalog.pg_auth_members m
			where m.roleid = role::text::regrole and m.member = reader::regrole) then
			execute format('grant %I to %I', role, reader);
		end if;
	end loop;
	insert into waybill.tenant_grant (role, tenant) values (role, $1)
	on conflict do nothing;
	return role;
end
$$;
comment on function waybill.tenant_role_create(text) is 'Makes the role that reads a tenant''s rows, with the rights of who applies; waybill_read and waybill_daemon are members of it.';
revoke execute on function waybill.tenant_role_create(text) from public;
