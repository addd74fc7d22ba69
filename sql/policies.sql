-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- Row-level security, enabled and forced on every table; privileges.
-- Readers are told apart by their role, never by a setting that they could
-- change. The journal is append-only because nobody has UPDATE or DELETE.
set local role waybill_owner;

do $$
declare
	t record;
	p record;
	tenants constant text := 'tenant = any (array(select waybill.tenant_of(current_user)))';
begin
	for t in
		select c.oid::regclass as tab, c.relispartition as is_partition,
			exists (select from pg_catalog.pg_attribute a
				where a.attrelid = c.oid and a.attname = 'tenant'
				and not a.attisdropped) as has_tenant
		from pg_catalog.pg_class c
		where c.relnamespace = 'waybill'::regnamespace
			and c.relkind in ('r', 'p')
	loop
		execute format('alter table %s enable row level security, force row level security', t.tab);
		for p in select polname from pg_catalog.pg_policy where polrelid = t.tab loop
			execute format('drop policy %I on %s', p.polname, t.tab);
		end loop;
		-- Definer functions and waybill apply.
		execute format('create policy owner on %s to waybill_owner using (true) with check (true)', t.tab);
		-- Daemons serve every tenant; what they may do, privileges say.
		execute format('create policy service on %s to waybill_record, waybill_forward using (true) with check (true)', t.tab);
		if t.has_tenant then
			execute format('create policy tenant on %s for select using (%s)', t.tab, tenants);
		else
			execute format('create policy state on %s for select to waybill_read using (true)', t.tab);
		end if;
	end loop;
end
$$;

revoke all on all tables in schema waybill from public, waybill_record,
	waybill_forward, waybill_daemon, waybill_tenant, waybill_read,
	waybill_keys;

-- Everyone who serves reads the catalogue and the states.
grant select on waybill.migration, waybill.deployment, waybill.cluster,
	waybill.tenant, waybill.tenant_grant, waybill.contract, waybill.feed,
	waybill.feed_output, waybill.feed_topic, waybill.catalogue_change, waybill.daemon, waybill.lane,
	waybill.lane_day, waybill.route, waybill.barrier, waybill.parked,
	waybill.source, waybill.source_gap, waybill.lane_commit
	to waybill_record, waybill_forward, waybill_read;

-- The journal: read and add.
grant select on waybill.block, waybill.delivery, waybill.source_range,
	waybill.delivery_range, waybill.source_day, waybill.delivery_day,
	waybill.violation, waybill.verdict_reference, waybill.message
	to waybill_record, waybill_forward, waybill_tenant;
grant insert on waybill.lane_commit, waybill.block, waybill.source_range,
	waybill.source_day, waybill.violation, waybill.verdict_reference
	to waybill_record;
grant insert on waybill.delivery, waybill.delivery_range, waybill.delivery_day
	to waybill_forward;

-- States.
grant insert, update, delete on waybill.source_gap to waybill_record;
grant update (state, reason, since, system_id, timeline) on waybill.lane
	to waybill_record;
grant insert, update on waybill.route to waybill_record, waybill_forward;
grant insert, update, delete on waybill.parked to waybill_forward;

-- A tenant's own part of the catalogue.
grant select on waybill.tenant, waybill.contract, waybill.feed,
	waybill.feed_output, waybill.feed_topic, waybill.parked, waybill.source,
	waybill.message
	to waybill_tenant;

-- API keys: hashes are for who checks them. Keys are changed by functions. A
-- tenant's reader sees the principals that messages name.
grant select on waybill.principal, waybill.api_key to waybill_daemon;
-- The same of what daemons show each other.
grant select on waybill.daemon_secret to waybill_daemon;
grant select on waybill.principal to waybill_tenant, waybill_keys;
grant select on waybill.access_change to waybill_read, waybill_keys;
grant select (prefix, tenant, principal, created_at, created_by, expires_at,
	revoked_at, revoked_by)
	on waybill.api_key to waybill_read, waybill_keys;
