/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends one and the same HTTP request over N connections that stay, each as
 * soon as its last answer is there, and tells how many came back in which
 * time. One thread, raw sockets, a few microseconds a request, so that it
 * does not measure itself.
 *
 *   bench_http --port P --connections N --seconds S --request FILE
 *
 * FILE has the request as it is sent, byte for byte; "-" is standard input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 20000
#define ANSWER_BYTES    65536
#define REQUEST_BYTES   (64 * 1024 * 1024)
#define EVENTS_MAX      256
/* Buckets of a time: 2^k to 2^(k+1) microseconds in 64 parts. */
#define PARTS   64
#define BUCKETS (40 * PARTS)

struct connection {
	int fd;
	size_t sent;
	size_t got;     /* of the header section, or what is left to come */
	size_t to_come; /* of the body; 0: in the header section */
	int64_t since_ns;
	char head[2048];
};

static struct {
	int port, count, seconds, warm_up;
	const char *request;
} options = { .count = 64, .seconds = 10, .warm_up = 1 };

static char *request;
static size_t request_len;
static struct connection *connections;
static int epoll_fd;
static uint64_t buckets[BUCKETS];
static uint64_t answers, statuses[6], failures;
static int64_t begin_ns, end_ns;

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void
fail(const char *what)
{
	fprintf(stderr, "bench_http: %s (%s)\n", what, strerror(errno));
	exit(1);
}

/* -- times ----------------------------------------------------------------- */

static size_t
bucket_of(int64_t ns)
{
	uint64_t us = ns < 0 ? 0 : (uint64_t)ns / 1000;
	int power;
	size_t bucket;

	if (us < PARTS)
		return (size_t)us;
	power = 63 - __builtin_clzll(us) - 6;
	bucket = (size_t)(power + 1) * PARTS + (us >> power) - PARTS;
	return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static double
us_of(size_t bucket)
{
	size_t power = bucket / PARTS;

	if (power == 0)
		return (double)bucket;
	return (double)((bucket % PARTS + PARTS) << (power - 1));
}

static double
percentile_ms(double share)
{
	uint64_t total = 0, seen = 0;

	for (size_t i = 0; i < BUCKETS; i++)
		total += buckets[i];
	for (size_t i = 0; i < BUCKETS; i++) {
		seen += buckets[i];
		if ((double)seen >= share * (double)total)
			return us_of(i) / 1000;
	}
	return 0;
}

/* -- one connection -------------------------------------------------------- */

static void
send_request(struct connection *at)
{
	while (at->sent < request_len) {
		ssize_t len = send(at->fd, request + at->sent,
		                   request_len - at->sent, MSG_NOSIGNAL);

		if (len < 0) {
			if (errno == EAGAIN)
				return;
			fail("cannot send");
		}
		at->sent += (size_t)len;
	}
}

static void
begin(struct connection *at, int64_t now)
{
	at->sent = at->got = at->to_come = 0;
	at->since_ns = now;
	send_request(at);
}

static void
complete(struct connection *at, int64_t now)
{
	int status = atoi(at->head + 9);

	if (now >= begin_ns && now < end_ns) {
		answers++;
		statuses[status >= 100 && status < 600 ? status / 100 : 0]++;
		buckets[bucket_of(now - at->since_ns)]++;
	}
	begin(at, now);
}

/* The header section may have come in pieces, the body rarely does. */
static void
take(struct connection *at, const char *bytes, size_t len, int64_t now)
{
	const char *end, *length;
	size_t room = sizeof(at->head) - 1 - at->got, body;

	if (at->to_come > 0) {
		at->to_come -= len < at->to_come ? len : at->to_come;
		if (at->to_come == 0)
			complete(at, now);
		return;
	}
	memcpy(at->head + at->got, bytes, len < room ? len : room);
	at->got += len;
	at->head[at->got < sizeof(at->head) ? at->got : sizeof(at->head) - 1] =
		'\0';
	end = strstr(at->head, "\r\n\r\n");
	if (end == NULL) {
		if (at->got >= sizeof(at->head))
			fail("a header section is too long");
		return;
	}
	length = strcasestr(at->head, "\r\nContent-Length: ");
	body = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
	body += (size_t)(end + 4 - at->head);
	if (at->got >= body)
		complete(at, now);
	else
		at->to_come = body - at->got;
}

static void
dial(struct connection *at)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)options.port),
	};
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET,
		                     .data.ptr = at };
	int one = 1;

	memset(at, 0, sizeof(*at));
	at->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (at->fd < 0 ||
	    connect(at->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail("cannot connect");
	setsockopt(at->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, at->fd, &event) != 0)
		fail("cannot watch a connection");
}

static void
serve(struct connection *at, int64_t now)
{
	static char bytes[ANSWER_BYTES];
	ssize_t len;

	if (at->sent < request_len)
		send_request(at);
	do {
		len = recv(at->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (len > 0)
			take(at, bytes, (size_t)len, now);
	} while (len == (ssize_t)sizeof(bytes));
	if (len > 0 || (len < 0 && errno == EAGAIN))
		return;
	/* Closed by the server: another one in its place. */
	failures++;
	close(at->fd);
	dial(at);
	begin(at, now);
}

/* -- all ------------------------------------------------------------------- */

static void
read_request(void)
{
	FILE *file = strcmp(options.request, "-") == 0
		? stdin
		: fopen(options.request, "rb");

	if (file == NULL)
		fail(options.request);
	request = malloc(REQUEST_BYTES);
	request_len = fread(request, 1, REQUEST_BYTES, file);
	if (request_len == 0)
		fail("the request is empty");
	if (file != stdin)
		fclose(file);
}

static void
run(void)
{
	struct epoll_event events[EVENTS_MAX];
	int64_t now = now_ns();

	for (int i = 0; i < options.count; i++)
		begin(&connections[i], now);
	begin_ns = now + options.warm_up * INT64_C(1000000000);
	end_ns = begin_ns + options.seconds * INT64_C(1000000000);
	while (now < end_ns) {
		int count = epoll_wait(epoll_fd, events, EVENTS_MAX, 100);

		now = now_ns();
		for (int i = 0; i < count; i++)
			serve(events[i].data.ptr, now);
	}
}

static void
print(double own_s)
{
	double seconds = options.seconds;

	printf("{\"requests\": %llu, \"requests_per_second\": %.0f, "
	       "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f, ",
	       (unsigned long long)answers, (double)answers / seconds,
	       percentile_ms(0.5), percentile_ms(0.99), percentile_ms(0.999));
	printf("\"status\": {\"2xx\": %llu, \"4xx\": %llu, \"5xx\": %llu}, "
	       "\"closed\": %llu, \"own_us_per_request\": %.2f}\n",
	       (unsigned long long)statuses[2], (unsigned long long)statuses[4],
	       (unsigned long long)statuses[5], (unsigned long long)failures,
	       answers ? own_s * 1e6 / (double)answers : 0);
}

static void
read_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "connections", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 's' },
		{ "warm-up", required_argument, NULL, 'w' },
		{ "request", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
		switch (c) {
		case 'p':
			options.port = atoi(optarg);
			break;
		case 'c':
			options.count = atoi(optarg);
			break;
		case 's':
			options.seconds = atoi(optarg);
			break;
		case 'w':
			options.warm_up = atoi(optarg);
			break;
		case 'r':
			options.request = optarg;
			break;
		default:
			exit(2);
		}
	if (options.port <= 0 || options.request == NULL ||
	    options.count <= 0 || options.count > CONNECTIONS_MAX ||
	    options.seconds <= 0 || optind != argc) {
		fprintf(stderr,
		        "usage: bench_http --port P --request FILE "
		        "[--connections N] [--seconds S] [--warm-up S]\n");
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	struct rusage before, after;

	read_options(argc, argv);
	read_request();
	connections = calloc((size_t)options.count, sizeof(*connections));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (connections == NULL || epoll_fd < 0)
		fail("cannot begin");
	for (int i = 0; i < options.count; i++)
		dial(&connections[i]);
	getrusage(RUSAGE_SELF, &before);
	run();
	getrusage(RUSAGE_SELF, &after);
	print((double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec +
	               after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
	      (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec +
	               after.ru_stime.tv_usec - before.ru_stime.tv_usec) /
	              1e6);
	return 0;
}
