-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0

create or replace function waybill.catalogue_version() returns int8
language sql stable security definer set search_path = pg_catalog, pg_temp
return (select coalesce(max(change), 0) from waybill.catalogue_change);
comment on function waybill.catalogue_version() is 'The version of the catalogue: the number of its last change; 0: none.';
revoke execute on function waybill.catalogue_version() from public;
grant execute on function waybill.catalogue_version()
	to waybill_record, waybill_forward, waybill_read;

create or replace function waybill.catalogue_notify() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
	perform pg_notify('waybill_catalogue', new.change::text);
	return null;
end
$$;
comment on function waybill.catalogue_notify() is 'Tells daemons (LISTEN waybill_catalogue) the number of a change.';
revoke execute on function waybill.catalogue_notify() from public;

create or replace trigger catalogue_notify
	after insert on waybill.catalogue_change
	for each row execute function waybill.catalogue_notify();
comment on trigger catalogue_notify on waybill.catalogue_change is 'Tells daemons.';

create or replace function waybill.feed_topic_keep() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
	insert into waybill.feed_topic (tenant, feed, kind, topic)
	values (new.tenant, new.feed, 0, new.output_topic),
		(new.tenant, new.feed, 1, new.dead_letter_topic)
	on conflict do nothing;
	return null;
end
$$;
comment on function waybill.feed_topic_keep() is 'Notes the topics of a feed that is written.';
revoke execute on function waybill.feed_topic_keep() from public;

create or replace trigger feed_topic_keep
	after insert or update on waybill.feed
	for each row execute function waybill.feed_topic_keep();
comment on trigger feed_topic_keep on waybill.feed is 'Keeps the topics that a feed has had.';

create or replace function waybill.tenant_role(tenant text) returns name
language sql immutable set search_path = pg_catalog, pg_temp
return ('waybill_read_' || replace($1, '-', '_'))::name;
comment on function waybill.tenant_role(text) is 'The name of the role that reads one tenant''s rows.';
revoke execute on function waybill.tenant_role(text) from public;
grant execute on function waybill.tenant_role(text)
	to waybill_record, waybill_forward, waybill_read, waybill_tenant;
