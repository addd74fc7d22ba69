/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd with a thread pool on one listening socket of our own (so
 * that a port in use is told as such). It calls on_target when the request
 * line is there, on_request when the headers are, then for each part of the
 * body, and once more at its end; on_completed always comes last.
 */
#include "base/io/httpd.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io/httplib.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#define HTTPD_MAGIC          0x68747064u
#define RESPONSE_BYTES_MAX   ((size_t)64 * 1024 * 1024)
#define CONNECTION_BYTES_MAX ((size_t)32 * 1024) /* the header section */
#define LISTEN_TEXT_MAX      300
/* What is refused is still read up to this, since a client that is cut off
   while it sends does not see the answer. */
#define DRAIN_BYTES_MAX ((size_t)8 * 1024 * 1024)

struct httpd {
	uint32_t magic;
	struct MHD_Daemon *daemon;
	const struct http_route *const *routes;
	void *context;
	size_t body_bytes_max;
	bool has_known_layout;
	int port;
};

static const struct {
	int status;
	const char *title;
} titles[] = {
	{ 400, "Bad Request" },           { 404, "Not Found" },
	{ 405, "Method Not Allowed" },    { 413, "Content Too Large" },
	{ 500, "Internal Server Error" },
};

/* -- answering ------------------------------------------------------------- */

/* The body's memory goes to libmicrohttpd. */
static enum MHD_Result
answer(struct MHD_Connection *mhd, struct http_response *response,
       const char *header, const char *value)
{
	struct MHD_Response *made;
	enum MHD_Result result;
	char seconds[24];

	text_add_bytes(response->body, "", 0);
	made = MHD_create_response_from_buffer_with_free_callback(
		response->body->len, response->body->bytes, memory_release);
	CHECK(made != NULL);
	response->body->bytes = NULL;
	response->body->len = response->body->size = 0;
	MHD_add_response_header(made, "Content-Type", response->content_type);
	MHD_add_response_header(made, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(made, "Cache-Control", "no-store");
	if (header)
		MHD_add_response_header(made, header, value);
	if (response->retry_after_s > 0) {
		snprintf(seconds, sizeof(seconds), "%lld",
		         (long long)response->retry_after_s);
		MHD_add_response_header(made, "Retry-After", seconds);
	}
	result = MHD_queue_response(mhd, (unsigned int)response->status, made);
	MHD_destroy_response(made);
	return result;
}

static enum MHD_Result
answer_problem(struct MHD_Connection *mhd, int status, const char *detail,
               const char *header, const char *value)
{
	struct text body;
	struct http_response response = { .body = &body };
	const char *title = "Error";
	enum MHD_Result result;

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (titles[i].status == status)
			title = titles[i].title;
	text_init(&body, RESPONSE_BYTES_MAX);
	http_response_problem(&response, status, title, detail);
	result = answer(mhd, &response, header, value);
	text_fini(&body);
	return result;
}

/* -- routes ---------------------------------------------------------------- */

static bool
is_method(const struct http_route *route, const char *method)
{
	return strcmp(route->method, method) == 0 ||
		(strcmp(method, "HEAD") == 0 &&
	         strcmp(route->method, "GET") == 0);
}

/* 0 with a route, 404 or 405. */
static int
find_route(const struct httpd *httpd, const char *method, const char *path,
           const struct http_route **out)
{
	int status = 404;

	for (size_t i = 0; httpd->routes[i]; i++) {
		if (strcmp(httpd->routes[i]->path, path) != 0)
			continue;
		if (is_method(httpd->routes[i], method)) {
			*out = httpd->routes[i];
			return 0;
		}
		status = 405;
	}
	return status;
}

static void
add_allowed(const struct httpd *httpd, const char *path, struct text *out)
{
	for (size_t i = 0; httpd->routes[i]; i++) {
		const char *method = httpd->routes[i]->method;

		if (strcmp(httpd->routes[i]->path, path) != 0)
			continue;
		text_addf(out, "%s%s", out->len ? ", " : "", method);
		if (strcmp(method, "GET") == 0)
			text_add(out, ", HEAD");
	}
}

static enum MHD_Result
answer_refused(struct httpd *httpd, struct MHD_Connection *mhd,
               struct httpd_connection *connection, bool close)
{
	struct text allowed;
	enum MHD_Result result;

	switch (connection->refused_status) {
	case 405:
		text_init(&allowed, 1024);
		add_allowed(httpd, connection->path, &allowed);
		result = answer_problem(mhd, 405, "see the header Allow",
		                        "Allow", text_string(&allowed));
		text_fini(&allowed);
		return result;
	case 413:
		return answer_problem(
			mhd, 413, "the body is larger than this server takes",
			close ? "Connection" : NULL, "close");
	default:
		return answer_problem(mhd, connection->refused_status,
		                      "there is nothing at this path",
		                      close ? "Connection" : NULL, "close");
	}
}

static enum MHD_Result
handle(struct httpd *httpd, struct MHD_Connection *mhd,
       struct httpd_connection *connection, const char *method)
{
	struct text body;
	struct http_request request = {
		.method = method,
		.path = connection->path,
		.query = connection->query,
		.body = (const uint8_t *)text_string(&connection->body),
		.body_len = connection->body.len,
		.connection = connection,
	};
	struct http_response response = {
		.status = 200,
		.content_type = "application/json",
		.body = &body,
	};
	enum MHD_Result result;

	text_init(&body, RESPONSE_BYTES_MAX);
	connection->route->handle(&request, &response, httpd->context);
	if (text_is_cut(&body))
		result = answer_problem(
			mhd, 500, "the answer is larger than this server gives",
			NULL, NULL);
	else
		result = answer(mhd, &response, NULL, NULL);
	text_fini(&body);
	return result;
}

/* -- receiving ------------------------------------------------------------- */

/* Of "/a?b=c", or of the absolute form "http://host/a?b=c". */
static void
split_target(struct httpd_connection *connection)
{
	char *path = connection->target;
	char *query;

	if (strncasecmp(path, "http://", 7) == 0)
		path += 7 + strcspn(path + 7, "/?");
	else if (strncasecmp(path, "https://", 8) == 0)
		path += 8 + strcspn(path + 8, "/?");
	query = path + strcspn(path, "?");
	connection->query = *query ? query + 1 : "";
	connection->path = query == path && path != connection->target
		? arena_strdup(&connection->arena, "/")
		: path;
	*query = '\0';
}

static void *
on_target(void *context, const char *target, struct MHD_Connection *mhd)
{
	const struct httpd *httpd = context;
	struct httpd_connection *connection =
		memory_calloc(1, sizeof(*connection));

	connection->magic = HTTPD_CONNECTION_MAGIC;
	arena_init(&connection->arena, 1024);
	text_init(&connection->body, httpd->body_bytes_max);
	for (const char *at = target; *at; at++)
		if ((unsigned char)*at <= 0x20 || *at == 0x7f)
			connection->has_bad_target = true;
	connection->target = memory_strdup(target);
	/* A NUL ends the target for us, but not for the parser. */
	if (httpd->has_known_layout &&
	    strncmp(target + strlen(target) + 1, "HTTP/", 5) != 0)
		connection->has_bad_target = true;
	split_target(connection);
	return connection;
}

static enum MHD_Result
on_header(void *context, enum MHD_ValueKind kind, const char *name,
          size_t name_len, const char *value, size_t value_len)
{
	struct httpd_connection *connection = context;

	if (connection->header_count == HTTPD_HEADERS_MAX) {
		connection->has_many_headers = true;
		return MHD_NO;
	}
	connection->headers[connection->header_count++] = (struct httpd_header){
		.name = name,
		.name_len = name_len,
		.value = value ? value : "",
		.value_len = value ? value_len : 0,
	};
	return MHD_YES;
}

static bool
expects_continue(const struct httpd_connection *connection)
{
	struct http_request request = {
		.connection = (struct httpd_connection *)connection,
	};

	return http_request_header(&request, "Expect") != NULL;
}

/* The header section is there: refuse at once, or wait for the body. */
static enum MHD_Result
begin_request(struct httpd *httpd, struct MHD_Connection *mhd,
              struct httpd_connection *connection, const char *url,
              const char *method, const char *version)
{
	const char *fault;
	int64_t length;

	MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, on_header,
	                            connection);
	fault = httpframing_fault(connection, version);
	if (fault == NULL && httpd->has_known_layout)
		fault = httpframing_layout_fault(connection, method, url,
		                                 version);
	if (fault)
		return answer_problem(mhd, 400, fault, "Connection", "close");
	connection->refused_status =
		find_route(httpd, method, connection->path, &connection->route);
	length = httpframing_content_length(connection);
	if (connection->refused_status == 0 &&
	    length > (int64_t)httpd->body_bytes_max)
		connection->refused_status = 413;
	if (connection->refused_status &&
	    (length > (int64_t)DRAIN_BYTES_MAX || expects_continue(connection)))
		return answer_refused(httpd, mhd, connection, true);
	return MHD_YES;
}

static enum MHD_Result
take_body(struct httpd *httpd, struct httpd_connection *connection,
          const char *bytes, size_t len)
{
	if (connection->refused_status == 0 &&
	    len > httpd->body_bytes_max - connection->body.len) {
		connection->refused_status = 413;
		connection->drained_bytes = connection->body.len;
		text_fini(&connection->body);
		text_init(&connection->body, httpd->body_bytes_max);
	}
	if (connection->refused_status == 0) {
		text_add_bytes(&connection->body, bytes, len);
		return MHD_YES;
	}
	/* Chunks without an end: there is no way left to answer. */
	connection->drained_bytes += len;
	return connection->drained_bytes >
			DRAIN_BYTES_MAX + httpd->body_bytes_max
		? MHD_NO
		: MHD_YES;
}

static enum MHD_Result
on_request(void *context, struct MHD_Connection *mhd, const char *url,
           const char *method, const char *version, const char *bytes,
           size_t *len, void **request_context)
{
	struct httpd *httpd = context;
	struct httpd_connection *connection = *request_context;
	enum MHD_Result result;

	CHECK_MAGIC(httpd, HTTPD_MAGIC);
	CHECK_MAGIC(connection, HTTPD_CONNECTION_MAGIC);
	if (!connection->is_begun) {
		connection->is_begun = true;
		return begin_request(httpd, mhd, connection, url, method,
		                     version);
	}
	if (*len > 0) {
		result = take_body(httpd, connection, bytes, *len);
		*len = 0;
		return result;
	}
	if (connection->refused_status)
		return answer_refused(httpd, mhd, connection, false);
	return handle(httpd, mhd, connection, method);
}

static void
on_completed(void *context, struct MHD_Connection *mhd, void **request_context,
             enum MHD_RequestTerminationCode code)
{
	struct httpd_connection *connection = *request_context;

	if (connection == NULL)
		return;
	CHECK_MAGIC(connection, HTTPD_CONNECTION_MAGIC);
	text_fini(&connection->body);
	arena_fini(&connection->arena);
	memory_free(&connection->target);
	connection->magic = 0;
	memory_free(&connection);
	*request_context = NULL;
}

/* -- listening ------------------------------------------------------------- */

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
	    listen(fd, SOMAXCONN) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static enum err_code
open_socket(const char *listen, int *out_fd, struct err *err)
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

static int
port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return 0;
	return ntohs(address.ss_family == AF_INET6
	                     ? ((struct sockaddr_in6 *)&address)->sin6_port
	                     : ((struct sockaddr_in *)&address)->sin_port);
}

/* With all signals blocked in the threads that it makes. */
static struct MHD_Daemon *
start_daemon(struct httpd *httpd, const struct httpd_options *options, int fd)
{
	struct MHD_OptionItem items[] = {
		{ MHD_OPTION_LISTEN_SOCKET, fd, NULL },
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, options->connections_max, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_s,
		  NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		  (intptr_t)CONNECTION_BYTES_MAX, NULL },
		/* A pool of one is no pool, and refused. */
		{ options->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE
		                       : MHD_OPTION_END,
		  options->threads, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_Daemon *daemon;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL,
		on_request, httpd, MHD_OPTION_URI_LOG_CALLBACK, on_target,
		httpd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, httpd,
		MHD_OPTION_ARRAY, items, MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return daemon;
}

/* -- public -- */

enum err_code
httpd_open(const struct httpd_options *options, struct httpd **out,
           struct err *err)
{
	struct httpd *httpd;
	enum err_code code;
	int fd = -1;

	CHECK(options->threads > 0 &&
	      options->connections_max >= options->threads);
	code = open_socket(options->listen, &fd, err);
	if (code != ERR_OK)
		return code;
	httpd = memory_calloc(1, sizeof(*httpd));
	httpd->magic = HTTPD_MAGIC;
	httpd->routes = options->routes;
	httpd->context = options->context;
	httpd->body_bytes_max = options->body_bytes_max;
	httpd->has_known_layout = strcmp(MHD_get_version(), "0.9.75") == 0;
	httpd->port = port_of(fd);
	httpd->daemon = start_daemon(httpd, options, fd);
	if (httpd->daemon == NULL) {
		close(fd);
		memory_free(&httpd);
		return err_set(err, ERR_SYSTEM,
		               "cannot start the HTTP server on %s",
		               options->listen);
	}
	*out = httpd;
	return ERR_OK;
}

void
httpd_close(struct httpd **httpd)
{
	if (*httpd == NULL)
		return;
	CHECK_MAGIC(*httpd, HTTPD_MAGIC);
	MHD_stop_daemon((*httpd)->daemon);
	(*httpd)->magic = 0;
	memory_free(httpd);
}

int
httpd_port(const struct httpd *httpd)
{
	return httpd->port;
}
