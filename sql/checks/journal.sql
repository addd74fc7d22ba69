-- Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
-- The journal against itself: seq without a gap in commits and in blocks,
-- commits that are numbered without a gap, lanes that stand behind their last
-- commit, days that never go back. It reads the whole journal, not its bodies.
select 'lane ' || c.lane || ' incarnation ' || c.incarnation || ' commit ' || c.commit_no as what,
	'begins at seq ' || c.first_seq || ', the one before ends at ' || c.before as fault
from (select lane, incarnation, commit_no, first_seq, coalesce(lag(last_seq) over (
		partition by lane, incarnation order by commit_no), 0) as before
	from waybill.lane_commit) c
where c.first_seq <> c.before + 1
union all
select 'lane ' || c.lane || ' commit ' || c.commit_no, 'follows commit ' || c.before
from (select lane, commit_no, lag(commit_no) over (
		partition by lane order by commit_no) as before
	from waybill.lane_commit) c
where c.commit_no <> c.before + 1
union all
select 'lane ' || b.lane || ' incarnation ' || b.incarnation || ' block ' || b.first_seq,
	'the one before ends at ' || b.before
from (select lane, incarnation, first_seq, coalesce(lag(first_seq + count - 1) over (
		partition by lane, incarnation order by first_seq), 0) as before
	from waybill.block) b
where b.first_seq <> b.before + 1
union all
select 'lane ' || l.lane, 'stands at seq ' || l.next_seq || ', its last commit ends at ' || c.last_seq
from waybill.lane l
cross join lateral (select coalesce(max(last_seq), 0) as last_seq
	from waybill.lane_commit c
	where c.lane = l.lane and c.incarnation = l.incarnation) c
where l.next_seq <> c.last_seq + 1
union all
select 'lane ' || c.lane || ' commit ' || c.commit_no, 'is on a day before the commit before it'
from (select lane, commit_no, day, lag(day) over (
		partition by lane order by commit_no) as before
	from waybill.lane_commit) c
where c.day < c.before;
