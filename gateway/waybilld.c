/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon. Read from the bottom: main is the life of the process, the
 * tables above it are the product: the stages of the road, the endpoints,
 * and the metrics.
 */
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/io/httpd.h"
#include "base/io/kcluster.h"
#include "base/io/pgconn.h"
#include "base/model/lease.h"
#include "base/model/migration.h"
#include "base/model/stage.h"
#include "base/runtime/crash.h"
#include "base/runtime/err.h"
#include "base/runtime/log.h"
#include "base/runtime/metric.h"
#include "base/runtime/setting.h"
#include "base/runtime/text.h"
#include "base/runtime/version.h"
#include "contracts/contract.h"
#include "gateway/catalogue.h"
#include "gateway/daemon_config.h"
#include "gateway/file/inbox.h"
#include "gateway/handover.h"
#include "gateway/input.h"
#include "gateway/keeper.h"
#include "gateway/keyring.h"
#include "gateway/lane_access.h"
#include "gateway/reception.h"
#include "gateway/rest/problem.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/rest_metric.h"
#include "gateway/road_metric.h"
#include "replay/dedup_stage.h"
#include "replay/late_stage.h"

#define FILES_BESIDES    1024 /* clusters, Postgres, lanes */
#define REPORT_BYTES_MAX (8 * 1024 * 1024)

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

/* The road between gather and record. */
static const struct stage *const stages[] = {
	&contract_stage_validate,
	&dedup_stage,
	&late_stage,
	NULL,
};

struct waybilld {
	struct daemon_config config;
	struct catalogue *catalogue;
	struct input *input;
	struct keeper *keeper;
	_Atomic(struct keeper *) serving; /* what endpoints see of it */
	struct httpd *httpd;
	struct keyring *keyring; /* NULL: no REST */
	struct rest *rest;
	struct inbox *inbox;
	uint8_t secret[LEASE_SECRET_LEN];
	struct lane_access *access; /* here and elsewhere */
};

/* -- endpoints --------------------------------------------------------------- */

static void
handle_livez(const struct http_request *request, struct http_response *response,
             void *context)
{
	response->content_type = "text/plain; charset=utf-8";
	text_add(response->body, "ok\n");
}

static void
handle_readyz(const struct http_request *request,
              struct http_response *response, void *context)
{
	struct waybilld *d = context;
	struct keeper *keeper = atomic_load(&d->serving);

	response->content_type = "text/plain; charset=utf-8";
	if (keeper == NULL) {
		text_add(response->body, "starting or stopping\n");
		response->status = 503;
	} else if (keeper_is_ready(keeper, response->body))
		text_add(response->body, "ready\n");
	else
		response->status = 503;
}

static void
handle_metrics(const struct http_request *request,
               struct http_response *response, void *context)
{
	response->content_type = "text/plain; version=0.0.4; charset=utf-8";
	metric_print(response->body);
}

static void
handle_lanes(const struct http_request *request, struct http_response *response,
             void *context)
{
	struct waybilld *d = context;
	struct keeper *keeper = atomic_load(&d->serving);

	response->content_type = "application/json";
	if (keeper != NULL)
		keeper_print(keeper, response->body);
	else
		text_add(response->body, "[]");
}

static bool
admit_parts(const struct http_request *request, struct http_response *response,
            void *context)
{
	struct waybilld *d = context;

	return reception_admit(lane_access_reception(d->access), request,
	                       response);
}

static void
begin_parts(struct http_exchange *exchange, void *context)
{
	struct waybilld *d = context;

	reception_begin(lane_access_reception(d->access), exchange);
}

static const struct http_route livez = {
	.method = "GET",
	.path = "/livez",
	.handle = handle_livez,
	.help = "200 while the process runs; asks nobody else.",
};
static const struct http_route readyz = {
	.method = "GET",
	.path = "/readyz",
	.handle = handle_readyz,
	.help = "200 when the lease holds and each lane records; else 503 and "
		"why.",
};
static const struct http_route metrics = {
	.method = "GET",
	.path = "/metrics",
	.handle = handle_metrics,
	.help = "Prometheus text format.",
};
static const struct http_route lanes = {
	.method = "GET",
	.path = "/v1/lanes",
	.handle = handle_lanes,
	.help = "This daemon's lanes and how far their routes are, as JSON.",
};

static const struct http_route parts = {
	.method = "POST",
	.path = "/v1/lanes/{lane}/parts",
	.admit = admit_parts,
	.begin = begin_parts,
	.body_bytes_max = HANDOVER_BYTES_MAX,
	.help = "What other daemons pass on for a lane of this one; 404 for "
		"everybody else.",
};

static const struct http_route *const routes[] = { &livez, &readyz, &metrics,
	                                           &lanes, &parts,  NULL };

/* -- what REST needs of the lanes ---------------------------------------------- */

static void
start_inbox(struct waybilld *d)
{
	const struct inbox_options options = {
		.folder = d->config.inbox_folder,
		.quiet_ms = d->config.inbox_quiet_ms,
		.conninfo = d->config.connection,
		.role = d->config.role[0] == '\0' ? NULL : d->config.role,
		.timeout_ms = d->config.postgres_timeout_ms,
		.catalogue = d->catalogue,
		.lanes = lane_access_lanes(d->access),
	};

	if (d->config.inbox_folder[0] != '\0')
		d->inbox = inbox_open(&options);
}

static enum err_code
start_rest(struct waybilld *d, struct err *err)
{
	const struct keyring_options keyring = {
		.conninfo = d->config.connection,
		.role = d->config.role[0] == '\0' ? NULL : d->config.role,
		.timeout_ms = d->config.postgres_timeout_ms,
	};
	struct rest_options rest = {
		.config = &d->config,
		.catalogue = d->catalogue,
		.lanes = lane_access_lanes(d->access),
		.progress = lane_access_progress(d->access),
	};

	if (d->config.rest_listen[0] == '\0')
		return ERR_OK;
	if (keyring_open(&keyring, &d->keyring, err) != ERR_OK)
		return err_context(err, "API keys");
	rest.auth = keyring_auth(d->keyring);
	return rest_open(&rest, &d->rest, err);
}

/* -- options that print and end ---------------------------------------------- */

static const char usage[] =
	"Usage: waybilld -c FILE [--check-config | --print-config]\n"
	"       waybilld --print-reference settings|metrics|errors|kafka|"
	"contracts|endpoints|\n"
	"                                  problems\n"
	"       waybilld --print-crash-points | --version | --help\n"
	"\n"
	"Runs the road: gathers messages from Kafka, checks them against their\n"
	"contracts, records them in Postgres, and forwards them exactly once.\n"
	"\n"
	"  -c, --config FILE       this daemon's settings (YAML)\n"
	"      --check-config      read the file, say what is wrong, and end\n"
	"      --print-config      print the effective settings, and end\n"
	"      --print-reference   print a reference page (Markdown), and end\n"
	"      --print-crash-points  for tests: where a test build can die\n"
	"\n"
	"Exit status: 0 stopped in order, 1 failed, 2 wrong usage or settings.\n"
	"See waybilld(8) and waybill(1).\n";

static void
print_errors_reference(struct text *out)
{
	static const char *const classes[] = { "-", "retry", "reject",
		                               "fatal" };

	text_add(out,
	         "| error | class | HTTP | meaning |\n|---|---|---|---|\n");
	for (int i = 1; i < ERR_CODE_COUNT; i++)
		text_addf(out, "| %s | %s | %d | %s |\n",
		          err_name((enum err_code)i),
		          classes[err_class((enum err_code)i)],
		          err_http_status((enum err_code)i),
		          err_text((enum err_code)i));
}

static void
print_routes(const struct http_route *const *table, struct text *out)
{
	text_add(out, "| endpoint | what it answers |\n|---|---|\n");
	for (int i = 0; table[i] != NULL; i++)
		text_addf(out, "| %s %s | %s |\n", table[i]->method,
		          table[i]->path, table[i]->help);
}

static void
print_endpoints_reference(struct text *out)
{
	text_add(out, "## On `listen`: for operators\n\n");
	print_routes(routes, out);
	text_add(out, "\n## On `rest.listen`: for producers\n\n");
	print_routes(rest_routes, out);
}

static void
print_settings_reference(struct text *out)
{
	setting_print_reference(daemon_config_settings,
	                        daemon_config_setting_count, out);
}

static void
register_metrics(void)
{
	metric_register(road_metric_table, road_metric_count);
	metric_register(dedup_stage_metrics, dedup_stage_metric_count);
	metric_register(late_stage_metrics, late_stage_metric_count);
	metric_register(rest_metric_table, rest_metric_count);
}

static void
print_metrics_reference(struct text *out)
{
	register_metrics();
	metric_print_reference(out);
}

static const struct {
	const char *name;
	void (*print)(struct text *out);
} references[] = {
	{ "settings", print_settings_reference },
	{ "metrics", print_metrics_reference },
	{ "errors", print_errors_reference },
	{ "kafka", kcluster_print_reference },
	{ "contracts", contract_print_reference },
	{ "endpoints", print_endpoints_reference },
	{ "problems", problem_print_reference },
};

static int
print_reference(const char *name)
{
	struct text out;

	for (size_t i = 0; i < sizeof(references) / sizeof(*references); i++) {
		if (strcmp(references[i].name, name) != 0)
			continue;
		text_init(&out, REPORT_BYTES_MAX);
		references[i].print(&out);
		fputs(text_string(&out), stdout);
		text_fini(&out);
		return EXIT_OK;
	}
	fprintf(stderr, "waybilld: there is no reference page %s\n", name);
	return EXIT_USAGE;
}

static int
print_crash_points(void)
{
	for (int i = 0; crash_point_name(i) != NULL; i++)
		printf("%s\t%s\n", crash_point_name(i), crash_point_text(i));
	return EXIT_OK;
}

static int
print_config(const struct daemon_config *config)
{
	struct text out;

	text_init(&out, REPORT_BYTES_MAX);
	setting_print(daemon_config_settings, daemon_config_setting_count,
	              config, &out);
	fputs(text_string(&out), stdout);
	text_fini(&out);
	return EXIT_OK;
}

/* -- life -------------------------------------------------------------------- */

static enum err_code
check_database(const struct daemon_config *config,
               uint8_t out_secret[LEASE_SECRET_LEN], struct err *err)
{
	const struct pgconn_options options = {
		.conninfo = config->connection,
		.application = "waybill start",
		.role = config->role[0] == '\0' ? NULL : config->role,
		.timeout_ms = config->postgres_timeout_ms,
	};
	struct pgconn *conn = NULL;

	enum err_code code = pgconn_open(&options, &conn, err);

	if (code == ERR_PRIVILEGE)
		return err_context(err,
		                   "postgres.connection, postgres.role "
		                   "(waybill migrate makes the roles)");
	if (code != ERR_OK)
		return code;
	code = migration_check(conn, err);
	if (code == ERR_OK)
		code = migration_check_privileges(conn, err);
	else if (code == ERR_PRIVILEGE)
		code = err_context(err,
		                   "the daemon's user must be a member of "
		                   "waybill_daemon (GRANT waybill_daemon TO "
		                   "it)");
	if (code == ERR_OK)
		code = lease_secret(conn, out_secret, err);
	pgconn_close(&conn);
	return code;
}

/* Each connection is a file; as far as the system allows. */
static void
raise_file_limit(int64_t connections_max)
{
	const struct log_scope scope = LOG_SCOPE("daemon");
	rlim_t wanted = (rlim_t)connections_max + FILES_BESIDES;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
		log_warn(&scope,
		         "the limit of open files is lower than "
		         "http.connections-max may need: raise it to %llu",
		         (unsigned long long)wanted);
}

static enum err_code
open_http(struct waybilld *d, struct err *err)
{
	const struct daemon_config *config = &d->config;
	bool has_tls = config->http_tls_certificate[0] != '\0';
	const struct httpd_options options = {
		.listen = config->listen,
		.routes = routes,
		.context = d,
		.threads = (int)config->http_threads,
		.body_bytes_max = 64 * 1024,
		.bodies_bytes_max = (size_t)config->http_bodies_bytes,
		.connections_max = (int)config->http_connections_max,
		.idle_timeout_s = (int)(config->http_idle_timeout_ms / 1000),
		.receive_timeout_s =
			(int)(config->http_receive_timeout_ms / 1000),
		.send_timeout_s = (int)(config->http_send_timeout_ms / 1000),
		.tls_certificate =
			has_tls ? config->http_tls_certificate : NULL,
		.tls_key = has_tls ? config->http_tls_key : NULL,
	};

	raise_file_limit(config->http_connections_max);
	return httpd_open(&options, &d->httpd, err);
}

static enum err_code
start(struct waybilld *d, struct err *err)
{
	const struct catalogue_options catalogue = {
		.conninfo = d->config.connection,
		.role = d->config.role[0] == '\0' ? NULL : d->config.role,
		.timeout_ms = d->config.postgres_timeout_ms,
	};
	struct keeper_options keeper = {
		.config = &d->config,
		.stages = stages,
	};
	struct lane_access_options access = {
		.config = &d->config,
		.keeper = &d->serving,
	};

	register_metrics();
	dedup_stage_setup(d->config.dedup_ids_max);
	late_stage_setup(d->config.late_keys_max);
	if (check_database(&d->config, d->secret, err) != ERR_OK ||
	    catalogue_open(&catalogue, &d->catalogue, err) != ERR_OK)
		return err->code;
	d->input = input_new();
	keeper.catalogue = d->catalogue;
	keeper.input = d->input;
	access.catalogue = d->catalogue;
	access.secret = d->secret;
	d->access = lane_access_new(&access);
	/* The port first: what cannot be had is said before a lane is taken. */
	if (open_http(d, err) != ERR_OK)
		return err_context(err, "listen");
	daemon_config_name_url(&d->config, httpd_port(d->httpd));
	if (start_rest(d, err) != ERR_OK)
		return err->code;
	if (keeper_start(&keeper, &d->keeper, err) != ERR_OK)
		return err->code;
	atomic_store(&d->serving, d->keeper);
	start_inbox(d);
	return ERR_OK;
}

static void
stop(struct waybilld *d)
{
	rest_quiesce(d->rest);
	inbox_close(&d->inbox);
	rest_close(&d->rest);
	keyring_close(&d->keyring);
	httpd_close(&d->httpd);
	atomic_store(&d->serving, NULL);
	lane_access_free(&d->access);
	keeper_stop(&d->keeper);
	input_free(&d->input);
	catalogue_close(&d->catalogue);
	daemon_config_release(&d->config);
}

/* SIGTERM or SIGINT; blocked in all threads, so that they come here. SIGHUP
   reads the certificate anew. */
static int
wait_for_signal(struct waybilld *d, const sigset_t *signals)
{
	const struct log_scope scope = LOG_SCOPE("daemon");
	struct err err;
	int number = 0;

	for (;;) {
		if (sigwait(signals, &number) != 0)
			continue;
		if (number != SIGHUP)
			return number;
		if (httpd_reload_tls(d->httpd, &err) != ERR_OK ||
		    rest_reload_tls(d->rest, &err) != ERR_OK)
			log_warn(&scope,
			         "kept the certificate that is in force (%s)",
			         err.text);
		else
			log_info(&scope, "read the certificate anew");
	}
}

static int
serve(struct waybilld *d)
{
	const struct log_scope scope = LOG_SCOPE("daemon");
	struct err err = { .code = ERR_OK };
	sigset_t signals;
	int code = EXIT_OK;

	log_setup((enum log_format)d->config.log_format,
	          (enum log_level)d->config.log_level);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (start(d, &err) != ERR_OK) {
		log_error(&scope, "failed to start (%s)", err.text);
		code = EXIT_FAILED;
	} else {
		log_info(&scope,
		         "waybilld %s is up as %s, listening on port "
		         "%d",
		         version_string(), d->config.daemon,
		         httpd_port(d->httpd));
		if (d->rest != NULL)
			log_info(&scope, "producers reach it on port %d",
			         rest_port(d->rest));
		log_info(&scope, "stopping (signal %d)",
		         wait_for_signal(d, &signals));
	}
	stop(d);
	if (code == EXIT_OK)
		log_info(&scope, "stopped");
	return code;
}

enum option_code {
	OPTION_CHECK = 256,
	OPTION_PRINT,
	OPTION_REFERENCE,
	OPTION_CRASH,
	OPTION_VERSION,
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check-config", no_argument, NULL, OPTION_CHECK },
	{ "print-config", no_argument, NULL, OPTION_PRINT },
	{ "print-reference", required_argument, NULL, OPTION_REFERENCE },
	{ "print-crash-points", no_argument, NULL, OPTION_CRASH },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

int
main(int argc, char **argv)
{
	struct waybilld d = { .catalogue = NULL };
	struct err err = { .code = ERR_OK };
	const char *path = NULL;
	int option, mode = 0;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case OPTION_CHECK:
		case OPTION_PRINT:
			mode = option;
			break;
		case OPTION_REFERENCE:
			return print_reference(optarg);
		case OPTION_CRASH:
			return print_crash_points();
		case OPTION_VERSION:
			printf("waybilld %s\n", version_string());
			return EXIT_OK;
		case 'h':
			fputs(usage, stdout);
			return EXIT_OK;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (path == NULL || optind < argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (daemon_config_load(path, &d.config, &err) != ERR_OK) {
		fprintf(stderr, "waybilld: %s\n", err.text);
		return EXIT_USAGE;
	}
	if (mode == 0)
		return serve(&d);
	option = EXIT_OK;
	if (mode == OPTION_PRINT)
		option = print_config(&d.config);
	else
		printf("%s is sound\n", path);
	daemon_config_release(&d.config);
	return option;
}
