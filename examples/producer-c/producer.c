/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * producer URL TENANT FEED <LINES: a producer by HTTP, to start from. Each line
 * of standard input is one message in strict Avro JSON; the API key is in the
 * variable WAYBILL_KEY. Each line is sent until it is certain what became of
 * it, always with the same Idempotency-Key, so it is recorded once.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	TRIES_MAX = 20,
	WAIT_S_MAX = 30,
	TIMEOUT_S = 30,
	LINE_MAX_BYTES = 65536
};

struct answer {
	long status;        /* 0: none has come */
	long retry_after_s; /* 0: it did not say */
	size_t size;
	char text[LINE_MAX_BYTES];
};

static size_t
take(char *bytes, size_t size, size_t count, void *opaque)
{
	struct answer *answer = opaque;
	size_t room = sizeof(answer->text) - 1 - answer->size;
	size_t taken = size * count < room ? size * count : room;

	memcpy(answer->text + answer->size, bytes, taken);
	answer->size += taken;
	answer->text[answer->size] = '\0';
	return size * count; /* what is too long is cut */
}

/* One try. A connection that breaks leaves the status 0: it is not known, then,
 * whether the message was recorded. */
static void
try_once(CURL *curl, struct answer *answer)
{
	curl_off_t after = 0;

	memset(answer, 0, sizeof(*answer));
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (curl_easy_perform(curl) != CURLE_OK) {
		answer->status = 0;
		return;
	}
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
	(void)curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &after);
	answer->retry_after_s = (long)after;
}

/* Whether the same request may get another answer: nobody answered, the daemon
 * is busy (429) or slow (408), or it says itself that nothing is recorded, or
 * that it does not know (503). */
static int
is_worth_repeating(long status)
{
	return status == 0 || status == 408 || status == 429 || status >= 500;
}

/* Sends one message until it is decided; 0: it is recorded. */
static int
publish(CURL *curl, struct curl_slist *common, const char *id, const char *line)
{
	static struct answer answer;
	char header[128];
	long wait_s = 1;

	(void)snprintf(header, sizeof(header), "Idempotency-Key: %s", id);
	/* The list's head is the id of this message; the rest stays. */
	struct curl_slist own = { .data = header, .next = common };
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, &own);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(line));
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, line);
	for (int tries = 1; tries <= TRIES_MAX; tries++) {
		try_once(curl, &answer);
		if (!is_worth_repeating(answer.status))
			break;
		fprintf(stderr, "%s: status %ld, again\n", id, answer.status);
		(void)sleep((unsigned)(answer.retry_after_s > 0
		                               ? answer.retry_after_s
		                               : wait_s));
		wait_s = wait_s < WAIT_S_MAX / 2 ? 2 * wait_s : WAIT_S_MAX;
	}
	printf("%s %ld %s%s", id, answer.status, answer.text,
	       answer.size == 0 ? "\n" : "");
	/* 200 and 202: durable. 409 and 422 are recorded, too, but as what is
	 * wrong; everything else is not recorded, or not known to be. */
	return answer.status == 200 || answer.status == 202 ? 0 : 1;
}

static CURL *
connect_to(const char *url, const char *tenant, const char *feed)
{
	CURL *curl = curl_easy_init();
	char path[1024];

	if (curl == NULL)
		return NULL;
	(void)snprintf(path, sizeof(path), "%s/v1/tenants/%s/feeds/%s/messages",
	               url, tenant, feed);
	(void)curl_easy_setopt(curl, CURLOPT_URL, path);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	return curl;
}

int
main(int argc, char **argv)
{
	static char line[LINE_MAX_BYTES];
	const char *key = getenv("WAYBILL_KEY");
	struct curl_slist *common = NULL;
	char token[256], id[64];
	unsigned long number = 0;
	int failed = 0;

	if (argc != 4 || key == NULL) {
		fprintf(stderr,
		        "usage: WAYBILL_KEY=... producer URL TENANT "
		        "FEED <LINES\n");
		return 2;
	}
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	CURL *curl = connect_to(argv[1], argv[2], argv[3]);
	(void)snprintf(token, sizeof(token), "Authorization: Bearer %s", key);
	common = curl_slist_append(common, token);
	common = curl_slist_append(common, "Content-Type: application/json");
	if (curl == NULL || common == NULL)
		return 1;
	/* What names a message must be the same when this program is started
	 * again after a failure: yours will have a better name than this. */
	const char *run = getenv("PRODUCER_RUN");
	long begin = (long)time(NULL);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		number++;
		if (run != NULL)
			(void)snprintf(id, sizeof(id), "%.40s-%lu", run,
			               number);
		else
			(void)snprintf(id, sizeof(id), "%ld-%d-%lu", begin,
			               (int)getpid(), number);
		failed += publish(curl, common, id, line);
	}
	curl_slist_free_all(common);
	curl_easy_cleanup(curl);
	curl_global_cleanup();
	if (failed > 0)
		fprintf(stderr, "%d of %lu are not accepted\n", failed, number);
	return failed > 0 ? 1 : 0;
}
