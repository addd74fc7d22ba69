/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A feed is looked up before it is asked whether it may be: what does not
 * exist takes no other way than what is not for the caller.
 */
#include "gateway/rest/admission.h"

#include <string.h>

#include "base/io/httpd.h"
#include "base/model/deployment.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"

static enum problem
check_feed(const struct deployment *deployment,
           const struct http_request *request, enum auth_action action,
           struct admission *out)
{
	const char *tenant = http_request_path_value(request, "tenant");
	const char *name = http_request_path_value(request, "feed");
	const struct feed *feed;

	CHECK(tenant != NULL && name != NULL);
	feed = deployment_feed(deployment, tenant, name);
	switch (auth_may(&out->principal, action, tenant, name)) {
	case AUTH_ALLOWED:
		break;
	case AUTH_DENIED:
		return PROBLEM_FORBIDDEN;
	default:
		return PROBLEM_NOT_FOUND;
	}
	/* A removed feed takes nothing new; it can still be asked about. */
	if (feed == NULL || (feed->is_removed && action == AUTH_PUBLISH))
		return PROBLEM_NOT_FOUND;
	out->feed = feed;
	return PROBLEM_COUNT;
}

/* -- public ---------------------------------------------------------------- */

enum problem
admission_check(struct auth *auth, const struct deployment *deployment,
                const struct http_request *request, enum auth_action action,
                struct admission *out)
{
	out->feed = NULL;
	if (!auth_check(auth, http_request_header(request, "Authorization"),
	                clock_wall_ms(), &out->principal))
		return PROBLEM_UNAUTHORIZED;
	if (deployment != NULL)
		return check_feed(deployment, request, action, out);
	return auth_may(&out->principal, action, out->principal.tenant, NULL) ==
			AUTH_ALLOWED
		? PROBLEM_COUNT
		: PROBLEM_FORBIDDEN;
}
