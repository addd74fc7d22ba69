-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- What a lane reads of its last day when it is taken: blocks whose messages
-- have dedup ids, and blocks whose messages have versions. Others cost nothing.
set local role waybill_owner;

alter table waybill.block add column versions int8[];
comment on column waybill.block.versions is 'Where the contract marks late messages: the version field of each; null element: it has none.';

create index block_dedup on waybill.block (lane, incarnation, first_seq)
	where dedup_ids is not null;
create index block_versions on waybill.block (lane, incarnation, first_seq)
	where versions is not null;
