/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS and SASL reach librdkafka as they stand in the catalogue: seen from a
 * broker's side, which is played here by a socket.
 */
#include "base/io/klib.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io/kcluster.h"
#include "base/runtime/thread.h"

#include "tests/unit.h"

#define WAIT_MS        10000
#define BYTES_MAX      4096
#define REQUESTS_MAX   8
#define API_KEY_AT     5 /* of the protocol; the high byte is 0 */
#define API_VERSION_AT 7
#define CORRELATION_AT 8
#define API_VERSIONS   18
#define SASL_HANDSHAKE 17

static struct err err;

/* A broker that hears one connection until it says how SASL is to go on. */
struct broker {
	int listener;
	char bootstrap[32];
	struct thread *thread;
	uint8_t first[BYTES_MAX], last[BYTES_MAX];
	ssize_t first_len, last_len;
	bool shook_hands;
	struct kcluster *cluster;
};

static ssize_t
hear(int connection, uint8_t *out)
{
	struct pollfd wait = { .fd = connection, .events = POLLIN };

	if (poll(&wait, 1, WAIT_MS) != 1)
		return 0;
	return recv(connection, out, BYTES_MAX, 0);
}

static void
answer(int connection, const uint8_t *request, const void *body, size_t len)
{
	uint8_t bytes[64] = { 0, 0, 0, (uint8_t)(4 + len) };

	memcpy(bytes + 4, request + CORRELATION_AT, 4);
	memcpy(bytes + 8, body, len);
	if (send(connection, bytes, 8 + len, MSG_NOSIGNAL) < 0)
		perror("send");
}

/* An old broker's: only version 0 is known, and only these two. */
static void
answer_versions(int connection, const uint8_t *request)
{
	static const uint8_t too_new[] = { 0, 35, 0, 0, 0, 0 };
	static const uint8_t known[] = {
		0, 0,
		0, 0,
		0, 2, /* no error, two of them: */
		0, SASL_HANDSHAKE,
		0, 0,
		0, 0,
		0, API_VERSIONS,
		0, 0,
		0, 0,
	};

	if (request[API_VERSION_AT] > 0)
		answer(connection, request, too_new, sizeof(too_new));
	else
		answer(connection, request, known, sizeof(known));
}

static void
serve(void *context)
{
	static const uint8_t plain[] = { 0, 0,   0,   0,   0,   1,  0,
		                         5, 'P', 'L', 'A', 'I', 'N' };
	struct broker *broker = context;
	struct pollfd wait = { .fd = broker->listener, .events = POLLIN };
	int connection;

	if (poll(&wait, 1, WAIT_MS) != 1)
		return;
	connection = accept(broker->listener, NULL, NULL);
	for (int i = 0; i < REQUESTS_MAX; i++) {
		ssize_t len = hear(connection, broker->last);

		broker->last_len = len;
		if (i == 0) {
			memcpy(broker->first, broker->last, BYTES_MAX);
			broker->first_len = len;
		}
		if (len < 12 || broker->shook_hands || broker->last[0] != 0)
			break;
		if (broker->last[API_KEY_AT] == API_VERSIONS) {
			answer_versions(connection, broker->last);
		} else if (broker->last[API_KEY_AT] == SASL_HANDSHAKE) {
			broker->shook_hands = true;
			answer(connection, broker->last, plain, sizeof(plain));
		}
	}
	close(connection);
}

static int
begin(void **state)
{
	static struct broker broker;
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	memset(&broker, 0, sizeof(broker));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	broker.listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(0,
	                 bind(broker.listener, (struct sockaddr *)&address,
	                      sizeof(address)));
	assert_int_equal(0, listen(broker.listener, 1));
	assert_int_equal(0,
	                 getsockname(broker.listener,
	                             (struct sockaddr *)&address, &len));
	snprintf(broker.bootstrap, sizeof(broker.bootstrap), "127.0.0.1:%d",
	         ntohs(address.sin_port));
	*state = &broker;
	return 0;
}

static int
end(void **state)
{
	struct broker *broker = *state;

	kcluster_close(&broker->cluster);
	thread_join(&broker->thread);
	close(broker->listener);
	return 0;
}

static enum err_code
try_open(struct broker *broker, const struct kproperty *properties,
         size_t count)
{
	const struct kcluster_options options = {
		.name = "test",
		.bootstrap = broker->bootstrap,
		.client_id = "test",
		.properties = properties,
		.property_count = count,
	};

	err = (struct err){ .code = ERR_OK };
	return kcluster_open(&options, &broker->cluster, &err);
}

/* Opens, asks for something, and waits until the broker has heard it. */
static void
connect_with(struct broker *broker, const struct kproperty *properties,
             size_t count)
{
	struct kcluster_topic topic;

	broker->thread = thread_new("broker", serve, broker);
	if (try_open(broker, properties, count) != ERR_OK)
		fail_msg("%s", err.text);
	assert_true(kcluster_describe_topic(broker->cluster, "t", 1000, &topic,
	                                    &err) != ERR_OK);
	thread_join(&broker->thread);
}

static bool
has(const uint8_t *bytes, ssize_t len, const char *what, size_t what_len)
{
	return len > 0 && memmem(bytes, (size_t)len, what, what_len) != NULL;
}

/* -- the tests -------------------------------------------------------------- */

static void
test_klib_ssl_begins_with_a_handshake(void **state)
{
	static const struct kproperty properties[] = {
		{ "security.protocol", "ssl" },
	};
	struct broker *broker = *state;

	connect_with(broker, properties, 1);
	assert_true(broker->first_len > 5);
	assert_int_equal(0x16, broker->first[0]); /* TLS: handshake */
	assert_int_equal(0x03, broker->first[1]);
	assert_int_equal(0x01, broker->first[5]); /* ClientHello */
}

static void
test_klib_sasl_sends_mechanism_and_credentials(void **state)
{
	static const struct kproperty properties[] = {
		{ "security.protocol", "sasl_plaintext" },
		{ "sasl.mechanism", "PLAIN" },
		{ "sasl.username", "alice" },
		{ "sasl.password", "of the catalogue" },
	};
	static const char credentials[] = "\0alice\0of the catalogue";
	struct broker *broker = *state;

	connect_with(broker, properties, 4);
	assert_true(broker->shook_hands);
	assert_true(has(broker->last, broker->last_len, credentials,
	                sizeof(credentials) - 1));
}

static void
test_klib_sasl_ssl_hides_credentials_in_tls(void **state)
{
	static const struct kproperty properties[] = {
		{ "security.protocol", "sasl_ssl" },
		{ "sasl.mechanism", "SCRAM-SHA-512" },
		{ "sasl.username", "alice" },
		{ "sasl.password", "secret" },
	};
	struct broker *broker = *state;

	connect_with(broker, properties, 4);
	assert_true(broker->first_len > 5);
	assert_int_equal(0x16, broker->first[0]);
	assert_false(has(broker->first, broker->first_len, "alice", 5));
}

struct wrong {
	struct kproperty property;
	const char *told;
};

/* What is wrong is named; what may be secret is not shown. */
static void
test_klib_wrong_settings_are_named(void **state)
{
	static const struct wrong wrongs[] = {
		{ { "ssl.ca.location", "/nowhere/ca.pem" }, "ssl.ca.location" },
		{ { "ssl.certificate.location", "/nowhere/c.pem" },
		  "ssl.certificate.location" },
		{ { "ssl.key.pem", "no key at all" }, "ssl.key.pem" },
		{ { "sasl.mechanism", "ROT13" }, "SASL mechanism" },
		{ { "security.protocol", "secure" }, "security.protocol" },
		{ { "sasl.pasword", "hush" }, "sasl.pasword" },
	};
	struct broker *broker = *state;

	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const struct kproperty properties[] = {
			{ "security.protocol", "sasl_ssl" },
			{ "sasl.username", "alice" },
			{ "sasl.password", "very secret" },
			{ "sasl.mechanism", "PLAIN" },
			wrongs[i].property,
		};

		assert_int_equal(ERR_CONFIG, try_open(broker, properties, 5));
		if (strstr(err.text, wrongs[i].told) == NULL)
			fail_msg("\"%s\" does not name %s", err.text,
			         wrongs[i].told);
		assert_null(strstr(err.text, "very secret"));
		assert_null(strstr(err.text, "hush"));
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_klib_ssl_begins_with_a_handshake),
		TEST(test_klib_sasl_sends_mechanism_and_credentials),
		TEST(test_klib_sasl_ssl_hides_credentials_in_tls),
		TEST(test_klib_wrong_settings_are_named),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
