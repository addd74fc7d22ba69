/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread of the pool. What other threads bring (a connection that came in, an
 * exchange that was answered) waits in two lists that need no lock; only the
 * first of many rings the bell. libmicrohttpd's own way costs a lock that two
 * threads want and a bell for each answer: 20 us a request instead of 10.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io/httplib.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/thread.h"

#define WORKER_MAGIC 0x68777273u

struct httpworker_arrival {
	struct httpworker_arrival *next;
	int fd;
	socklen_t address_len;
	struct sockaddr_storage address;
};

/* -- what others brought --------------------------------------------------- */

static void
ring(struct httpworker *worker)
{
	CHECK(eventfd_write(worker->bell_fd, 1) == 0);
}

/* In the order in which they were answered. */
static void
resume_answered(struct httpworker *worker)
{
	struct httpd_connection *at = atomic_exchange(&worker->answered, NULL);
	struct httpd_connection *first = NULL, *next;

	for (; at; at = next) {
		next = at->answered_next;
		at->answered_next = first;
		first = at;
	}
	for (at = first; at; at = next) {
		next = at->answered_next;
		httpd_resume(at);
	}
}

static void
take_arrivals(struct httpworker *worker, bool takes)
{
	struct httpworker_arrival *at =
		atomic_exchange(&worker->arrivals, NULL);

	while (at) {
		struct httpworker_arrival *next = at->next;

		if (!takes)
			close(at->fd);
		if (!takes ||
		    !httpd_add(worker, at->fd, (struct sockaddr *)&at->address,
		               at->address_len))
			httpgate_lost(worker->httpd->gate);
		memory_free(&at);
		at = next;
	}
}

static void
run(void *context)
{
	struct httpworker *worker = context;
	struct pollfd fds[2] = {
		{ .fd = worker->bell_fd, .events = POLLIN },
		{ .fd = worker->epoll_fd, .events = POLLIN },
	};
	eventfd_t count;

	while (!atomic_load(&worker->stops)) {
		if (poll(fds, 2, httpd_wait_ms(worker)) < 0)
			CHECK(errno == EINTR || errno == ENOMEM);
		if (fds[0].revents) {
			(void)eventfd_read(worker->bell_fd, &count);
			resume_answered(worker);
			take_arrivals(worker, true);
		}
		httpd_run(worker);
	}
	resume_answered(worker);
	take_arrivals(worker, false);
}

/* -- public -- */

struct httpworker *
httpworker_new(struct httpd *httpd)
{
	struct httpworker *worker = memory_calloc(1, sizeof(*worker));

	worker->magic = WORKER_MAGIC;
	worker->httpd = httpd;
	worker->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK(worker->bell_fd >= 0);
	return worker;
}

void
httpworker_begin(struct httpworker *worker, int index)
{
	char name[16];

	snprintf(name, sizeof(name), "http-%d", index % HTTPD_THREADS_MAX);
	worker->thread = thread_new(name, run, worker);
}

void
httpworker_end(struct httpworker *worker)
{
	CHECK_MAGIC(worker, WORKER_MAGIC);
	if (worker->thread == NULL)
		return;
	atomic_store(&worker->stops, true);
	ring(worker);
	thread_join(&worker->thread);
}

void
httpworker_free(struct httpworker **worker)
{
	if (*worker == NULL)
		return;
	CHECK_MAGIC(*worker, WORKER_MAGIC);
	CHECK((*worker)->thread == NULL);
	close((*worker)->bell_fd);
	(*worker)->magic = 0;
	memory_free(worker);
}

void
httpworker_answered(struct httpworker *worker,
                    struct httpd_connection *connection)
{
	struct httpd_connection *before = atomic_load(&worker->answered);

	do
		connection->answered_next = before;
	while (!atomic_compare_exchange_weak(&worker->answered, &before,
	                                     connection));
	if (before == NULL)
		ring(worker);
}

void
httpworker_arrived(struct httpworker *worker, int fd,
                   const struct sockaddr *address, unsigned int address_len)
{
	struct httpworker_arrival *arrival = memory_calloc(1, sizeof(*arrival));

	CHECK(address_len <= sizeof(arrival->address));
	arrival->fd = fd;
	arrival->address_len = address_len;
	memcpy(&arrival->address, address, address_len);
	arrival->next = atomic_load(&worker->arrivals);
	while (!atomic_compare_exchange_weak(&worker->arrivals, &arrival->next,
	                                     arrival))
		;
	/* The worker may have it already. */
	ring(worker);
}
