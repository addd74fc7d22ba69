-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- Messages that refer to others: those that repeat one, contradict one, or
-- came too late.
set local role waybill_owner;

create table waybill.verdict_reference (
	day date not null,
	tenant text not null,
	lane int4 not null,
	incarnation int4 not null,
	seq int8 not null,
	of_lane int4 not null,
	of_incarnation int4 not null,
	of_seq int8 not null,
	kind text not null check (kind in ('duplicate', 'conflict', 'late')),
	primary key (day, lane, incarnation, seq)
) partition by range (day);
create index verdict_reference_of on waybill.verdict_reference
	(of_lane, of_incarnation, of_seq);
comment on table waybill.verdict_reference is 'To which other message one refers, and why.';
comment on column waybill.verdict_reference.day is 'The day of the block.';
comment on column waybill.verdict_reference.tenant is 'Whose.';
comment on column waybill.verdict_reference.lane is 'The message''s lane.';
comment on column waybill.verdict_reference.incarnation is 'Its incarnation.';
comment on column waybill.verdict_reference.seq is 'Its seq.';
comment on column waybill.verdict_reference.of_lane is 'The lane of the message it refers to.';
comment on column waybill.verdict_reference.of_incarnation is 'Its incarnation.';
comment on column waybill.verdict_reference.of_seq is 'Its seq.';
comment on column waybill.verdict_reference.kind is 'duplicate: it repeats that one and was not delivered; conflict: it has that one''s id and other content, and is a dead letter; late: that one is newer, says the version field.';

comment on column waybill.block.dedup_ids is 'What the producer says identifies the message, behind 8 bytes of a hash of its content; null element: nothing.';
comment on column waybill.block.principals is 'Who sent it, by HTTP; 0: nobody is known.';
comment on column waybill.block.source_offsets is 'Offsets within the source; of a file the number of the record, from 0; of REST 0.';
comment on column waybill.source.topic is 'kafka: the topic; file: its SHA-256 in hexadecimal.';

-- Their parts of the journal are found by what is there already.
create index source_own on waybill.source (kind, tenant, feed)
	where kind <> 'kafka';
