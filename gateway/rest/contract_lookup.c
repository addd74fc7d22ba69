/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * From memory alone: files are published while Kafka is down, too.
 */
#include "gateway/rest/contract_lookup.h"

#include <inttypes.h>
#include <string.h>

#include "base/io/httpd.h"
#include "base/model/deployment.h"
#include "base/runtime/check.h"
#include "base/runtime/text.h"
#include "gateway/catalogue.h"
#include "gateway/daemon_config.h"
#include "gateway/rest/admission.h"
#include "gateway/rest/media.h"
#include "gateway/rest/problem.h"
#include "gateway/rest/rest_context.h"
#include "gateway/rest/rest_metric.h"

static void
add_contract(struct text *out, const struct rest *rest, const struct feed *feed)
{
	text_addf(out, "{\"contract\":{\"id\":%" PRId32 ",\"name\":",
	          feed->contract_id);
	text_add_json(out, feed->contract_name, strlen(feed->contract_name));
	text_addf(out, ",\"version\":%" PRId32 ",\"schema\":",
	          feed->contract_version);
	text_add_json(out, feed->contract_avsc, strlen(feed->contract_avsc));
	text_addf(out,
	          "},\"partitions\":%d,\"message_bytes_max\":%" PRId64
	          ",\"request_bytes_max\":%" PRId64
	          ",\"request_messages_max\":%zu}\n",
	          feed->partitions, feed->message_bytes_max,
	          rest->options.config->rest_body_bytes,
	          rest->request_messages_max);
}

/* -- public ---------------------------------------------------------------- */

void
contract_lookup_handle(const struct http_request *request,
                       struct http_response *response, void *context)
{
	struct rest *rest = context;
	const struct deployment *deployment = catalogue_take(rest->catalogue);
	struct admission admission;
	enum problem problem;

	CHECK_MAGIC(rest, REST_MAGIC);
	problem = admission_check(rest->auth, deployment, request, AUTH_PUBLISH,
	                          &admission);
	if (problem == PROBLEM_COUNT && request->query[0] != '\0')
		problem = PROBLEM_BAD_REQUEST;
	if (problem == PROBLEM_COUNT &&
	    !media_accepts_json(http_request_header(request, "Accept")))
		problem = PROBLEM_NOT_ACCEPTABLE;
	if (problem == PROBLEM_COUNT && admission.feed->contract == NULL)
		problem = PROBLEM_UNAVAILABLE;
	if (problem == PROBLEM_COUNT)
		add_contract(response->body, rest, admission.feed);
	else
		problem_answer(response, problem, NULL);
	deployment_unref(&deployment);
	rest_metric_answered(ENDPOINT_CONTRACT, response->status, 0);
}
