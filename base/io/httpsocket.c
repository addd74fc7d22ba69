/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A listening socket of our own, so that a port in use is told as such.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io/httplib.h"

#define LISTEN_TEXT_MAX 300
#define BACKLOG         4096 /* the system's own maximum holds besides */

/* "host:port", "[host]:port"; a host "*" or none is all addresses. */
static enum err_code
split_listen(const char *listen, char *host, size_t size, const char **out_port,
             struct err *err)
{
	const char *colon = strrchr(listen, ':');
	const char *begin = listen;
	size_t len;

	if (colon == NULL || colon[1] == '\0')
		return err_set(err, ERR_CONFIG,
		               "listen: \"%s\" is not \"address:port\"",
		               listen);
	len = (size_t)(colon - listen);
	if (len >= 2 && begin[0] == '[' && begin[len - 1] == ']') {
		begin++;
		len -= 2;
	}
	if (len >= size)
		return err_set(err, ERR_CONFIG, "listen: \"%s\" is too long",
		               listen);
	memcpy(host, begin, len);
	host[len] = '\0';
	if (strcmp(host, "*") == 0)
		host[0] = '\0';
	*out_port = colon + 1;
	return ERR_OK;
}

static int
listen_on(const struct addrinfo *address)
{
	int one = 1;
	int fd = socket(address->ai_family,
	                SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* -- public -- */

enum err_code
httpsocket_listen(const char *listen, int *out_fd, struct err *err)
{
	struct addrinfo hints = {
		.ai_flags = AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found = NULL;
	char host[LISTEN_TEXT_MAX];
	const char *port = NULL;
	enum err_code code;
	int reason, fd;

	code = split_listen(listen, host, sizeof(host), &port, err);
	if (code != ERR_OK)
		return code;
	reason = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
	if (reason != 0)
		return err_set(err, ERR_CONFIG,
		               "listen: \"%s\" is no address (%s)", listen,
		               gai_strerror(reason));
	fd = listen_on(found);
	freeaddrinfo(found);
	if (fd < 0)
		return err_set(err, ERR_SYSTEM, "cannot listen on %s (%s)",
		               listen, strerror(errno));
	*out_fd = fd;
	return ERR_OK;
}

int
httpsocket_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return 0;
	return ntohs(address.ss_family == AF_INET6
	                     ? ((struct sockaddr_in6 *)&address)->sin6_port
	                     : ((struct sockaddr_in *)&address)->sin_port);
}
