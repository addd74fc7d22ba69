/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd, as one daemon for each thread of the pool, driven by our own
 * loop; connections are given to them in turn by the gate. It calls on_target when
 * the request line is there, on_request when the headers are, then for each
 * part of the body, once more at its end, and again when an exchange was
 * answered; on_completed always comes last.
 *
 * An exchange that is not answered when begin returns suspends its connection.
 * Who is first of the two (we who suspend, they who answer) leaves it to the
 * other to go on; that is what the exchange's state decides.
 */
#include "base/io/httpd.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/io/httplib.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"

#define RESPONSE_BYTES_MAX   ((size_t)64 * 1024 * 1024)
#define CONNECTION_BYTES_MAX ((size_t)16 * 1024) /* the header section */
/* Standard values. */
#define BODIES_BYTES_MAX  ((size_t)256 * 1024 * 1024)
#define RECEIVE_TIMEOUT_S 10
#define SEND_TIMEOUT_S    30
#define ARENA_BYTES       ((size_t)8 * 1024)
/* How long the last answers may take when the server is closed. */
#define LAST_ANSWERS_MS 2000
#define CLOSE_TELL_MS   10000

/* -- connections ----------------------------------------------------------- */

static struct httpd_connection *
connection_of(struct MHD_Connection *mhd)
{
	struct httpd_connection *connection =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
			->socket_context;

	CHECK_MAGIC(connection, HTTPD_CONNECTION_MAGIC);
	return connection;
}

static void
on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
              enum MHD_ConnectionNotificationCode code)
{
	struct httpworker *worker = context;
	struct httpd *httpd = worker->httpd;
	struct httpd_connection *connection = *socket_context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		connection = memory_calloc(1, sizeof(*connection));
		connection->magic = HTTPD_CONNECTION_MAGIC;
		connection->httpd = httpd;
		connection->worker = worker;
		connection->mhd = mhd;
		connection->fd = MHD_get_connection_info(
					 mhd, MHD_CONNECTION_INFO_CONNECTION_FD)
					 ->connect_fd;
		arena_init(&connection->exchange.arena, ARENA_BYTES);
		text_init(&connection->body, httpd->options.body_bytes_max);
		text_init(&connection->exchange.text, RESPONSE_BYTES_MAX);
		httprequest_deadline(connection,
		                     httpd->options.receive_timeout_s * 1000);
		*socket_context = connection;
		httpgate_enter(httpd->gate, connection);
		return;
	}
	CHECK_MAGIC(connection, HTTPD_CONNECTION_MAGIC);
	httpgate_leave(httpd->gate, connection);
	httprequest_discharge(connection);
	text_fini(&connection->body);
	text_fini(&connection->exchange.text);
	arena_fini(&connection->exchange.arena);
	connection->magic = 0;
	memory_free(&connection);
	*socket_context = NULL;
}

static void
on_completed(void *context, struct MHD_Connection *mhd, void **request_context,
             enum MHD_RequestTerminationCode code)
{
	struct httpd *httpd = context;
	struct httpd_connection *connection = *request_context;
	struct http_exchange *exchange;
	int state;

	if (connection == NULL)
		return;
	CHECK_MAGIC(connection, HTTPD_CONNECTION_MAGIC);
	exchange = &connection->exchange;
	state = atomic_load(&exchange->state);
	CHECK(state == EXCHANGE_FREE || state == EXCHANGE_ANSWERED);
	atomic_store(&exchange->state, EXCHANGE_FREE);
	httprequest_discharge(connection);
	httprequest_text(&connection->body, httpd->options.body_bytes_max);
	httprequest_text(&exchange->text, RESPONSE_BYTES_MAX);
	if (exchange->arena.used_bytes > 4 * HTTPREQUEST_KEPT_MAX) {
		arena_fini(&exchange->arena);
		arena_init(&exchange->arena, ARENA_BYTES);
	}
	arena_reset(&exchange->arena);
	httprequest_deadline(connection,
	                     (httpd->options.idle_timeout_s +
	                      httpd->options.receive_timeout_s) *
	                             1000);
	(void)httprequest_phase(connection, PHASE_WAITING);
	*request_context = NULL;
}

/* -- answering ------------------------------------------------------------- */

static void
add_headers(struct MHD_Response *made, const struct http_response *response,
            bool closes)
{
	char seconds[TEXT_INT_MAX];

	if (response->content_type)
		MHD_add_response_header(made, "Content-Type",
		                        response->content_type);
	MHD_add_response_header(made, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(made, "Cache-Control", "no-store");
	for (const struct http_header *at = response->headers; at;
	     at = at->next)
		MHD_add_response_header(made, at->name, at->value);
	if (response->retry_after_s > 0) {
		text_print_int(seconds, response->retry_after_s);
		MHD_add_response_header(made, "Retry-After", seconds);
	}
	if (closes)
		MHD_add_response_header(made, "Connection", "close");
}

/* What is in the exchange; its text stays where it is until on_completed. */
static enum MHD_Result
answer(struct MHD_Connection *mhd, struct httpd_connection *connection)
{
	struct httpd *httpd = connection->httpd;
	struct http_response *response = &connection->exchange.response;
	struct MHD_Response *made;
	enum MHD_Result result;

	if (text_is_cut(response->body)) {
		response->headers = NULL;
		http_response_problem(
			response, 500, "Internal Server Error",
			"the answer is larger than this server gives");
	}
	httprequest_deadline(connection,
	                     httpd->options.send_timeout_s * 1000 +
	                             (int64_t)(response->body->len * 1000 /
	                                       HTTPREQUEST_BYTES_PER_S));
	if (!httprequest_phase(connection, PHASE_SENDING))
		return MHD_NO;
	if (response->body->len > HTTPREQUEST_KEPT_MAX)
		httprequest_charge(
			connection,
			connection->in.charged_bytes + response->body->len);
	text_add_bytes(response->body, "", 0);
	made = MHD_create_response_from_buffer(response->body->len,
	                                       response->body->bytes,
	                                       MHD_RESPMEM_PERSISTENT);
	CHECK(made != NULL);
	add_headers(made, response,
	            connection->in.closes || atomic_load(&httpd->is_quiet));
	result = MHD_queue_response(mhd, (unsigned int)response->status, made);
	MHD_destroy_response(made);
	return result;
}

/* -- receiving ------------------------------------------------------------- */

static void *
on_target(void *context, const char *target, struct MHD_Connection *mhd)
{
	const struct httpd *httpd = context;
	struct httpd_connection *connection = connection_of(mhd);
	struct http_exchange *exchange = &connection->exchange;

	memset(&connection->in, 0, sizeof(connection->in));
	exchange->request = (struct http_request){ .connection = connection };
	exchange->response.body = &exchange->text;
	exchange->response.arena = &exchange->arena;
	http_response_reset(&exchange->response);
	for (const char *at = target; *at; at++)
		if ((unsigned char)*at <= 0x20 || *at == 0x7f)
			connection->in.has_bad_target = true;
	/* A NUL ends the target for us, but not for the parser. */
	if (httpd->has_known_layout &&
	    strncmp(target + strlen(target) + 1, "HTTP/", 5) != 0)
		connection->in.has_bad_target = true;
	httprequest_target(connection, arena_strdup(&exchange->arena, target));
	httprequest_deadline(connection,
	                     httpd->options.receive_timeout_s * 1000);
	(void)httprequest_phase(connection, PHASE_RECEIVING);
	return connection;
}

static enum MHD_Result
on_header(void *context, enum MHD_ValueKind kind, const char *name,
          size_t name_len, const char *value, size_t value_len)
{
	struct httpd_incoming *in = context;

	if (in->header_count == HTTPD_HEADERS_MAX) {
		in->has_many_headers = true;
		return MHD_NO;
	}
	in->headers[in->header_count++] = (struct httpd_header){
		.name = name,
		.name_len = name_len,
		.value = value ? value : "",
		.value_len = value ? value_len : 0,
	};
	return MHD_YES;
}

static const char *
fault_of(struct MHD_Connection *mhd, struct httpd_connection *connection,
         const char *url, const char *method, const char *version)
{
	const char *fault;

	connection->in.headers = arena_alloc(
		&connection->exchange.arena,
		HTTPD_HEADERS_MAX * sizeof(connection->in.headers[0]));
	MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, on_header,
	                            &connection->in);
	fault = httpframing_fault(connection, method, version);
	if (fault == NULL && connection->httpd->has_known_layout)
		fault = httpframing_layout_fault(
			connection, method, url, version,
			MHD_get_connection_info(
				mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)
				->header_size);
	return fault;
}

/* The header section is there: refuse at once, or wait for the body. */
static enum MHD_Result
begin_request(struct MHD_Connection *mhd, struct httpd_connection *connection,
              const char *url, const char *method, const char *version)
{
	struct http_request *request = &connection->exchange.request;
	const char *fault = fault_of(mhd, connection, url, method, version);
	int64_t length;

	request->method = method;
	if (fault) {
		httprequest_refuse(connection, 400, fault);
		connection->in.closes = true;
		return answer(mhd, connection);
	}
	length = httpframing_content_length(connection);
	httprequest_judge(connection, length);
	if (connection->in.is_refused &&
	    (length > (int64_t)HTTPREQUEST_DRAIN_MAX ||
	     http_request_header(request, "Expect") != NULL)) {
		connection->in.closes = true;
		return answer(mhd, connection);
	}
	if (length > 0 || httpframing_is_chunked(connection))
		httprequest_deadline(
			connection,
			connection->httpd->options.receive_timeout_s * 1000);
	return MHD_YES;
}

/* -- routes ---------------------------------------------------------------- */

static enum MHD_Result
begin_exchange(struct MHD_Connection *mhd, struct httpd_connection *connection)
{
	struct httpd *httpd = connection->httpd;
	struct http_exchange *exchange = &connection->exchange;
	int state = EXCHANGE_RUNNING;

	atomic_store(&exchange->state, EXCHANGE_RUNNING);
	atomic_fetch_add(&httpd->held, 1);
	connection->in.route->begin(exchange, httpd->options.context);
	if (!atomic_compare_exchange_strong(&exchange->state, &state,
	                                    EXCHANGE_SUSPENDED))
		return answer(mhd, connection);
	/* Resumed by this thread only, so not before we are back. */
	MHD_suspend_connection(mhd);
	return MHD_YES;
}

static enum MHD_Result
serve(struct MHD_Connection *mhd, struct httpd_connection *connection)
{
	struct http_exchange *exchange = &connection->exchange;
	const struct http_route *route = connection->in.route;

	if (connection->in.is_refused)
		return answer(mhd, connection);
	if (!httprequest_phase(connection, PHASE_SERVING))
		return MHD_NO;
	exchange->request.body =
		(const uint8_t *)text_string(&connection->body);
	exchange->request.body_len = connection->body.len;
	if (route->begin)
		return begin_exchange(mhd, connection);
	route->handle(&exchange->request, &exchange->response,
	              connection->httpd->options.context);
	return answer(mhd, connection);
}

static enum MHD_Result
on_request(void *context, struct MHD_Connection *mhd, const char *url,
           const char *method, const char *version, const char *bytes,
           size_t *len, void **request_context)
{
	struct httpd *httpd = context;
	struct httpd_connection *connection = *request_context;
	bool goes_on;

	CHECK_MAGIC(httpd, HTTPD_MAGIC);
	CHECK_MAGIC(connection, HTTPD_CONNECTION_MAGIC);
	if (!connection->in.is_begun) {
		connection->in.is_begun = true;
		return begin_request(mhd, connection, url, method, version);
	}
	if (*len > 0) {
		goes_on = httprequest_body(connection, bytes, *len);
		*len = 0;
		return goes_on ? MHD_YES : MHD_NO;
	}
	if (atomic_load(&connection->exchange.state) == EXCHANGE_ANSWERED)
		return answer(mhd, connection);
	return serve(mhd, connection);
}

/* -- threads --------------------------------------------------------------- */

static void
on_accepted(void *context, int fd, const struct sockaddr *address,
            unsigned int address_len)
{
	struct httpd *httpd = context;
	unsigned int index =
		httpd->worker_next++ % (unsigned int)httpd->worker_count;

	httpworker_arrived(httpd->workers[index], fd, address, address_len);
}

/* The gate counts connections; what libmicrohttpd has not yet cleaned up must
   not get in their way. */
static struct MHD_Daemon *
start_daemon(struct httpd *httpd, struct httpworker *worker)
{
	const struct httpd_options *options = &httpd->options;
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_CERT_CALLBACK, 0, httptls_callback() },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)HTTPTLS_PRIORITIES },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_OptionItem items[] = {
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, options->connections_max + 1024,
		  NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_s,
		  NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		  (intptr_t)CONNECTION_BYTES_MAX, NULL },
		{ httpd->tls ? MHD_OPTION_ARRAY : MHD_OPTION_END, 0, tls },
		{ MHD_OPTION_END, 0, NULL },
	};
	unsigned int flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
		MHD_ALLOW_SUSPEND_RESUME;

	if (httpd->tls)
		flags |= MHD_USE_TLS;
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, httpd,
	                        MHD_OPTION_URI_LOG_CALLBACK, on_target, httpd,
	                        MHD_OPTION_NOTIFY_CONNECTION, on_connection,
	                        worker, MHD_OPTION_NOTIFY_COMPLETED,
	                        on_completed, httpd, MHD_OPTION_ARRAY, items,
	                        MHD_OPTION_END);
}

static enum err_code
start_worker(struct httpd *httpd, struct err *err)
{
	struct httpworker *worker = httpworker_new(httpd);

	worker->daemon = start_daemon(httpd, worker);
	if (worker->daemon == NULL) {
		httpworker_free(&worker);
		return err_set(err, ERR_SYSTEM,
		               "cannot start the HTTP server on %s",
		               httpd->options.listen);
	}
	worker->epoll_fd =
		MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD)
			->epoll_fd;
	httpworker_begin(worker, httpd->worker_count);
	httpd->workers[httpd->worker_count++] = worker;
	return ERR_OK;
}

/* A suspended connection must not be stopped; and who has got an answer from
   us should get it. */
static void
wait_for_answers(struct httpd *httpd)
{
	const struct log_scope scope = LOG_SCOPE("http");
	int held;

	for (int64_t ms = 1; (held = atomic_load(&httpd->held)) > 0; ms++) {
		clock_sleep_ms(1);
		if (ms % CLOSE_TELL_MS == 0)
			log_warn(&scope, "%d requests are still not answered",
			         held);
	}
	for (int64_t ms = 0;
	     ms < LAST_ANSWERS_MS && httpgate_busy(httpd->gate) > 0; ms++)
		clock_sleep_ms(1);
}

/* -- public -- */

enum err_code
httpd_open(const struct httpd_options *options, struct httpd **out,
           struct err *err)
{
	struct httpgate_options gate = {
		.listen = options->listen,
		.connections_max = options->connections_max,
		.add = on_accepted,
	};
	struct httpd *httpd = memory_calloc(1, sizeof(*httpd));
	enum err_code code = ERR_OK;

	CHECK(options->threads > 0 && options->threads <= HTTPD_THREADS_MAX &&
	      options->connections_max > 0);
	CHECK((options->tls_certificate == NULL) == (options->tls_key == NULL));
	httpd->magic = HTTPD_MAGIC;
	httpd->options = *options;
	if (options->bodies_bytes_max == 0)
		httpd->options.bodies_bytes_max = BODIES_BYTES_MAX;
	if (options->receive_timeout_s == 0)
		httpd->options.receive_timeout_s = RECEIVE_TIMEOUT_S;
	if (options->send_timeout_s == 0)
		httpd->options.send_timeout_s = SEND_TIMEOUT_S;
	httpd->has_known_layout = strcmp(MHD_get_version(), "0.9.75") == 0;
	httpd->routes = httproute_new(options->routes);
	if (options->tls_certificate)
		code = httptls_open(options->tls_certificate, options->tls_key,
		                    &httpd->tls, err);
	gate.context = httpd;
	gate.tls = httpd->tls;
	if (code == ERR_OK)
		code = httpgate_open(&gate, &httpd->gate, err);
	for (int i = 0; i < options->threads && code == ERR_OK; i++)
		code = start_worker(httpd, err);
	if (code != ERR_OK) {
		httpd_close(&httpd);
		return code;
	}
	httpgate_begin(httpd->gate);
	*out = httpd;
	return ERR_OK;
}

void
httpd_quiesce(struct httpd *httpd)
{
	atomic_store(&httpd->is_quiet, true);
}

void
httpd_close(struct httpd **httpd)
{
	if (*httpd == NULL)
		return;
	CHECK_MAGIC(*httpd, HTTPD_MAGIC);
	httpd_quiesce(*httpd);
	if ((*httpd)->gate) {
		httpgate_end((*httpd)->gate);
		wait_for_answers(*httpd);
	}
	for (int i = 0; i < (*httpd)->worker_count; i++) {
		httpworker_end((*httpd)->workers[i]);
		MHD_stop_daemon((*httpd)->workers[i]->daemon);
		httpworker_free(&(*httpd)->workers[i]);
	}
	httpgate_close(&(*httpd)->gate);
	httptls_close(&(*httpd)->tls);
	httproute_free(&(*httpd)->routes);
	(*httpd)->magic = 0;
	memory_free(httpd);
}

int
httpd_port(const struct httpd *httpd)
{
	return httpgate_port(httpd->gate);
}

enum err_code
httpd_reload_tls(struct httpd *httpd, struct err *err)
{
	return httpd->tls ? httptls_reload(httpd->tls, err) : ERR_OK;
}

void
httpd_resume(struct httpd_connection *connection)
{
	MHD_resume_connection(connection->mhd);
}

bool
httpd_add(struct httpworker *worker, int fd, const struct sockaddr *address,
          unsigned int address_len)
{
	return MHD_add_connection(worker->daemon, fd, address, address_len) ==
		MHD_YES;
}

int
httpd_wait_ms(struct httpworker *worker)
{
	unsigned long long ms;

	if (MHD_get_timeout(worker->daemon, &ms) != MHD_YES)
		return -1;
	return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

void
httpd_run(struct httpworker *worker)
{
	CHECK(MHD_run(worker->daemon) == MHD_YES);
}

struct httptls *
httpd_tls_of(void *session_pointer)
{
	return connection_of(session_pointer)->httpd->tls;
}
