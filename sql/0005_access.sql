-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- Who may ask by HTTP, and how much: principals, their keys, tenants' quotas.
do $$
begin
	if not exists (select from pg_catalog.pg_roles
		where rolname = 'waybill_keys') then
		begin
			create role waybill_keys nologin;
			comment on role waybill_keys is 'Manages API keys, of the tenants whose rows it sees.';
		exception when duplicate_object then
			null; -- another database made it in the same moment
		end;
	end if;
end
$$;

set local role waybill_owner;

grant usage on schema waybill to waybill_keys;

create table waybill.principal (
	principal int4 primary key generated always as identity,
	tenant text not null references waybill.tenant,
	name text not null
		check (name ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$'),
	scopes text[] not null,
	created_at timestamptz not null default now(),
	created_by text not null default session_user,
	unique (tenant, name),
	unique (tenant, principal),
	check (cardinality(scopes) between 1 and 19
		and array_position(scopes, null) is null)
);
comment on table waybill.principal is 'Who may ask by HTTP: a program of a tenant. Rows stay, since recorded messages name them.';
comment on column waybill.principal.principal is 'Its id, which recorded messages name.';
comment on column waybill.principal.tenant is 'Whose; a key opens nothing of another tenant.';
comment on column waybill.principal.name is 'Its name within the tenant.';
comment on column waybill.principal.scopes is 'What it may do: publish, publish:FEED, read, status.';
comment on column waybill.principal.created_at is 'When.';
comment on column waybill.principal.created_by is 'Who.';

create table waybill.api_key (
	prefix text primary key check (prefix ~ '^[0-9a-z]{12}$'),
	tenant text not null,
	principal int4 not null,
	hash bytea not null check (octet_length(hash) = 32),
	created_at timestamptz not null default now(),
	created_by text not null default session_user,
	expires_at timestamptz,
	revoked_at timestamptz,
	revoked_by text,
	foreign key (tenant, principal)
		references waybill.principal (tenant, principal),
	check ((revoked_at is null) = (revoked_by is null))
);
create index api_key_principal on waybill.api_key (tenant, principal);
comment on table waybill.api_key is 'Keys of principals, at most two of each live at a time. The secret is nowhere.';
comment on column waybill.api_key.prefix is 'Names the key; the part behind wb_, no secret.';
comment on column waybill.api_key.tenant is 'Whose.';
comment on column waybill.api_key.principal is 'Whom it stands for.';
comment on column waybill.api_key.hash is 'SHA-256 of the secret: 32 random bytes, so a fast hash is enough. Only daemons read it.';
comment on column waybill.api_key.created_at is 'When.';
comment on column waybill.api_key.created_by is 'Who.';
comment on column waybill.api_key.expires_at is 'From when on it opens nothing; null: never.';
comment on column waybill.api_key.revoked_at is 'From when on it opens nothing, for ever; null: it was not revoked.';
comment on column waybill.api_key.revoked_by is 'Who revoked it.';

create table waybill.access_change (
	change int8 primary key generated always as identity,
	at timestamptz not null default now(),
	who text not null default session_user,
	tenant text not null,
	principal int4 not null,
	what text not null check (what in ('create', 'rotate', 'scopes', 'revoke')),
	prefix text,
	scopes text[],
	foreign key (tenant, principal)
		references waybill.principal (tenant, principal)
);
comment on table waybill.access_change is 'Each change of principals and keys, for audits; daemons load their keys again when there is a new one.';
comment on column waybill.access_change.change is 'Its number; in the order of commits.';
comment on column waybill.access_change.at is 'When.';
comment on column waybill.access_change.who is 'The user of Postgres who did it.';
comment on column waybill.access_change.tenant is 'Whose.';
comment on column waybill.access_change.principal is 'Which principal.';
comment on column waybill.access_change.what is 'create: a principal and its first key; rotate: a key more; scopes; revoke: a key.';
comment on column waybill.access_change.prefix is 'Which key; null: it is not about a key.';
comment on column waybill.access_change.scopes is 'The scopes from then on; null: they stayed.';

alter table waybill.tenant
	add column quota_messages_per_second int8
		check (quota_messages_per_second > 0),
	add column quota_bytes_per_second int8
		check (quota_bytes_per_second > 0),
	add column quota_burst_seconds int4 not null default 10
		check (quota_burst_seconds between 1 and 60);
comment on column waybill.tenant.quota_messages_per_second is 'How many messages a second each daemon takes of it by HTTP; null: any number.';
comment on column waybill.tenant.quota_bytes_per_second is 'The same of bytes of bodies.';
comment on column waybill.tenant.quota_burst_seconds is 'What was not used is kept for so many seconds: the most that is let through at once.';
