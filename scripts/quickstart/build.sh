# shellcheck shell=bash disable=SC2034,SC2154 # shares the variables of quickstart
# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
#
# What the quick start needs before anything can run: packages, the programs,
# and the data.

programs=(waybilld waybill examples/broker/waybill-broker
	examples/orange-juice/orange-juice)
rda_path=usr/lib/R/site-library/bayesm/data/orangeJuice.rda
busy_pid=''

install_packages() {
	local log=$logs/packages.log
	if [ -z "$missing" ]; then
		step_done "all of them are there"
		return
	fi
	printf '%s\n' "$missing" | fold -s -w 70 | sed 's/^/      /'
	ticker_start "apt-get is at work; this takes a minute or two"
	"$source_dir/scripts/install-packages" "${package_groups[@]}" \
		>"$log" 2>&1 || fail "packages could not be installed" "$log"
	ticker_stop
	step_done installed
}

# Whether the generated files are older than what they come from.
is_generated() {
	[ -x "$source_dir/configure" ] && [ -f "$source_dir/Makefile.in" ] &&
		[ -z "$(find "$source_dir" -path "$build_dir" -prune -o \
			-newer "$source_dir/Makefile.in" \( -name configure.ac -o \
			-name Makefile.am -o -name local.mk \) -print -quit)" ]
}

# in_background TEXT LOG COMMAND...: so that Ctrl-C is heard at once.
in_background() {
	local text=$1 log=$2
	shift 2
	ticker_start "$text"
	"$@" >>"$log" 2>&1 </dev/null &
	busy_pid=$!
	wait $busy_pid || {
		busy_pid=''
		fail "$text: failed" "$log"
	}
	busy_pid=''
	ticker_stop
}

count_lines() { grep -Ec '^(echo ")?  (CC|AR|CCLD) ' "$1" || :; }

make_programs() {
	local log=$logs/make.log all=$logs/make-plan.log total built
	make -C "$build_dir" -n V=0 "${programs[@]}" >"$all" 2>&1 ||
		fail "the build cannot be planned" "$all"
	total=$(count_lines "$all")
	: >"$log"
	nice make -C "$build_dir" -j"$(nproc)" V=0 "${programs[@]}" \
		>"$log" 2>&1 </dev/null &
	busy_pid=$!
	while kill -0 $busy_pid 2>/dev/null; do
		built=$(count_lines "$log")
		[ "$total" -eq 0 ] || progress $((built * 100 / total)) \
			"$built of $total files"
		sleep 0.3
	done
	wait $busy_pid || {
		busy_pid=''
		fail "the build failed" "$log"
	}
	busy_pid=''
}

build() {
	local log=$logs/configure.log
	[ ! -e "$source_dir/config.status" ] ||
		fail "this tree is configured in place, which hides it from builds outside: make distclean"
	mkdir -p "$build_dir" || fail "$build_dir cannot be written to"
	if ! is_generated; then
		in_background "preparing (autoreconf)" "$log" \
			env -C "$source_dir" autoreconf -fi
	fi
	if [ ! -x "$build_dir/config.status" ] ||
		[ "$source_dir/configure" -nt "$build_dir/config.status" ]; then
		in_background "looking at this machine (configure)" "$log" \
			env -C "$build_dir" "$source_dir/configure" CFLAGS=-O2
	fi
	make_programs
	step_done "built in ${build_dir#"$PWD"/}"
}

# -- data --

# apt checks the signature of what it downloads.
apt_download() {
	rm -rf "$data_dir.part"
	mkdir -p "$data_dir.part"
	env -C "$data_dir.part" apt-get download r-cran-bayesm
}

download() {
	local log=$logs/data.log
	ticker_start "downloading the package r-cran-bayesm"
	apt_download >"$log" 2>&1 </dev/null || {
		# apt has no lists yet, or old ones.
		"$source_dir/scripts/install-packages" --update >>"$log" 2>&1
		apt_download >>"$log" 2>&1 </dev/null
	} || fail "the package r-cran-bayesm could not be downloaded (--data FILE takes an orangeJuice.rda of yours)" "$log"
	dpkg-deb --fsys-tarfile "$data_dir.part"/r-cran-bayesm_*.deb |
		tar -x -C "$data_dir.part" --strip-components=7 "./$rda_path" ||
		fail "the package r-cran-bayesm has no $rda_path"
	rm -rf "$data_dir" "$data_dir.part"/*.deb
	mv "$data_dir.part" "$data_dir"
	ticker_stop
}

get_data() {
	local orange_juice=$build_dir/examples/orange-juice/orange-juice
	if [ -z "$rda" ]; then
		rda=$data_dir/orangeJuice.rda
		[ -s "$rda" ] || download
	fi
	"$orange_juice" read "$rda" >"$logs/read.log" 2>&1 ||
		fail "$rda cannot be read" "$logs/read.log"
	weeks=$(sed -n 's/^store-weeks *//p' "$logs/read.log")
	step_done "$(count "$weeks") store-weeks of sales"
}
