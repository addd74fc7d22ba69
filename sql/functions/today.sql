-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0

create or replace function waybill.today() returns date
language sql stable set search_path = pg_catalog, pg_temp
return (now() at time zone 'utc')::date;
comment on function waybill.today() is 'The day (UTC) by Postgres'' clock. Tests replace it to play midnight.';
revoke execute on function waybill.today() from public;
grant execute on function waybill.today()
	to waybill_record, waybill_forward, waybill_read, waybill_tenant;
