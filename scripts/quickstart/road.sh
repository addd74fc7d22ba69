# shellcheck shell=bash disable=SC2034,SC2154 # shares the variables of quickstart
# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
#
# The road: some stores send by REST, all others to Kafka; in the middle Kafka
# goes away for some seconds.

rest_stores=2
weeks_kafka=(40-100 101-160)
outage_s=4
post_pid='' sent=0

now_ms() { date +%s%3N; }

# "recorded forwarded": how many messages, over all lanes.
road_position() {
	ask "select coalesce(sum(l.next_seq - 1), 0) || ' ' || coalesce(sum(r.seq), 0)
		from waybill.lane l left join waybill.route r
		on r.lane = l.lane and r.incarnation = l.incarnation"
}

count_sent() {
	local file
	sent=0
	for file in "$work"/sent-*.tsv "$work/posted.tsv"; do
		[ ! -f "$file" ] || sent=$((sent + $(wc -l <"$file")))
	done
}

# Until all is forwarded, or nothing moves for a minute.
watch_road() {
	local recorded=0 forwarded=0 before='' moved=$SECONDS
	count_sent
	while [ "$recorded" -lt "$sent" ] || [ "$forwarded" -lt "$sent" ]; do
		kill -0 "$daemon_pid" 2>/dev/null ||
			fail "waybilld ended" "$logs/waybilld.log"
		read -r recorded forwarded < <(road_position)
		progress $(((recorded + forwarded) * 50 / sent)) \
			"recorded $(count "$recorded"), forwarded $(count "$forwarded") of $(count "$sent")"
		if [ "$recorded $forwarded" != "$before" ]; then
			before="$recorded $forwarded" moved=$SECONDS
		elif [ $((SECONDS - moved)) -gt 60 ]; then
			"$work/waybill" status >>"$logs/waybilld.log" 2>&1 || :
			fail "nothing moves any more" "$logs/waybilld.log"
		fi
		sleep 0.1
	done
}

# A key for the stores of each country; it is shown once, and kept nowhere.
make_keys() {
	local tenant
	for tenant in us ca; do
		(umask 077 && "$work/waybill" key create --tenant $tenant \
			--name quickstart --scope publish --scope read \
			--expires 1d >"$work/$tenant.key" 2>>"$logs/keys.log") ||
			fail "an API key could not be made" "$logs/keys.log"
	done
}

# produce_start PART: to Kafka, in the background.
produce_start() {
	"$orange_juice" produce --brokers "$brokers" --rda "$rda" \
		--rest-stores $rest_stores --weeks "${weeks_kafka[$1]}" \
		--ledger "$work/sent-$1.tsv" >"$logs/produce.log" 2>&1 </dev/null &
	busy_pid=$!
}

# post_start NAME OPTION...: by REST, in the background; what the answers said
# is in the file told-NAME.
post_start() {
	local name=$1
	shift
	"$orange_juice" post --url "$rest" --key us="$work/us.key" \
		--key ca="$work/ca.key" --rda "$rda" --rest-stores $rest_stores \
		--ledger "$work/posted.tsv" "$@" \
		>"$work/told-$name" 2>"$logs/post.log" </dev/null &
	post_pid=$!
}

produce_wait() {
	wait "$busy_pid" || {
		busy_pid=''
		fail "the producer failed" "$logs/produce.log"
	}
	busy_pid=''
}

post_wait() {
	wait "$post_pid" || {
		post_pid=''
		fail "the producer by REST failed" "$logs/post.log"
	}
	post_pid=''
}

told() { sed -n "s/^$2 //p" "$work/told-$1"; }

# The receipt of a message, as the daemon tells it now.
receipt_now() {
	"$orange_juice" post --url "$rest" --key us="$work/us.key" \
		--key ca="$work/ca.key" --receipt "$1" 2>"$logs/receipt.log" ||
		fail "the receipt of $1 is not to be had" "$logs/receipt.log"
}

run_road() {
	local from
	daemon_start
	from=$(now_ms)
	post_start up --weeks "${weeks_kafka[0]}"
	produce_start 0
	while kill -0 $busy_pid 2>/dev/null || kill -0 $post_pid 2>/dev/null; do
		read -r recorded forwarded < <(road_position)
		progress 0 "sending; recorded $(count "$recorded"), forwarded $(count "$forwarded")"
		sleep 0.1
	done
	produce_wait
	post_wait
	watch_road
	road_ms=$(($(now_ms) - from))
	road_count=$sent
	recorder_s=$(ask "select round(extract(epoch from max(recorded_at) - min(recorded_at))::numeric, 1)
		from waybill.lane_commit")
	step_done "$(count "$sent") messages have arrived"
}

# Nothing is under way when the embedded broker goes down: it could not undo
# what is half done, as a real one does.
kafka_down() {
	down_from=$(now_ms)
	kafka_break
	tell "${bold}Kafka is down.${plain} The shops go on sending by REST:"
	post_start down --weeks 105-130
	produce_start 1
	post_wait
	tell "$(count "$(told down messages)") messages in $(told down requests) requests; of $(count "$(told down recorded)") it was answered that they are recorded"
	receipt_id=$(told down last)
	receipt_before=$(receipt_now "$receipt_id")
	tell "the receipt of one now:  $(short_receipt "$receipt_before")"
	while [ $(($(now_ms) - down_from)) -lt $((outage_s * 1000)) ]; do
		progress 0 "Kafka is down; its own producer waits"
		sleep 0.1
	done
	progress_clear
	kafka_mend
	down_ms=$(($(now_ms) - down_from))
	tell "${bold}Kafka is back${plain} after $(tenths $down_ms) s."
}

# {"id":"0-1-7",...,"level":"recorded",...} as: 0-1-7, accepted, recorded
short_receipt() {
	local id=${1#*'"id":"'} verdict=${1#*'"verdict":"'} level=${1#*'"level":"'}
	printf '%s, %s, level: %s' "${id%%'"'*}" "${verdict%%'"'*}" "${level%%'"'*}"
}

run_outage() {
	post_start wait --weeks 101-104 --batch 20 --wait
	post_wait
	watch_road
	if can_break; then
		kafka_down
	else
		tell "Kafka is yours: no outage is made"
		post_start down --weeks 105-130
		produce_start 1
		post_wait
		receipt_id=$(told down last)
		receipt_before=$(receipt_now "$receipt_id")
	fi
	post_start after --weeks 131-160 --repeat
	post_wait
	produce_wait
	watch_road
	receipt_after=$(receipt_now "$receipt_id")
	tell "the same receipt now:  $(short_receipt "$receipt_after")"
	cat "$work"/sent-*.tsv >"$work/sent.tsv"
	step_done "$(count "$sent") messages have arrived"
}
