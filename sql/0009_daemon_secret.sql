-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- What daemons show each other when one passes messages on to another.
set local role waybill_owner;

create table waybill.daemon_secret (
	is_only bool primary key default true check (is_only),
	secret bytea not null check (octet_length(secret) = 32),
	created_at timestamptz not null default now()
);
comment on table waybill.daemon_secret is 'One row: what daemons show each other. Only daemons read it.';
comment on column waybill.daemon_secret.is_only is 'True: there is one row.';
comment on column waybill.daemon_secret.secret is 'Random; made here, and nowhere else.';
comment on column waybill.daemon_secret.created_at is 'When.';

-- Two random UUIDs have 244 bits of the server's strong generator.
insert into waybill.daemon_secret (secret)
values (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));
