# shellcheck shell=bash disable=SC2034,SC2154 # shares the variables of quickstart
# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
#
# What the quick start shows at its end: the counts, one message's history, one
# rejection, what a consumer got, the throughput; and what to try next.

adds_up=no

ask() { "${psql_admin[@]}" -At -F '|' -c "$1"; }

# All that was sent, recorded and received, in one session of Postgres; answers
# are lines "tally|...", "finding|..." and "spoiled|...".
compare() {
	local log=$logs/counts.log
	"${psql_admin[@]}" -At -F '|' >"$work/counts" 2>"$log" <<-END ||
		create temporary table sent (topic text, partition int4, "offset" int8, digest text, kind text);
		create temporary table received (topic text, partition int4, "offset" int8, digest text, id text, source text);
		create temporary table posted (number int4 generated always as identity, topic text, id text,
			digest text, kind text, verdict text, level text, status int4);
		\\copy sent from '$work/sent.tsv'
		\\copy received from '$work/received.tsv'
		\\copy posted (topic, id, digest, kind, verdict, level, status) from '$work/posted.tsv'
		\\i '$source_dir/scripts/quickstart/counts.sql'
		select 'tally', feed, sent, posted, recorded, forwarded, rejected, duplicate,
			case when sent + posted = forwarded + rejected + duplicate and sent + posted = recorded then 'yes' else 'NO' end
		from tally order by feed desc;
		select 'tally', 'all', sum(sent), sum(posted), sum(recorded), sum(forwarded), sum(rejected), sum(duplicate),
			case when sum(sent + posted) = sum(forwarded + rejected + duplicate) then 'yes' else 'NO' end
		from tally;
		select 'finding', what, count from finding where count <> 0;
		select 'spoiled', count(*) from (select kind from sent union all select kind from posted) k
			where kind not in ('good', 'tombstone', 'misrouted', 'repeat');
		select 'repeated', count(*) from posted where kind = 'repeat';
		select 'story', id from recorded where verdict = 'accepted' and tenant = 'us' and feed = 'sales'
			and source_offset > 1000 order by source_offset, id limit 1;
		select 'refusal', r.id from recorded r join sent s on s.topic = r.topic
			and s.partition = r.source_partition and s."offset" = r.source_offset
			join waybill.violation v on v.lane || '-' || v.incarnation || '-' || v.seq = r.id
			where s.kind = 'bad-index' order by v.rule <> 'avro.enum', v.ordinal, 2 limit 1;
		select 'kind', k.kind, string_agg(k.count || ' ' || k.rule, ', ' order by k.count desc, k.rule)
			from (select s.kind, v.rule, count(*) as count
				from (select s.kind, r.id from sent s
					join recorded r on r.topic = s.topic and r.source_partition = s.partition
						and r.source_offset = s."offset"
					union all
					select kind, id from posted where kind <> 'repeat') s
				join waybill.violation v on v.lane || '-' || v.incarnation || '-' || v.seq = s.id
					and v.ordinal = 0
				group by 1, 2) k
			group by k.kind order by k.kind;
	END
		fail "the counts could not be made" "$log"
}

answer() { grep "^$1|" "$work/counts" | cut -d'|' -f2-; }

show_counts() {
	local feed sent posted recorded forwarded rejected duplicate good what number
	heading "Do the counts add up?"
	cat <<-END

		                 sent to    sent by   recorded in   forwarded to   rejected to   recorded as   adds
		feed               Kafka       REST      Postgres   output topic  dead letters     duplicate     up
	END
	adds_up=yes
	while IFS='|' read -r feed sent posted recorded forwarded rejected duplicate good; do
		[ "$feed" != all ] || printf '%s\n' "$dim$(printf -- '-%.0s' $(seq 95))$plain"
		printf '%-14s %9s %10s %13s %14s %13s %13s %6s\n' "$feed" \
			"$(count "$sent")" "$(count "$posted")" \
			"$(count "$recorded")" "$(count "$forwarded")" \
			"$(count "$rejected")" "$(count "$duplicate")" "$good"
		[ "$good" = yes ] || adds_up=no
	done < <(answer tally)
	[ "$(answer tally | grep -c .)" -gt 1 ] || adds_up=no
	say
	if [ -z "$(answer finding)" ]; then
		say "The same was compared message by message, by topic, partition, offset and SHA-256,"
		say "from the producers' ledgers through the journal to what a consumer read: ${green}no message is"
		say "lost, doubled, changed or on another partition${plain}. The producers spoiled $(answer spoiled) messages on"
		say "purpose; exactly these were rejected. $(answer repeated) were sent by REST twice, with the same ids, as if the"
		say "answer had been lost: they are recorded as duplicates, and left once."
	else
		adds_up=no
		printf '%sMessage by message, something is wrong:%s\n' "$red" "$plain"
		while IFS='|' read -r what number; do
			say "  $number: $what"
		done < <(answer finding)
	fi
}

told_line() {
	local name=$1 when=$2 status number statuses=''
	while read -r status number; do
		statuses="$statuses, $number x $status"
	done < <(told "$name" status)
	printf '  %-42s %9s %10s   %s\n' "$when" "$(told "$name" requests)" \
		"$(count "$(told "$name" messages)")" "${statuses#, }"
}

show_told() {
	local down='while Kafka was down'
	can_break || down='then'
	heading "What the producers by REST were told"
	say "200: on Kafka; 202: recorded in Postgres, Kafka follows; 207: a spoiled one is among them, and"
	say "each message's receipt says which."
	say
	printf '  %-42s %9s %10s   %s\n' '' requests messages answers
	told_line up "first, without waiting for Kafka"
	told_line wait "asked to wait for Kafka (?wait=forwarded)"
	told_line down "$down"
	told_line after "afterwards, the last requests twice"
	say
	say "The receipt of ${receipt_id#*/}, $down:"
	fold -w 90 <<<"$receipt_before" | sed 's/^/  /'
	say "and at the end:"
	fold -w 90 <<<"$receipt_after" | sed 's/^/  /'
	if [ "$(told down recorded)" != "$(told down messages)" ] && can_break; then
		say "${red}Not all that was sent meanwhile was recorded.${plain}"
		adds_up=no
	fi
	case $receipt_after in
	*'"level":"forwarded"'*) ;;
	*)
		say "${red}It should be forwarded.${plain}"
		adds_up=no
		;;
	esac
	case $receipt_before in
	*'"level":"recorded"'*) ;;
	*)
		if can_break; then
			say "${red}It should have been recorded.${plain}"
			adds_up=no
		fi
		;;
	esac
}

tell_message() {
	"$work/waybill" history "$1" >"$logs/history.log" 2>&1 ||
		fail "waybill history failed" "$logs/history.log"
	sed 's/^/  /' "$logs/history.log"
}

show_history() {
	heading "The history of one message"
	say "Out of the journal, found by its id (waybill history $(answer story)):"
	say
	tell_message "$(answer story)"
}

show_rejection() {
	local kind rules
	heading "A rejection, with its reasons"
	say "Spoiled on purpose by the producer. It is in the journal too, and its bytes went to the"
	say "dead-letter topic unchanged, with these reasons in a header:"
	say
	tell_message "$(answer refusal)"
	say
	say "What the producer spoiled, and the rule that found it:"
	say
	answer kind | while IFS='|' read -r kind rules; do
		printf '  %-20s %s\n' "$kind" "$rules"
	done
}

show_consumer() {
	heading "What a consumer got"
	say "The first messages of two output topics. The body is byte for byte what the producer sent;"
	say "the headers waybill-... say which message of the journal it is and where it came from."
	say
	"$orange_juice" consume --brokers "$brokers" --topic us.sales \
		--topic ca.inventory --show 1 --deploy "$deploy" >"$logs/consume.log" 2>&1 ||
		fail "the output topics could not be read" "$logs/consume.log"
	fold -s -w 76 "$logs/consume.log" | sed '/^ /!{/messages/!s/^/                    /}'
}

show_throughput() {
	local messages=$1 ms=$2
	heading "How fast"
	say "$(count "$messages") messages in $(tenths "$ms") s before the outage, from the first one sent to the last one forwarded:"
	say "${bold}$(count $((messages * 1000 / ms))) messages a second${plain}, with producer, broker, Postgres (fsync on) and waybilld"
	say "sharing the $(nproc) CPUs of this machine. All of them were in Postgres within $recorder_s s."
}

# Own servers are not taken away again.
show_stays() {
	local what
	for what in "${stays[@]}"; do
		say
		say "What stays, $what."
	done
}

# 12345 ms as 12.3.
tenths() { printf '%d.%d' $(($1 / 1000)) $(($1 % 1000 / 100)); }

show_next() {
	local curl='' rest
	command -v curl >/dev/null || curl=' (apt-get install curl)'
	rest=$(ask "select count(*) from waybill.message where verdict = 'rejected'")
	heading "What to try next"
	cat <<-END
		Everything is still up. In another terminal:

		  $work/waybill status
		  $work/waybill tail --verdict rejected
		  $work/waybill history --delivery main us.sales/0/0
		  $work/waybill history --tenant us --feed sales --key '2\x1f1'
		  $work/waybill help

		  $work/psql -x -c "select * from waybill.violation limit 5"
		  $work/psql -c "select tenant, feed, verdict, count(*) from waybill.message group by 1, 2, 3"
		  $work/psql -x -c "select * from waybill.message_by_source('main', 'us.sales.in', 0, 0)"

		What an auditor of one country sees, whatever the query:

		  $work/psql -c "set role waybill_read_us" -c "select tenant, count(*) from waybill.message group by 1"

		  curl -s $http/readyz$curl
		  curl -s $http/metrics | grep ^waybill

		1,000 more messages; then ask waybill status again ($rest rejected so far):

		  $orange_juice produce --brokers $brokers --rda $rda --limit 1000 --seed $RANDOM
	END
	cat <<-END

		A second daemon; the lanes are shared out, and come back when it ends (Ctrl-C):

		  $build_dir/waybilld -c $work/waybilld.yaml

		The deployment is $deploy: change it and
		WAYBILL_BROKERS=$brokers $work/waybill apply -f $deploy
		The daemon's log: $logs/waybilld.log   Where to read on: README.md, docs/README.md
	END
	say
	say "${bold}Ctrl-C stops and removes all of it.${plain}"
}
