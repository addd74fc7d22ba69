-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- API keys are changed by these functions only. Who may: members of
-- waybill_keys, for the tenants whose rows they see. A tenant that is not
-- theirs answers as one that does not exist.

create or replace function waybill.auth_version() returns int8
language sql stable security definer set search_path = pg_catalog, pg_temp
return (select coalesce(max(change), 0) from waybill.access_change);
comment on function waybill.auth_version() is 'The number of the last change of principals and keys; 0: none.';
revoke execute on function waybill.auth_version() from public;
grant execute on function waybill.auth_version()
	to waybill_daemon, waybill_keys;

create or replace function waybill.access_notify() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
	perform pg_notify('waybill_access', new.change::text);
	return null;
end
$$;
comment on function waybill.access_notify() is 'Tells daemons (LISTEN waybill_access) the number of a change.';
revoke execute on function waybill.access_notify() from public;

create or replace trigger access_notify
	after insert on waybill.access_change
	for each row execute function waybill.access_notify();
comment on trigger access_notify on waybill.access_change is 'Tells daemons.';

-- Also takes the turn of who changes keys, so that numbers of changes are in
-- the order of commits: a daemon that knows one knows all below.
create or replace function waybill.key_begin(tenant text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
	if not exists (select from waybill.tenant t where t.tenant = $1)
		or not (pg_has_role(waybill.caller(), 'waybill_owner', 'usage')
			or $1 in (select waybill.tenant_of(waybill.caller())))
	then
		raise exception 'there is no tenant "%" whose keys role "%" may manage',
			$1, waybill.caller() using errcode = 'WB003';
	end if;
	perform pg_advisory_xact_lock(hashtext('waybill.key'), 0);
end
$$;
comment on function waybill.key_begin(text) is 'Raises WB003 where the caller may not manage a tenant''s keys; else it is its turn.';
revoke execute on function waybill.key_begin(text) from public;

create or replace function waybill.key_scopes(tenant text, scopes text[])
returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
	s text;
begin
	if coalesce(cardinality($2), 0) = 0 then
		raise exception 'a principal needs at least one scope'
			using errcode = 'WB002';
	end if;
	foreach s in array $2 loop
		if s in ('publish', 'read', 'status') then
			continue;
		end if;
		if s is null or s not like 'publish:%' then
			raise exception 'there is no scope "%": publish, publish:FEED, read or status', s
				using errcode = 'WB002';
		end if;
		if not exists (select from waybill.feed f
			where f.tenant = $1 and f.feed = substr(s, 9)
			and f.removed_at is null) then
			raise exception 'tenant "%" has no feed "%"', $1, substr(s, 9)
				using errcode = 'WB003';
		end if;
	end loop;
	if (select count(distinct x) from unnest($2) x where x like 'publish:%') > 16 then
		raise exception 'more than 16 feeds: give it the scope publish, or make a principal more'
			using errcode = 'WB002';
	end if;
	return array(select distinct x from unnest($2) x order by x);
end
$$;
comment on function waybill.key_scopes(text, text[]) is 'The scopes in order, each once; raises WB002 or WB003 where one is wrong.';
revoke execute on function waybill.key_scopes(text, text[]) from public;

create or replace function waybill.key_create(tenant text, name text,
	scopes text[], prefix text, hash bytea, lifetime_s int8)
returns waybill.api_key
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
	p waybill.principal;
	k waybill.api_key;
begin
	perform waybill.key_begin($1);
	if $2 !~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$' then
		raise exception '"%" is no name: 1 to 40 of a-z, 0-9 and -, with no - at its ends', $2
			using errcode = 'WB002';
	end if;
	if exists (select from waybill.principal o
		where o.tenant = $1 and o.name = $2) then
		raise exception 'there is a principal "%" of tenant "%" already: rotate makes its next key', $2, $1
			using errcode = 'WB002';
	end if;
	insert into waybill.principal (tenant, name, scopes)
	values ($1, $2, waybill.key_scopes($1, $3))
	returning * into p;
	insert into waybill.api_key (prefix, tenant, principal, hash, expires_at)
	values ($4, $1, p.principal, $5, now() + make_interval(secs => $6))
	returning * into k;
	insert into waybill.access_change (tenant, principal, what, prefix, scopes)
	values ($1, p.principal, 'create', $4, p.scopes);
	k.hash := null;
	return k;
end
$$;
comment on function waybill.key_create(text, text, text[], text, bytea, int8) is 'A new principal and its first key; lifetime_s null: it does not expire. Answers the key without its hash.';

create or replace function waybill.key_find(tenant text, name text)
returns waybill.principal
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
	p waybill.principal;
begin
	perform waybill.key_begin($1);
	select o.* into p from waybill.principal o
	where o.tenant = $1 and o.name = $2;
	if not found then
		raise exception 'tenant "%" has no principal "%"', $1, $2
			using errcode = 'WB003';
	end if;
	return p;
end
$$;
comment on function waybill.key_find(text, text) is 'A principal whose keys are about to change; raises WB003 where there is none.';
revoke execute on function waybill.key_find(text, text) from public;

create or replace function waybill.key_rotate(tenant text, name text,
	prefix text, hash bytea, lifetime_s int8, grace_s int8)
returns waybill.api_key
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
	p constant waybill.principal := waybill.key_find($1, $2);
	k waybill.api_key;
	lifetime constant int8 := case when $5 is not null then nullif($5, 0)
		else (select extract(epoch from o.expires_at - o.created_at)::int8
			from waybill.api_key o
			where o.tenant = $1 and o.principal = p.principal
			order by o.created_at desc limit 1) end;
	live text[];
begin
	live := array(select o.prefix from waybill.api_key o
		where o.tenant = $1 and o.principal = p.principal
		and o.revoked_at is null
		and (o.expires_at is null or o.expires_at > now())
		order by o.created_at);
	if cardinality(live) >= 2 then
		raise exception 'principal "%" has two live keys already (%): revoke one first', $2, array_to_string(live, ', ')
			using errcode = 'WB002';
	end if;
	if $6 is not null then
		update waybill.api_key o set expires_at = least(
			o.expires_at, now() + make_interval(secs => $6))
		where o.prefix = any (live);
	end if;
	insert into waybill.api_key (prefix, tenant, principal, hash, expires_at)
	values ($3, $1, p.principal, $4, now() + make_interval(secs => lifetime))
	returning * into k;
	insert into waybill.access_change (tenant, principal, what, prefix)
	values ($1, p.principal, 'rotate', $3);
	k.hash := null;
	return k;
end
$$;
comment on function waybill.key_rotate(text, text, text, bytea, int8, int8) is 'A key more for a principal; lifetime_s 0: it does not expire, null: it lives as long as the newest one; grace_s: how long the one before still opens; null: until it expires or is revoked. Answers the key without its hash.';

create or replace function waybill.key_set_scopes(tenant text, name text,
	scopes text[])
returns text[]
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
	p constant waybill.principal := waybill.key_find($1, $2);
	wanted constant text[] := waybill.key_scopes($1, $3);
begin
	if p.scopes = wanted then
		return wanted;
	end if;
	update waybill.principal o set scopes = wanted
	where o.principal = p.principal;
	insert into waybill.access_change (tenant, principal, what, scopes)
	values ($1, p.principal, 'scopes', wanted);
	return wanted;
end
$$;
comment on function waybill.key_set_scopes(text, text, text[]) is 'What a principal may do from now on, with all of its keys.';

create or replace function waybill.key_revoke(prefix text)
returns table (tenant text, name text, revoked_at timestamptz, live int4)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
	k waybill.api_key;
begin
	select o.* into k from waybill.api_key o where o.prefix = $1;
	if found and (pg_has_role(waybill.caller(), 'waybill_owner', 'usage')
		or k.tenant in (select waybill.tenant_of(waybill.caller()))) then
		perform waybill.key_begin(k.tenant);
	else
		raise exception 'there is no key "%"', $1 using errcode = 'WB003';
	end if;
	update waybill.api_key o set revoked_at = now(), revoked_by = session_user
	where o.prefix = $1 and o.revoked_at is null;
	if found then
		insert into waybill.access_change (tenant, principal, what, prefix)
		values (k.tenant, k.principal, 'revoke', $1);
	end if;
	return query
	select p.tenant, p.name, o.revoked_at,
		(select count(*)::int4 from waybill.api_key l
		where l.tenant = p.tenant and l.principal = p.principal
			and l.revoked_at is null
			and (l.expires_at is null or l.expires_at > now()))
	from waybill.api_key o
	join waybill.principal p
		on p.tenant = o.tenant and p.principal = o.principal
	where o.prefix = $1;
end
$$;
comment on function waybill.key_revoke(text) is 'A key opens nothing any more; once more changes nothing. Answers whose it was, when it was revoked, and how many keys of its principal are live.';

revoke execute on function
	waybill.key_create(text, text, text[], text, bytea, int8),
	waybill.key_rotate(text, text, text, bytea, int8, int8),
	waybill.key_set_scopes(text, text, text[]),
	waybill.key_revoke(text)
	from public;
grant execute on function
	waybill.key_create(text, text, text[], text, bytea, int8),
	waybill.key_rotate(text, text, text, bytea, int8, int8),
	waybill.key_set_scopes(text, text, text[]),
	waybill.key_revoke(text)
	to waybill_keys;
