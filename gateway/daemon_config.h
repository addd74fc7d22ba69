/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What one daemon is told by its own YAML file: process keys only. Tenants,
 * feeds, contracts and clusters are in Postgres (waybill apply).
 */
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"
#include "base/runtime/setting.h"

struct daemon_config {
	char *daemon;
	char *connection; /* secret: may hold a password */
	char *role;
	char *listen;
	char *url;
	int64_t http_threads;
	int64_t http_connections_max;
	int64_t http_bodies_bytes;
	int64_t http_idle_timeout_ms;
	int64_t http_receive_timeout_ms;
	int64_t http_send_timeout_ms;
	char *http_tls_certificate; /* empty: plain HTTP */
	char *http_tls_authority;
	char *http_tls_key;
	int log_format;
	int log_level;
	int64_t lanes_max;
	int64_t lease_ms;
	int64_t postgres_timeout_ms;
	int64_t batch_messages;
	int64_t batch_bytes;
	int64_t block_messages;
	int64_t door_bytes;
	int64_t ring_bytes;
	int64_t transaction_messages;
	int64_t transaction_bytes;
	int64_t drain_ms;
	int64_t dedup_ids_max;
	int64_t late_keys_max;
	char *rest_listen;
	int64_t rest_readers;
	char *inbox_folder; /* empty: none */
	int64_t inbox_quiet_ms;
	int64_t rest_body_bytes;
	int64_t rest_request_messages;
	int64_t rest_deadline_ms;
};

extern const struct setting daemon_config_settings[];
extern const size_t daemon_config_setting_count;

/* ERR_CONFIG with file, line and key of each error. daemon gets a name of
   this host and process where none is set. */
enum err_code
daemon_config_load(const char *path, struct daemon_config *out,
                   struct err *err) ERR_MUST_CHECK;

/* Where nobody says how this daemon is reached: its own address, unless that is
   every address. port: that listen has got. */
void
daemon_config_name_url(struct daemon_config *config, int port);

void
daemon_config_release(struct daemon_config *config);
