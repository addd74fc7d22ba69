/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/rawhttp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "tests/unit.h"

#define WAIT_MS  10000
#define QUIET_MS 60

int
rawhttp_dial(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

void
rawhttp_put(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t count = send(fd, bytes, len, MSG_NOSIGNAL);

		if (count <= 0)
			return; /* the answer tells why */
		bytes += count;
		len -= (size_t)count;
	}
}

bool
rawhttp_take(int fd, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		bool waits = len == 0 || strstr(out, "\r\nConnection: close");
		ssize_t count;

		if (poll(&poll_fd, 1, waits ? WAIT_MS : QUIET_MS) == 0)
			return false;
		count = recv(fd, out + len, size - 1 - len, 0);
		if (count <= 0)
			return true;
		len += (size_t)count;
		out[len] = '\0';
	}
}

int
rawhttp_status(const char *answer)
{
	if (strncmp(answer, "HTTP/1.1 ", 9) != 0)
		return 0;
	return atoi(answer + 9);
}

/* The whole of the answer whose header section is in out; 0: not yet. */
static size_t
answer_len(const char *out)
{
	const char *end = strstr(out, "\r\n\r\n");
	const char *length = strcasestr(out, "\r\nContent-Length: ");

	if (end == NULL)
		return 0;
	return (size_t)(end + 4 - out) +
		(length && length < end ? (size_t)atol(length + 18) : 0);
}

int
rawhttp_take_one(int fd, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		size_t whole = answer_len(out);
		size_t room = whole > 0 ? whole - len : 1;
		ssize_t count;

		if (whole > 0 && len >= whole)
			return rawhttp_status(out);
		assert_true(len + room < size);
		if (poll(&poll_fd, 1, WAIT_MS) == 0)
			return 0;
		count = recv(fd, out + len, room, 0);
		if (count <= 0)
			return 0;
		len += (size_t)count;
		out[len] = '\0';
	}
}

int
rawhttp_ask(int port, const char *bytes, size_t len, char *answer, size_t size,
            bool *out_closed)
{
	int fd = rawhttp_dial(port);

	rawhttp_put(fd, bytes, len);
	*out_closed = rawhttp_take(fd, answer, size);
	close(fd);
	return rawhttp_status(answer);
}
