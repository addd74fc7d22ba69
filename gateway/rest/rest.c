/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of endpoints, and the life of what serves them.
 */
#include "gateway/rest/rest.h"

#include <string.h>

#include "base/io/httpd.h"
#include "base/model/auth.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "gateway/daemon_config.h"
#include "gateway/quota.h"
#include "gateway/rest/contract_lookup.h"
#include "gateway/rest/desk.h"
#include "gateway/rest/file_lookup.h"
#include "gateway/rest/message_lookup.h"
#include "gateway/rest/openapi.h"
#include "gateway/rest/origin.h"
#include "gateway/rest/publish.h"
#include "gateway/rest/reading.h"
#include "gateway/rest/receipt_lookup.h"
#include "gateway/rest/rest_context.h"
#include "gateway/rest/rest_metric.h"
#include "gateway/rest/status_report.h"

static const struct http_route publish_route = {
	.method = "POST",
	.path = "/v1/tenants/{tenant}/feeds/{feed}/messages",
	.begin = publish_begin,
	.admit = publish_admit,
	.help = "Messages for a feed; receipts. Scope publish.",
};

static const struct http_route messages_route = {
	.method = "GET",
	.path = "/v1/tenants/{tenant}/feeds/{feed}/messages",
	.begin = message_lookup_begin,
	.help = "What was recorded, by id, key, source, delivery or time. "
		"Scope read.",
};

static const struct http_route receipt_route = {
	.method = "GET",
	.path = "/v1/receipts/{id}",
	.begin = receipt_lookup_begin,
	.help = "How far a message is by now. Scope read.",
};

static const struct http_route contract_route = {
	.method = "GET",
	.path = "/v1/tenants/{tenant}/feeds/{feed}/contract",
	.handle = contract_lookup_handle,
	.help = "The contract in force, and what a request may have. Scope "
		"publish.",
};

static const struct http_route file_route = {
	.method = "GET",
	.path = "/v1/tenants/{tenant}/feeds/{feed}/files/{file}",
	.begin = file_lookup_begin,
	.help = "Which records of a file are recorded. Scope publish.",
};

static const struct http_route status_route = {
	.method = "GET",
	.path = "/v1/status",
	.handle = status_report_handle,
	.help = "Whether messages are taken, and the tenant's feeds. Scope "
		"status.",
};

static const struct http_route openapi_route = {
	.method = "GET",
	.path = "/openapi.json",
	.handle = openapi_handle,
	.help = "All of this as an OpenAPI 3.1 document.",
};

static const struct http_route problem_route = {
	.method = "GET",
	.path = "/docs/problems/{problem}",
	.handle = status_report_problem,
	.help = "What a problem type means, and what to do.",
};

const struct http_route *const rest_routes[] = {
	&publish_route,  &messages_route, &receipt_route,
	&contract_route, &file_route,     &status_route,
	&openapi_route,  &problem_route,  NULL,
};

static struct reading *
open_reading(const struct daemon_config *config)
{
	const struct reading_options options = {
		.conninfo = config->connection,
		.role = config->role[0] == '\0' ? NULL : config->role,
		.timeout_ms = config->postgres_timeout_ms,
		.threads = (int)config->rest_readers,
	};

	return reading_new(&options);
}

static const char *
or_null(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
rest_open(const struct rest_options *options, struct rest **out,
          struct err *err)
{
	const struct daemon_config *config = options->config;
	struct rest *rest = NULL;
	struct httpd_options httpd = {
		.listen = config->rest_listen,
		.routes = rest_routes,
		.threads = (int)config->http_threads,
		.body_bytes_max = (size_t)config->rest_body_bytes,
		.bodies_bytes_max = (size_t)config->http_bodies_bytes,
		.connections_max = (int)config->http_connections_max,
		.idle_timeout_s = (int)(config->http_idle_timeout_ms / 1000),
		.receive_timeout_s =
			(int)(config->http_receive_timeout_ms / 1000),
		.send_timeout_s = (int)(config->http_send_timeout_ms / 1000),
		.tls_certificate = or_null(config->http_tls_certificate),
		.tls_key = or_null(config->http_tls_key),
	};

	*out = NULL;
	if (config->rest_listen[0] == '\0')
		return ERR_OK;
	rest = memory_calloc(1, sizeof(*rest));
	httpd.context = rest;
	rest->magic = REST_MAGIC;
	rest->options = *options;
	rest->catalogue = options->catalogue;
	rest->auth = options->auth;
	rest->quota = quota_new();
	rest->origin = origin_new();
	rest->desk = desk_new();
	rest->reading = open_reading(config);
	rest->deadline_us = config->rest_deadline_ms * 1000;
	rest->request_messages_max = (size_t)config->rest_request_messages;
	rest_metric_start();
	if (httpd_open(&httpd, &rest->httpd, err) != ERR_OK) {
		rest_close(&rest);
		return err_context(err, "rest.listen");
	}
	*out = rest;
	return ERR_OK;
}

void
rest_close(struct rest **handle)
{
	struct rest *rest = *handle;

	*handle = NULL;
	if (rest == NULL)
		return;
	CHECK_MAGIC(rest, REST_MAGIC);
	/* It waits for all answers: those who give them end behind it. */
	httpd_close(&rest->httpd);
	reading_free(&rest->reading);
	desk_free(&rest->desk);
	origin_free(&rest->origin);
	quota_free(&rest->quota);
	rest->magic = 0;
	memory_release(rest);
}

void
rest_quiesce(struct rest *rest)
{
	if (rest != NULL)
		httpd_quiesce(rest->httpd);
}

int
rest_port(const struct rest *rest)
{
	return httpd_port(rest->httpd);
}

enum err_code
rest_reload_tls(struct rest *rest, struct err *err)
{
	return rest == NULL ? ERR_OK : httpd_reload_tls(rest->httpd, err);
}
