/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * From memory alone: it is asked when something is down.
 */
#include "gateway/rest/status_report.h"

#include <inttypes.h>
#include <string.h>

#include "base/io/httpd.h"
#include "base/model/deployment.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/text.h"
#include "base/runtime/version.h"
#include "gateway/catalogue.h"
#include "gateway/rest/admission.h"
#include "gateway/rest/endpoint.h"
#include "gateway/rest/media.h"
#include "gateway/rest/problem.h"
#include "gateway/rest/rest_context.h"
#include "gateway/rest/rest_metric.h"

static void
add_feed(struct text *out, const struct feed *feed)
{
	text_add(out, "{\"feed\":");
	text_add_json(out, feed->name, strlen(feed->name));
	text_add(out, ",\"contract\":{\"name\":");
	text_add_json(out, feed->contract_name, strlen(feed->contract_name));
	text_addf(out,
	          ",\"version\":%" PRId32
	          "},\"partitions\":%d,\"message_bytes_max\":%" PRId64
	          ",\"takes_messages\":%s}",
	          feed->contract_version, feed->partitions,
	          feed->message_bytes_max,
	          feed->contract != NULL && !feed->is_removed ? "true"
	                                                      : "false");
}

static void
add_status(struct text *out, const struct rest *rest, const char *tenant)
{
	const struct rest_progress *progress = &rest->options.progress;
	const struct deployment *deployment = catalogue_take(rest->catalogue);
	bool is_ready = progress->is_ready != NULL &&
		progress->is_ready(progress->context);
	char time[CLOCK_TEXT_MAX];
	bool first = true;

	text_addf(out, "{\"ready\":%s,\"version\":\"%s\",\"time\":\"%s\"",
	          is_ready ? "true" : "false", version_string(),
	          clock_format_ms(clock_wall_ms(), time));
	text_add(out, ",\"tenant\":");
	text_add_json(out, tenant, strlen(tenant));
	text_add(out, ",\"feeds\":[");
	for (size_t i = 0; i < deployment->feed_count; i++) {
		if (strcmp(deployment->feeds[i].tenant, tenant) != 0)
			continue;
		text_add(out, first ? "" : ",");
		first = false;
		add_feed(out, &deployment->feeds[i]);
	}
	text_add(out, "]}\n");
	deployment_unref(&deployment);
}

/* -- public ---------------------------------------------------------------- */

void
status_report_handle(const struct http_request *request,
                     struct http_response *response, void *context)
{
	struct rest *rest = context;
	struct admission admission;
	enum problem problem;

	CHECK_MAGIC(rest, REST_MAGIC);
	problem = admission_check(rest->auth, NULL, request, AUTH_STATUS,
	                          &admission);
	if (problem == PROBLEM_COUNT && request->query[0] != '\0')
		problem = PROBLEM_BAD_REQUEST;
	if (problem == PROBLEM_COUNT &&
	    !media_accepts_json(http_request_header(request, "Accept")))
		problem = PROBLEM_NOT_ACCEPTABLE;
	if (problem == PROBLEM_COUNT)
		add_status(response->body, rest, admission.principal.tenant);
	else
		problem_answer(response, problem, NULL);
	rest_metric_answered(ENDPOINT_STATUS, response->status, 0);
}

void
status_report_problem(const struct http_request *request,
                      struct http_response *response, void *context)
{
	const char *slug = http_request_path_value(request, "problem");
	enum problem problem = problem_by_slug(slug);

	if (problem == PROBLEM_COUNT) {
		problem_answer(response, PROBLEM_NOT_FOUND, NULL);
	} else {
		response->content_type = "text/plain; charset=utf-8";
		text_addf(response->body, "%d %s\n\n", problem_status(problem),
		          problem_title(problem));
		problem_explain(response->body, problem);
	}
	rest_metric_answered(ENDPOINT_PROBLEM, response->status, 0);
}
