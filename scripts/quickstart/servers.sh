# shellcheck shell=bash disable=SC2034,SC2154 # shares the variables of quickstart
# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
#
# What the quick start starts: a Postgres of its own, a broker, the daemon; and
# how all of it ends. Each process is in a session of its own, so that Ctrl-C
# comes to the quick start alone, and ends with it, even if it is killed.

postgres_pid='' broker_pid='' daemon_pid='' kafka_dir=''
psql_admin=()
stays=()

launch() { exec setsid setpriv --pdeathsig TERM "$@"; }

# wait_until SECONDS PID COMMAND...: fails when the process ends, or too late.
wait_until() {
	local deadline=$((SECONDS + $1)) pid=$2
	shift 2
	until "$@"; do
		kill -0 "$pid" 2>/dev/null || return 1
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.1
	done
}

# -- Postgres --

# The newest server's programs.
postgres_programs() {
	local found
	found=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/initdb' \
		2>/dev/null | sort -t/ -k5 -n | tail -n 1)
	if [ -z "$found" ]; then
		found=$(command -v initdb) ||
			fail "no Postgres server is installed"
		found=$(readlink -f "$found")
	fi
	dirname "$found"
}

# Postgres refuses root: then it runs as the user that its package brings.
postgres_as=()
postgres_user() {
	[ "$(id -u)" -eq 0 ] || return 0
	id postgres >/dev/null 2>&1 ||
		fail "Postgres refuses to run as root, and there is no user postgres"
	postgres_as=(--reuid=postgres --regid=postgres --clear-groups)
	chown postgres: "$work/pg"
}

postgres_init() {
	head -c 18 /dev/urandom | base64 >"$work/pg/password"
	chmod 600 "$work/pg/password"
	[ ${#postgres_as[@]} -eq 0 ] || chown postgres: "$work/pg/password"
	env -C "$work/pg" setpriv "${postgres_as[@]}" "$pg_bin/initdb" -D data \
		-U postgres --auth-local=trust --auth-host=scram-sha-256 \
		--pwfile=password --encoding=UTF8 --locale=C.UTF-8 --no-sync \
		--no-instructions >"$logs/initdb.log" 2>&1 </dev/null ||
		fail "initdb failed" "$logs/initdb.log"
}

# Only its owner can reach the socket; the loopback port wants the password.
postgres_start() {
	local log=$logs/postgres.log try
	for try in 1 2 3 4 5; do
		pg_port=$((20000 + RANDOM % 12000))
		launch "${postgres_as[@]}" env -C "$work/pg" \
			"$pg_bin/postgres" -D data -p $pg_port \
			-c listen_addresses=127.0.0.1 \
			-c unix_socket_directories="$work/pg" \
			-c shared_buffers=128MB -c max_wal_size=1GB \
			-c timezone=UTC -c log_timezone=UTC -c lc_messages=C \
			-c log_min_messages=warning \
			>"$log" 2>&1 </dev/null &
		postgres_pid=$!
		wait_until 60 $postgres_pid "$pg_bin/pg_isready" -q \
			-h "$work/pg" -p $pg_port && return
		postgres_stop
		if [ $try -eq 5 ] || ! grep -q "could not bind" "$log"; then
			break
		fi
	done
	fail "Postgres does not start" "$log"
}

postgres_stop() {
	[ -n "$postgres_pid" ] || return 0
	kill -INT $postgres_pid 2>/dev/null || : # fast: does not wait for clients
	wait $postgres_pid 2>/dev/null || :
	postgres_pid=''
}

# The daemon is no superuser: it logs in as somebody who may do what daemons
# do, and nothing else.
postgres_own() {
	local where
	unset PGSERVICE PGSERVICEFILE PGOPTIONS PGUSER PGPASSWORD PGHOST \
		PGHOSTADDR PGPORT PGDATABASE PGSSLMODE PGPASSFILE
	pg_bin=$(postgres_programs)
	mkdir -m 700 "$work/pg"
	postgres_user
	postgres_init
	postgres_start
	where="host=$work/pg port=$pg_port"
	admin="$where user=postgres dbname=waybill"
	login="$where user=quickstart dbname=waybill"
	psql_admin=(psql -X -q -v ON_ERROR_STOP=1 "$admin")
	psql -X -q "$where user=postgres dbname=postgres" \
		-c 'create role quickstart login' \
		-c 'create database waybill' >"$logs/psql.log" 2>&1 ||
		fail "the database could not be made" "$logs/psql.log"
	tell "Postgres $("${psql_admin[@]}" -At -c 'show server_version' |
		cut -d' ' -f1) on port $pg_port"
}

postgres_given() {
	admin=$postgres login=$postgres
	psql_admin=(psql -X -q -v ON_ERROR_STOP=1 "$admin")
	"${psql_admin[@]}" -c 'select 1' >"$logs/psql.log" 2>&1 ||
		fail "Postgres cannot be reached with --postgres '$postgres'" \
			"$logs/psql.log"
	[ "$("${psql_admin[@]}" -At -c "select to_regnamespace('waybill')")" = "" ] ||
		fail "that database has a schema waybill already: name an empty database, or drop the schema"
	stays+=("in your Postgres the schema waybill and the roles waybill_*")
	tell "Postgres: yours"
}

# -- the broker --

embedded_start() {
	local log=$logs/broker.log
	launch "$build_dir/examples/broker/waybill-broker" \
		--topics-from "$deploy/topics" --address-file "$work/broker" \
		>"$log" 2>&1 </dev/null &
	broker_pid=$!
	wait_until 20 $broker_pid test -s "$work/broker" ||
		fail "the broker does not start" "$log"
	brokers=$(cat "$work/broker")
	tell "an embedded broker (it speaks Kafka's protocol) at $brokers"
}

kafka_start() {
	local log=$logs/kafka.log
	kafka_dir=$work/kafka
	in_background "getting Apache Kafka (54 MB, once)" "$log" \
		"$source_dir/scripts/kafka" fetch
	in_background "starting Apache Kafka" "$log" \
		"$source_dir/scripts/kafka" start "$kafka_dir"
	brokers=$(tail -n 1 "$log")
	tell "Apache Kafka at $brokers"
}

# Topics that somebody uses already would spoil the counts.
brokers_given() {
	local topic
	while IFS=: read -r topic _; do
		case $topic in '' | '#'*) continue ;; esac
		if "$orange_juice" consume --brokers "$brokers" --topic "$topic" \
			--timeout 5 --show 0 --json >"$logs/topic.log" 2>&1; then
			grep -q '"messages": 0,' "$logs/topic.log" ||
				fail "topic $topic on $brokers has messages already; the quick start counts everything, so it wants new topics: delete those that $deploy/topics lists"
		elif ! grep -q 'Unknown topic' "$logs/topic.log"; then
			fail "Kafka cannot be reached at $brokers" "$logs/topic.log"
		fi
	done <"$deploy/topics"
	stays+=("in your Kafka the topics that $deploy/topics lists")
	tell "Kafka: yours, at $brokers"
}

kafka_stop() {
	[ -n "$kafka_dir" ] || return 0
	kafka_mend 2>/dev/null || : # what is stopped cannot end
	"$source_dir/scripts/kafka" stop "$kafka_dir" >>"$logs/kafka.log" 2>&1 || :
	kafka_dir=''
}

# -- an outage --

# Yours is not ours to break.
can_break() { [ -n "$broker_pid$kafka_dir" ]; }

# The embedded broker closes all connections and takes none; the processes of a
# real Kafka are stopped where they are.
kafka_signal() {
	local pid
	if [ -n "$broker_pid" ]; then
		kill -USR1 "$broker_pid"
		return
	fi
	for pid in $(sed -n 's/.*"pids": *\[\([0-9, ]*\)\].*/\1/p' \
		"$kafka_dir/kafka.json" | tr , ' '); do
		kill "-$1" "$pid"
	done
}
kafka_break() { kafka_signal STOP; }
kafka_mend() { kafka_signal CONT; }

# -- the daemon --

daemon_start() {
	local log=$logs/waybilld.log
	cat >"$work/waybilld.yaml" <<-END
		daemon: quickstart
		postgres:
		  connection: "$(printf %s "$login" | sed 's/[\\"]/\\&/g')"
		listen: 127.0.0.1:0
		rest: {listen: "127.0.0.1:0"}
	END
	chmod 600 "$work/waybilld.yaml"
	: >"$log"
	launch "$build_dir/waybilld" -c "$work/waybilld.yaml" \
		>"$log" 2>&1 </dev/null &
	daemon_pid=$!
	wait_until 30 $daemon_pid grep -q 'producers reach it on port' "$log" ||
		fail "waybilld does not start" "$log"
	http=http://127.0.0.1:$(sed -n 's/.*listening on port \([0-9]*\).*/\1/p' "$log")
	rest=http://127.0.0.1:$(sed -n 's/.*producers reach it on port \([0-9]*\).*/\1/p' "$log")
}

process_stop() {
	[ -n "$1" ] || return 0
	kill "$1" 2>/dev/null || return 0
	for _ in $(seq 150); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.1
	done
	kill -9 "$1" 2>/dev/null || :
	wait "$1" 2>/dev/null || :
}

# In the order in which nobody misses anybody.
stop_all() {
	process_stop "$busy_pid"
	process_stop "$post_pid"
	process_stop "$daemon_pid"
	process_stop "$broker_pid"
	busy_pid='' daemon_pid='' broker_pid=''
	kafka_stop
	postgres_stop
}
