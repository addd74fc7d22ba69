/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The same over TLS, where what was read may wait inside of the TLS library
 * and no poll tells of it.
 */
#include "base/io/pgconn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/runtime/clock.h"
#include "tests/support/postgres.h"
#include "tests/unit.h"

#define MB ((size_t)1024 * 1024)

static struct postgres *server;
static char folder[] = "/tmp/waybill-tls-XXXXXX";
static char certificate[64], key[64];
static int port;

/* -- a server with a certificate -- */

static int
free_port(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&address, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return -1;
	close(fd);
	return ntohs(address.sin_port);
}

/* Self-signed, for localhost; the key belongs to the server's user. */
static int
make_certificate(void)
{
	const struct passwd *user = getpwnam("postgres");
	char command[512];

	if (mkdtemp(folder) == NULL || chmod(folder, 0755) != 0)
		return -1;
	snprintf(certificate, sizeof(certificate), "%s/tls.crt", folder);
	snprintf(key, sizeof(key), "%s/tls.key", folder);
	snprintf(command, sizeof(command),
	         "openssl req -x509 -newkey ec -pkeyopt "
	         "ec_paramgen_curve:prime256v1 -nodes -days 2 "
	         "-subj /CN=localhost -addext subjectAltName=DNS:localhost "
	         "-keyout %s -out %s >/dev/null 2>&1",
	         key, certificate);
	if (system(command) != 0)
		return -1;
	if (geteuid() == 0 && user &&
	    chown(key, user->pw_uid, user->pw_gid) != 0)
		return -1;
	return chmod(key, 0600);
}

static void
remove_certificate(void)
{
	unlink(certificate);
	unlink(key);
	rmdir(folder);
}

static enum err_code
try_open(const char *host, const char *more, struct pgconn **out,
         struct err *err)
{
	struct pgconn_options options = { .timeout_ms = 5000 };
	char conninfo[512];

	snprintf(conninfo, sizeof(conninfo),
	         "host=%s hostaddr=127.0.0.1 port=%d user=postgres "
	         "dbname=postgres %s",
	         host, port, more);
	options.conninfo = conninfo;
	return pgconn_open(&options, out, err);
}

/* -- tests -- */

static void
test_certificate_is_checked(void **state)
{
	struct pgconn *conn = NULL;
	char more[256];
	struct err err;

	snprintf(more, sizeof(more), "sslmode=verify-full sslrootcert=%s",
	         certificate);
	assert_int_equal(try_open("localhost", more, &conn, &err), ERR_OK);
	pgconn_close(&conn);
	assert_int_equal(try_open("elsewhere", more, &conn, &err),
	                 ERR_POSTGRES_LOST);
	assert_non_null(strstr(err.text, "elsewhere"));
	assert_int_equal(try_open("localhost",
	                          "sslmode=verify-full "
	                          "sslrootcert=/nowhere/at/all",
	                          &conn, &err),
	                 ERR_POSTGRES_LOST);
	assert_null(conn);
}

static void
test_large_answers(void **state)
{
	static const struct pgstatement echo = {
		"t_echo", "select $1", 1, { PGTYPE_BYTEA }
	};
	uint8_t *body = calloc(1, MB);
	struct pgconn *conn = NULL;
	struct err err = { 0 };

	assert_int_equal(try_open("localhost", "sslmode=require", &conn, &err),
	                 ERR_OK);
	assert_int_equal(pgconn_pipeline_begin(conn, &err), ERR_OK);
	for (int i = 0; i < 40; i++) {
		size_t len = MB - (size_t)i * 4099;
		struct pgvalue values[] = { pgvalue_bytes(body, len) };

		assert_int_equal(pgconn_send(conn, &echo, values, &err),
		                 ERR_OK);
	}
	assert_int_equal(pgconn_sync(conn, &err), ERR_OK);
	for (int i = 0; i < 40; i++) {
		struct pgrows *rows;
		int len;

		assert_int_equal(pgconn_receive(conn, &rows, &err), ERR_OK);
		assert_non_null(pgrows_bytes(rows, 0, 0, &len));
		assert_int_equal(len, MB - (size_t)i * 4099);
		pgrows_free(&rows);
	}
	assert_int_equal(pgconn_receive_sync(conn, &err), ERR_OK);
	pgconn_close(&conn);
	free(body);
}

/* Of many sizes, so that ends of records and of buffers meet. */
static void
test_answers_of_many_sizes(void **state)
{
	static const struct pgstatement repeat = {
		"t_repeat", "select repeat('x', $1)", 1, { PGTYPE_INT4 }
	};
	int64_t begin_us = clock_now_us();
	struct pgconn *conn = NULL;
	struct err err = { 0 };

	assert_int_equal(try_open("localhost", "sslmode=require", &conn, &err),
	                 ERR_OK);
	for (int i = 0; i < 500; i++) {
		int32_t size = i * 331;
		struct pgnumber room;
		struct pgvalue values[] = { pgvalue_int4(size, &room) };
		struct pgrows *rows;
		int len;

		assert_int_equal(
			pgconn_query(conn, &repeat, values, &rows, &err),
			ERR_OK);
		pgrows_bytes(rows, 0, 0, &len);
		assert_int_equal(len, size);
		pgrows_free(&rows);
	}
	assert_true(clock_now_us() - begin_us < 20000000);
	pgconn_close(&conn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificate_is_checked),
		cmocka_unit_test(test_large_answers),
		cmocka_unit_test(test_answers_of_many_sizes),
	};
	char listen[64], certificate_file[96], key_file[96];
	const char *settings[] = { "listen_addresses=127.0.0.1",
		                   listen,
		                   "ssl=on",
		                   certificate_file,
		                   key_file,
		                   NULL };
	int code;

	unit_alarm(60);
	if (make_certificate() != 0) {
		remove_certificate();
		printf("no certificate could be made (openssl)\n");
		return 77;
	}
	port = free_port();
	snprintf(listen, sizeof(listen), "port=%d", port);
	snprintf(certificate_file, sizeof(certificate_file), "ssl_cert_file=%s",
	         certificate);
	snprintf(key_file, sizeof(key_file), "ssl_key_file=%s", key);
	code = postgres_open(settings, &server);
	if (code == 0)
		code = cmocka_run_group_tests(tests, NULL, NULL);
	postgres_close(&server);
	remove_certificate();
	return code;
}
