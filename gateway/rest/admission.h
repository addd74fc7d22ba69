/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Who asks, and for what: the same few questions in front of every endpoint,
 * always in the same order, so that neither an answer nor the time it takes
 * tells what is there for others. Any thread.
 */
#include "base/model/auth.h"
#include "gateway/rest/problem.h"

struct deployment;
struct feed;
struct http_request;

struct admission {
	struct principal principal;
	const struct feed *feed; /* of the deployment that was given; NULL: not
	                            asked for */
};

/*
 * deployment: where the feed of the path is looked up; NULL: the path names
 * none. PROBLEM_COUNT: come in.
 */
enum problem
admission_check(struct auth *auth, const struct deployment *deployment,
                const struct http_request *request, enum auth_action action,
                struct admission *out);
