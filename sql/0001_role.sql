-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- Roles, the schema, and what has been applied. Run by a superuser, or by a
-- role with CREATEROLE and CREATE on the database. Roles belong to the whole
-- Postgres, so another database may have made them already.
do $$
declare
	r record;
begin
	if current_setting('server_version_num')::int < 150000 then
		raise exception 'Waybill needs Postgres 15 or newer, this is %',
			current_setting('server_version');
	end if;
	for r in values
		('waybill_owner', 'Owns everything in schema waybill; nobody logs in as it.'),
		('waybill_record', 'Records: advances lanes, inserts into the journal.'),
		('waybill_forward', 'Forwards: reads blocks, inserts deliveries, keeps the state of routes.'),
		('waybill_daemon', 'What waybilld connects as: records and forwards.'),
		('waybill_tenant', 'What every tenant''s reading role may do; which rows it sees says tenant_grant.'),
		('waybill_read', 'Reads the catalogue, all states and the messages of all tenants.')
	loop
		continue when exists (select from pg_catalog.pg_roles
			where rolname = r.column1);
		begin
			execute format('create role %I nologin', r.column1);
			execute format('comment on role %I is %L', r.column1, r.column2);
		exception when duplicate_object then
			null; -- another database made it in the same moment
		end;
	end loop;
	if not pg_has_role(current_user, 'waybill_owner', 'usage') then
		execute format('grant waybill_owner to %I', current_user);
	end if;
	if not pg_has_role('waybill_daemon', 'waybill_record', 'usage')
		or not pg_has_role('waybill_daemon', 'waybill_forward', 'usage') then
		grant waybill_record, waybill_forward to waybill_daemon;
	end if;
	if not pg_has_role('waybill_read', 'waybill_tenant', 'usage') then
		grant waybill_tenant to waybill_read;
	end if;
	if not exists (select from pg_catalog.pg_namespace
		where nspname = 'waybill') then
		create schema waybill authorization waybill_owner;
	end if;
end
$$;

set local role waybill_owner;

comment on schema waybill is 'Waybill: the catalogue, the lanes and the journal of messages.';
grant usage on schema waybill to waybill_record, waybill_forward,
	waybill_tenant, waybill_read;

create table waybill.migration (
	name text primary key,
	digest bytea not null,
	applied_at timestamptz not null default now(),
	applied_by text not null default session_user
);
comment on table waybill.migration is 'Which files of sql/ have been applied; written by waybill migrate.';
comment on column waybill.migration.name is 'NNNN_noun of a migration, or "functions" for sql/functions and policies.sql together.';
comment on column waybill.migration.digest is 'SHA-256 of the file as it was applied; a migration''s never changes.';
comment on column waybill.migration.applied_at is 'When.';
comment on column waybill.migration.applied_by is 'Who.';
