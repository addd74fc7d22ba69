/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread that lets connections in, up to a number (one more is told 503
 * rather than left waiting in the backlog), and cuts those whose deadline is
 * over. libmicrohttpd knows idle connections only: a client that sends one
 * byte a second is not idle. Cutting is a shutdown() of the socket, which
 * libmicrohttpd then sees as its end; the descriptor is closed by it, and not
 * before the connection has left the list.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io/httplib.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "base/runtime/thread.h"

#define GATE_MAGIC      0x67617465u
#define TICK_MS         250
#define TLS_LOOK_MS     1000
#define ACCEPTS_MAX     64 /* in one turn */
#define PARTING_MAX     64
#define PARTING_MS      1000
#define PARTING_DRAIN   65536
#define ACCEPT_PAUSE_MS 20

/* A refused connection stays for a moment, so that the answer arrives: one
   that is closed with bytes unread is reset instead. */
struct parting {
	int fd; /* -1: none */
	int64_t since_ms;
};

struct httpgate {
	uint32_t magic;
	struct httpgate_options options;
	int listen_fd;
	int wake_fd;
	int spare_fd; /* given up where there are no more descriptors */
	int port;
	bool is_ended;
	atomic_bool stops;
	atomic_int count; /* of connections let in */
	atomic_llong now_ms;
	struct thread *thread;
	struct thread_lock lock; /* of the list */
	struct httpd_connection *connections;
	struct parting partings[PARTING_MAX];
	size_t parting_next;
};

#define REFUSAL_BODY                                                           \
	"{\"type\":\"/docs/problems/service-unavailable\","                    \
	"\"title\":\"Service Unavailable\",\"status\":503,"                    \
	"\"detail\":\"there are too many connections\"}\n"
#define TIMEOUT_BODY                                                           \
	"{\"type\":\"/docs/problems/request-timeout\","                        \
	"\"title\":\"Request Timeout\",\"status\":408,"                        \
	"\"detail\":\"the request was not complete in time\"}\n"
#define RAW_HEAD                                                               \
	"Connection: close\r\nContent-Type: application/problem+json\r\n"      \
	"Content-Length: %zu\r\n"

/* -- refusing -------------------------------------------------------------- */

static void
send_raw(int fd, const char *line, const char *more, const char *body)
{
	char answer[512];
	int len = snprintf(answer, sizeof(answer),
	                   "HTTP/1.1 %s\r\n" RAW_HEAD "%s\r\n%s", line,
	                   strlen(body), more, body);

	/* Into an empty buffer, or nobody reads it. */
	if (send(fd, answer, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

static void
part(struct parting *parting)
{
	char bytes[4096];
	size_t drained = 0;
	ssize_t len;

	if (parting->fd < 0)
		return;
	while (drained < PARTING_DRAIN &&
	       (len = recv(parting->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) >
	               0)
		drained += (size_t)len;
	close(parting->fd);
	parting->fd = -1;
}

static void
part_all(struct httpgate *gate, int64_t before_ms)
{
	for (size_t i = 0; i < PARTING_MAX; i++)
		if (gate->partings[i].since_ms <= before_ms)
			part(&gate->partings[i]);
}

/* Over TLS there is no way to say it in the clear. */
static void
refuse(struct httpgate *gate, int fd)
{
	struct parting *parting = &gate->partings[gate->parting_next];

	if (gate->options.tls) {
		close(fd);
		return;
	}
	part(parting);
	send_raw(fd, "503 Service Unavailable", "Retry-After: 1\r\n",
	         REFUSAL_BODY);
	shutdown(fd, SHUT_WR);
	parting->fd = fd;
	parting->since_ms = httpgate_now_ms(gate);
	gate->parting_next = (gate->parting_next + 1) % PARTING_MAX;
}

/* -- letting in ------------------------------------------------------------ */

/* Without a descriptor nothing can be accepted, and so not even refused:
   the spare one makes room for it. False: nobody waits. */
static bool
refuse_without_descriptors(struct httpgate *gate)
{
	const struct log_scope scope = LOG_SCOPE("http");
	int fd;

	part_all(gate, INT64_MAX);
	if (gate->spare_fd >= 0)
		close(gate->spare_fd);
	fd = accept4(gate->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		log_warn(&scope,
		         "no file descriptor is left for a connection: raise "
		         "the limit of open files, or lower "
		         "http.connections-max");
		if (gate->options.tls == NULL)
			send_raw(fd, "503 Service Unavailable",
			         "Retry-After: 1\r\n", REFUSAL_BODY);
		close(fd);
	}
	gate->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd >= 0;
}

/* False: nobody waits. */
static bool
let_in(struct httpgate *gate)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int fd = accept4(gate->listen_fd, (struct sockaddr *)&address, &len,
	                 SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			return refuse_without_descriptors(gate);
		if (errno == ENOMEM || errno == ENOBUFS)
			clock_sleep_ms(ACCEPT_PAUSE_MS);
		return errno == ECONNABORTED || errno == EINTR;
	}
	if (atomic_load(&gate->count) >= gate->options.connections_max) {
		refuse(gate, fd);
		return true;
	}
	atomic_fetch_add(&gate->count, 1);
	gate->options.add(gate->options.context, fd,
	                  (struct sockaddr *)&address, len);
	return true;
}

/* -- deadlines ------------------------------------------------------------- */

static void
cut(struct httpgate *gate, struct httpd_connection *connection, int phase)
{
	/* The one who serves it may be faster. */
	if (!atomic_compare_exchange_strong(&connection->phase, &phase,
	                                    PHASE_CUT))
		return;
	if (phase == PHASE_RECEIVING && gate->options.tls == NULL)
		send_raw(connection->fd, "408 Request Timeout", "",
		         TIMEOUT_BODY);
	shutdown(connection->fd, SHUT_RDWR);
}

static void
cut_late(struct httpgate *gate, int64_t now_ms)
{
	thread_lock(&gate->lock);
	for (struct httpd_connection *at = gate->connections; at;
	     at = at->next) {
		int phase = atomic_load(&at->phase);

		if (phase != PHASE_SERVING && phase != PHASE_CUT &&
		    now_ms >= atomic_load(&at->deadline_ms))
			cut(gate, at, phase);
	}
	thread_unlock(&gate->lock);
}

static void
run(void *context)
{
	struct httpgate *gate = context;
	int64_t ticked_ms = 0, looked_ms = 0;

	while (!atomic_load(&gate->stops)) {
		struct pollfd fds[2] = {
			{ .fd = gate->wake_fd, .events = POLLIN },
			{ .fd = gate->listen_fd, .events = POLLIN },
		};
		int64_t now_ms;

		if (poll(fds, 2, TICK_MS) < 0 && errno != EINTR)
			CHECK(errno == ENOMEM);
		now_ms = clock_now_us() / 1000;
		atomic_store(&gate->now_ms, now_ms);
		for (int i = 0; fds[1].revents && i < ACCEPTS_MAX; i++)
			if (!let_in(gate))
				break;
		if (now_ms - ticked_ms < TICK_MS)
			continue;
		ticked_ms = now_ms;
		cut_late(gate, now_ms);
		part_all(gate, now_ms - PARTING_MS);
		if (gate->options.tls && now_ms - looked_ms >= TLS_LOOK_MS) {
			looked_ms = now_ms;
			httptls_look(gate->options.tls);
		}
	}
}

/* -- public -- */

enum err_code
httpgate_open(const struct httpgate_options *options, struct httpgate **out,
              struct err *err)
{
	struct httpgate *gate;
	enum err_code code;
	int fd = -1;

	code = httpsocket_listen(options->listen, &fd, err);
	if (code != ERR_OK)
		return code;
	gate = memory_calloc(1, sizeof(*gate));
	gate->magic = GATE_MAGIC;
	gate->options = *options;
	gate->listen_fd = fd;
	gate->port = httpsocket_port(fd);
	gate->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK(gate->wake_fd >= 0);
	gate->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < PARTING_MAX; i++)
		gate->partings[i].fd = -1;
	atomic_store(&gate->now_ms, clock_now_us() / 1000);
	thread_lock_init(&gate->lock, THREAD_RANK_QUEUE);
	*out = gate;
	return ERR_OK;
}

void
httpgate_begin(struct httpgate *gate)
{
	gate->thread = thread_new("http-gate", run, gate);
}

void
httpgate_end(struct httpgate *gate)
{
	CHECK_MAGIC(gate, GATE_MAGIC);
	if (gate->is_ended)
		return;
	gate->is_ended = true;
	atomic_store(&gate->stops, true);
	CHECK(eventfd_write(gate->wake_fd, 1) == 0);
	thread_join(&gate->thread);
	part_all(gate, INT64_MAX);
	close(gate->listen_fd);
	if (gate->spare_fd >= 0)
		close(gate->spare_fd);
}

void
httpgate_close(struct httpgate **gate)
{
	if (*gate == NULL)
		return;
	httpgate_end(*gate);
	CHECK((*gate)->connections == NULL);
	close((*gate)->wake_fd);
	thread_lock_fini(&(*gate)->lock);
	(*gate)->magic = 0;
	memory_free(gate);
}

int
httpgate_port(const struct httpgate *gate)
{
	return gate->port;
}

void
httpgate_enter(struct httpgate *gate, struct httpd_connection *connection)
{
	thread_lock(&gate->lock);
	connection->previous = NULL;
	connection->next = gate->connections;
	if (gate->connections)
		gate->connections->previous = connection;
	gate->connections = connection;
	thread_unlock(&gate->lock);
}

void
httpgate_leave(struct httpgate *gate, struct httpd_connection *connection)
{
	thread_lock(&gate->lock);
	if (connection->next)
		connection->next->previous = connection->previous;
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		gate->connections = connection->next;
	thread_unlock(&gate->lock);
	atomic_fetch_sub(&gate->count, 1);
}

void
httpgate_lost(struct httpgate *gate)
{
	atomic_fetch_sub(&gate->count, 1);
}

int
httpgate_busy(struct httpgate *gate)
{
	int count = 0;

	thread_lock(&gate->lock);
	for (struct httpd_connection *at = gate->connections; at;
	     at = at->next) {
		int phase = atomic_load(&at->phase);

		count += phase != PHASE_WAITING && phase != PHASE_CUT;
	}
	thread_unlock(&gate->lock);
	return count;
}

int64_t
httpgate_now_ms(const struct httpgate *gate)
{
	return atomic_load_explicit(&gate->now_ms, memory_order_relaxed);
}
