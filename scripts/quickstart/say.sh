# shellcheck shell=bash disable=SC2034,SC2154 # shares the variables of quickstart
# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
#
# How the quick start speaks: headings, progress that rewrites its line on a
# terminal and is sparing elsewhere, and failures with the end of their log.

bold='' dim='' green='' red='' plain=''
is_terminal=no
progress_shown=no
progress_quarter=-1
ticker_pid=''

say_setup() {
	[ ! -t 1 ] || is_terminal=yes
	if [ $is_terminal = yes ] && [ -z "${NO_COLOR:-}" ] &&
		[ "${TERM:-dumb}" != dumb ]; then
		bold=$'\033[1m' dim=$'\033[2m' green=$'\033[32m'
		red=$'\033[31m' plain=$'\033[0m'
	fi
}

say() { printf '%s\n' "$*"; }

heading() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

# 1234567 as 1,234,567.
count() {
	local n=$1 out=''
	while [ ${#n} -gt 3 ]; do
		out=,${n: -3}$out
		n=${n:0:${#n}-3}
	done
	printf '%s' "$n$out"
}

progress_clear() {
	[ $progress_shown = no ] || printf '\r\033[K'
	progress_shown=no
	progress_quarter=-1
}

# progress PERCENT TEXT: how far the step is. Where nobody watches a terminal,
# a line at every quarter.
progress() {
	if [ $is_terminal = yes ]; then
		printf '\r\033[K      %3d %%  %.66s' "$1" "$2"
		progress_shown=yes
	elif [ $(($1 / 25)) -gt $progress_quarter ]; then
		progress_quarter=$(($1 / 25))
		printf '      %3d %%  %s\n' "$1" "$2"
	fi
}

# A step that cannot say how far it is counts its seconds.
ticker_start() {
	[ $is_terminal = yes ] || return 0
	(
		from=$SECONDS
		while sleep 1; do
			printf '\r\033[K      %d s  %.66s' $((SECONDS - from)) "$1"
		done
	) &
	ticker_pid=$!
}

ticker_stop() {
	[ -n "$ticker_pid" ] || return 0
	kill "$ticker_pid" 2>/dev/null || :
	wait "$ticker_pid" 2>/dev/null || :
	ticker_pid=''
	printf '\r\033[K'
}

step_number=0
step() {
	step_number=$((step_number + 1))
	step_from=$SECONDS
	printf '\n%s[%d/%d] %s%s\n' "$bold" $step_number "$step_count" "$1" "$plain"
}

# The end of a step: what there is now, and how long it took.
step_done() {
	progress_clear
	printf '      %s%s%s %s(%d s)%s\n' "$green" "$1" "$plain" "$dim" \
		$((SECONDS - step_from)) "$plain"
}

tell() { printf '      %s\n' "$*"; }

# fail TEXT [LOG]: says why, shows the end of the log, and ends.
fail() {
	ticker_stop
	progress_clear
	if [ -n "${2:-}" ] && [ -s "$2" ]; then
		printf '\n%s--- the end of %s%s\n' "$dim" "$2" "$plain" >&2
		tail -n 30 "$2" >&2
		printf '%s---%s\n' "$dim" "$plain" >&2
	fi
	printf '\n%squickstart: %s%s\n' "$red" "$1" "$plain" >&2
	exit 1
}
