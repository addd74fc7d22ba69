/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of keys of waybilld.
 */
#include "gateway/daemon_config.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/model/lease.h"
#include "base/runtime/digest.h"
#include "base/runtime/memory.h"
#include "base/runtime/setting.h"
#include "base/runtime/yaml.h"

#define AT(member) offsetof(struct daemon_config, member)

static const char *const log_formats[] = { "logfmt", "json", NULL };
static const char *const log_levels[] = { "debug", "info", "warn", "error",
	                                  NULL };

const struct setting daemon_config_settings[] = {
	{ .key = "daemon",
	  .type = SETTING_TEXT,
	  .offset = AT(daemon),
	  .standard = "",
	  .help = "The daemon's name, unique in the deployment. Without one it "
	          "is the host's. A suffix is added at each start." },
	{ .key = "postgres.connection",
	  .type = SETTING_SECRET,
	  .offset = AT(connection),
	  .help = "How to reach Postgres, as libpq takes it: \"host=db "
	          "dbname=waybill user=waybill sslmode=verify-full\". A "
	          "password is better kept in a passfile, or the whole string "
	          "in a file named by postgres.connection-file." },
	{ .key = "postgres.role",
	  .type = SETTING_TEXT,
	  .offset = AT(role),
	  .standard = "waybill_daemon",
	  .help = "The role to take on after connecting (SET ROLE); empty: "
	          "the user's own." },
	{ .key = "postgres.timeout",
	  .type = SETTING_DURATION_MS,
	  .offset = AT(postgres_timeout_ms),
	  .standard = "10s",
	  .min = 100,
	  .max = 600000,
	  .help = "How long one answer of Postgres may take before the "
	          "connection is given up and the outcome is found out anew." },
	{ .key = "listen",
	  .type = SETTING_TEXT,
	  .offset = AT(listen),
	  .standard = "127.0.0.1:8080",
	  .help = "Address and port of /livez, /readyz and /metrics; port 0 "
	          "takes any that is free." },
	{ .key = "url",
	  .type = SETTING_TEXT,
	  .offset = AT(url),
	  .standard = "",
	  .help = "How other daemons reach this one's listen, such as "
	          "http://waybill-1:8080; told to them through Postgres. They "
	          "pass on what clients send them for its lanes. Empty: made "
	          "of listen, where that names an address." },
	{ .key = "http.threads",
	  .type = SETTING_INTEGER,
	  .offset = AT(http_threads),
	  .standard = "2",
	  .min = 1,
	  .max = 64,
	  .help = "How many threads serve HTTP; they only receive and send." },
	{ .key = "http.connections-max",
	  .type = SETTING_INTEGER,
	  .offset = AT(http_connections_max),
	  .standard = "4096",
	  .min = 1,
	  .max = 100000,
	  .unit = "connections",
	  .help = "The most HTTP connections at a time; one more is told 503. "
	          "The limit of open files is raised for them as far as the "
	          "system allows." },
	{ .key = "http.bodies-bytes",
	  .type = SETTING_INTEGER,
	  .offset = AT(http_bodies_bytes),
	  .standard = "256MB",
	  .min = 1024 * 1024,
	  .max = 64ll * 1024 * 1024 * 1024,
	  .unit = "bytes",
	  .help = "The most memory that the bodies of all HTTP requests take "
	          "at a time; a request that finds no room is told 503." },
	{ .key = "http.idle-timeout",
	  .type = SETTING_DURATION_MS,
	  .offset = AT(http_idle_timeout_ms),
	  .standard = "60s",
	  .min = 1000,
	  .max = 3600000,
	  .help = "How long an HTTP connection may rest between two requests, "
	          "or take nothing of an answer; in whole seconds." },
	{ .key = "http.receive-timeout",
	  .type = SETTING_DURATION_MS,
	  .offset = AT(http_receive_timeout_ms),
	  .standard = "10s",
	  .min = 1000,
	  .max = 3600000,
	  .help = "How long the headers of a request may take in all, and a "
	          "body in all, which has a second more for each 64 kB that "
	          "came; else 408." },
	{ .key = "http.send-timeout",
	  .type = SETTING_DURATION_MS,
	  .offset = AT(http_send_timeout_ms),
	  .standard = "30s",
	  .min = 1000,
	  .max = 3600000,
	  .help = "How long a client may take to receive an answer, and a "
	          "second more for each 64 kB of it; then it is cut off." },
	{ .key = "http.tls.certificate",
	  .type = SETTING_TEXT,
	  .offset = AT(http_tls_certificate),
	  .standard = "",
	  .help = "A PEM file with the server's certificate and those that "
	          "lead to its root; with it, listen and rest.listen take "
	          "HTTPS only (TLS 1.2 or later). It and the key are read again once both "
	          "have changed, and at SIGHUP; connections stay." },
	{ .key = "http.tls.key",
	  .type = SETTING_TEXT,
	  .offset = AT(http_tls_key),
	  .standard = "",
	  .help = "A PEM file with the certificate's private key, without a "
	          "password." },
	{ .key = "http.tls.authority",
	  .type = SETTING_TEXT,
	  .offset = AT(http_tls_authority),
	  .standard = "",
	  .help = "A PEM file with the roots that certificates of other "
	          "daemons are checked by, where their url is https; empty: "
	          "the system's." },
	{ .key = "log.format",
	  .type = SETTING_CHOICE,
	  .offset = AT(log_format),
	  .standard = "logfmt",
	  .choices = log_formats,
	  .help = "Lines for people and grep, or JSON for programs." },
	{ .key = "log.level",
	  .type = SETTING_CHOICE,
	  .offset = AT(log_level),
	  .standard = "info",
	  .choices = log_levels,
	  .help = "The least level that is logged." },
	{ .key = "lanes-max",
	  .type = SETTING_INTEGER,
	  .offset = AT(lanes_max),
	  .standard = "64",
	  .min = 1,
	  .max = 64,
	  .help = "How many lanes this daemon may own at most." },
	{ .key = "lease",
	  .type = SETTING_DURATION_MS,
	  .offset = AT(lease_ms),
	  .standard = "5s",
	  .min = 1000,
	  .max = 60000,
	  .help = "After how long without a heartbeat other daemons take this "
	          "one's lanes." },
	{ .key = "batch.messages",
	  .type = SETTING_INTEGER,
	  .offset = AT(batch_messages),
	  .standard = "20000",
	  .min = 1,
	  .max = 100000,
	  .unit = "messages",
	  .help = "The most messages that one journal transaction carries." },
	{ .key = "batch.bytes",
	  .type = SETTING_INTEGER,
	  .offset = AT(batch_bytes),
	  .standard = "8MB",
	  .min = 1024,
	  .max = 64 * 1024 * 1024,
	  .unit = "bytes",
	  .help = "The most bytes that one journal transaction carries; one "
	          "larger message goes alone." },
	{ .key = "batch.block-messages",
	  .type = SETTING_INTEGER,
	  .offset = AT(block_messages),
	  .standard = "400",
	  .min = 1,
	  .max = 100000,
	  .unit = "messages",
	  .help = "The most messages in one block (row) of the journal." },
	{ .key = "door.bytes",
	  .type = SETTING_INTEGER,
	  .offset = AT(door_bytes),
	  .standard = "32MB",
	  .min = 1024 * 1024,
	  .max = 16ll * 1024 * 1024 * 1024,
	  .unit = "bytes",
	  .help = "What may wait to be recorded, for each lane, of what comes "
	          "by HTTP or in files; more is refused with 503." },
	{ .key = "dedup.ids-max",
	  .type = SETTING_INTEGER,
	  .offset = AT(dedup_ids_max),
	  .standard = "4000000",
	  .min = 1000,
	  .max = 1000000000,
	  .unit = "ids",
	  .help = "The most dedup ids (Idempotency-Key, records of files) "
	          "that each lane remembers, for 24 hours; about 57 bytes "
	          "of memory each, once there are any. Where there are more, "
	          "new ones are refused with 503." },
	{ .key = "late.keys-max",
	  .type = SETTING_INTEGER,
	  .offset = AT(late_keys_max),
	  .standard = "4000000",
	  .min = 1000,
	  .max = 1000000000,
	  .unit = "keys",
	  .help = "The most keys whose newest version each lane remembers, for "
	          "24 hours, of feeds whose contract says late: mark; as much "
	          "memory. What comes late of others is not marked." },
	{ .key = "inbox.folder",
	  .type = SETTING_TEXT,
	  .offset = AT(inbox_folder),
	  .standard = "",
	  .help = "A folder whose TENANT/FEED/*.csv, *.ndjson, *.jsonl and "
	          "*.avro are recorded and moved to done/ or failed/ beside "
	          "them, with a report; empty: none. Files are put there by "
	          "rename. Daemons may share it." },
	{ .key = "inbox.quiet",
	  .type = SETTING_DURATION_MS,
	  .offset = AT(inbox_quiet_ms),
	  .standard = "2s",
	  .min = 0,
	  .max = 86400000,
	  .help = "How long a file in it must not have changed before it is "
	          "taken, so that a copy under way is left alone." },
	{ .key = "ring.bytes",
	  .type = SETTING_INTEGER,
	  .offset = AT(ring_bytes),
	  .standard = "64MB",
	  .min = 1024 * 1024,
	  .max = 16ll * 1024 * 1024 * 1024,
	  .unit = "bytes",
	  .help = "Recorded messages kept in memory for each lane and cluster; "
	          "what does not fit is read from the journal again." },
	{ .key = "transaction.messages",
	  .type = SETTING_INTEGER,
	  .offset = AT(transaction_messages),
	  .standard = "50000",
	  .min = 1,
	  .max = 500000,
	  .unit = "messages",
	  .help = "The most messages that one Kafka transaction carries." },
	{ .key = "transaction.bytes",
	  .type = SETTING_INTEGER,
	  .offset = AT(transaction_bytes),
	  .standard = "16MB",
	  .min = 1024,
	  .max = 256 * 1024 * 1024,
	  .unit = "bytes",
	  .help = "The most bytes that one Kafka transaction carries." },
	{ .key = "drain",
	  .type = SETTING_DURATION_MS,
	  .offset = AT(drain_ms),
	  .standard = "10s",
	  .min = 0,
	  .max = 600000,
	  .help = "How long a daemon that stops waits for the clusters to have "
	          "everything that is recorded. What is under way then is "
	          "waited for besides: a Kafka transaction up to half a "
	          "minute, an answer of Postgres up to postgres.timeout." },
	{ .key = "rest.listen",
	  .type = SETTING_TEXT,
	  .offset = AT(rest_listen),
	  .standard = "",
	  .help = "Address and port where producers publish and ask by HTTP; "
	          "empty: nowhere. It is another one than listen, which is "
	          "for operators: metrics name all tenants. Threads, limits "
	          "and certificate are those of http." },
	{ .key = "rest.readers",
	  .type = SETTING_INTEGER,
	  .offset = AT(rest_readers),
	  .standard = "2",
	  .min = 1,
	  .max = 64,
	  .help = "How many connections to Postgres serve questions (receipts, "
	          "history); publishing does not use them." },
	{ .key = "rest.body-bytes",
	  .type = SETTING_INTEGER,
	  .offset = AT(rest_body_bytes),
	  .standard = "16MB",
	  .min = 1024,
	  .max = 64 * 1024 * 1024,
	  .unit = "bytes",
	  .help = "The largest body of a request; a larger one gets a 413." },
	{ .key = "rest.request-messages",
	  .type = SETTING_INTEGER,
	  .offset = AT(rest_request_messages),
	  .standard = "10000",
	  .min = 1,
	  .max = 10000,
	  .unit = "messages",
	  .help = "The most messages of one request; more get a 413." },
	{ .key = "rest.deadline",
	  .type = SETTING_DURATION_MS,
	  .offset = AT(rest_deadline_ms),
	  .standard = "2s",
	  .min = 10,
	  .max = 60000,
	  .help = "How long a request waits to be recorded (and forwarded, "
	          "where it wishes that) before it is told how things stand." },
};

const size_t daemon_config_setting_count =
	sizeof(daemon_config_settings) / sizeof(daemon_config_settings[0]);

/* A name that no other process has or will have: a daemon that was killed and
   started again is another one, and waits for the lease of the first. */
static void
name_daemon(struct daemon_config *config)
{
	char host[128] = "localhost", name[256];
	const char *base = config->daemon;
	uint32_t salt;

	digest_random(&salt, sizeof(salt));
	if (base == NULL || base[0] == '\0') {
		if (gethostname(host, sizeof(host) - 1) != 0)
			snprintf(host, sizeof(host), "localhost");
		base = host;
	}
	snprintf(name, sizeof(name), "%s-%08x", base, salt);
	memory_release(config->daemon);
	config->daemon = memory_strdup(name);
}

/* Said with its line, not when the port is opened. */
static enum err_code
check_listen(const char *key, const char *listen, const struct yaml *node,
             struct err *err)
{
	const char *colon = strrchr(listen, ':');
	char *end = NULL;
	long port = colon == NULL ? -1 : strtol(colon + 1, &end, 10);

	if (node == NULL ||
	    (colon != NULL && end > colon + 1 && *end == '\0' && port >= 0 &&
	     port <= 65535))
		return ERR_OK;
	return err_set(err, ERR_CONFIG,
	               "%s:%d: %s: must be \"address:port\", not \"%s\"",
	               yaml_file(node), yaml_line(node), key, listen);
}

static enum err_code
check_tls(const struct daemon_config *config, const struct yaml *map,
          struct err *err)
{
	bool has_certificate = config->http_tls_certificate[0] != '\0';
	const struct yaml *http = yaml_get(map, "http");

	if (has_certificate == (config->http_tls_key[0] != '\0'))
		return ERR_OK;
	return err_set(err, ERR_CONFIG,
	               "%s:%d: http.tls: a certificate needs its key, and a "
	               "key its certificate; http.tls.%s is missing",
	               yaml_file(http ? http : map),
	               yaml_line(http ? http : map),
	               has_certificate ? "key" : "certificate");
}

/* -- public ---------------------------------------------------------------- */

enum err_code
daemon_config_load(const char *path, struct daemon_config *out, struct err *err)
{
	struct yaml *root = NULL;
	enum err_code code;

	if (yaml_load_file(path, &root, err) != ERR_OK)
		return err->code;
	if (yaml_count(root) != 1 || yaml_type(yaml_at(root, 0)) != YAML_MAP) {
		yaml_free(&root);
		return err_set(err, ERR_CONFIG,
		               "%s: must be one document with keys", path);
	}
	code = setting_load(daemon_config_settings, daemon_config_setting_count,
	                    yaml_at(root, 0), out, err);
	if (code == ERR_OK) {
		const struct yaml *map = yaml_at(root, 0);
		const struct yaml *rest = yaml_get(map, "rest");

		code = check_listen("listen", out->listen,
		                    yaml_get(map, "listen"), err);
		if (code == ERR_OK && out->rest_listen[0] != '\0')
			code = check_listen("rest.listen", out->rest_listen,
			                    yaml_get(rest, "listen"), err);
		if (code == ERR_OK)
			code = check_tls(out, map, err);
		if (code != ERR_OK)
			daemon_config_release(out);
	}
	yaml_free(&root);
	if (code == ERR_OK)
		name_daemon(out);
	return code;
}

void
daemon_config_name_url(struct daemon_config *config, int port)
{
	const char *colon = strrchr(config->listen, ':');
	int len = colon == NULL ? 0 : (int)(colon - config->listen);
	bool has_tls = config->http_tls_certificate[0] != '\0';
	char url[LEASE_URL_MAX];

	if (config->url[0] != '\0' || len == 0 ||
	    strncmp(config->listen, "0.0.0.0:", 8) == 0 ||
	    strncmp(config->listen, "[::]:", 5) == 0)
		return;
	if (snprintf(url, sizeof(url), "http%s://%.*s:%d", has_tls ? "s" : "",
	             len, config->listen, port) >= (int)sizeof(url))
		return;
	memory_release(config->url);
	config->url = memory_strdup(url);
}

void
daemon_config_release(struct daemon_config *config)
{
	setting_release(daemon_config_settings, daemon_config_setting_count,
	                config);
}
