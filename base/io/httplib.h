/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the files of httpd share, without the vendor. Private to
 * base/io/http*.c. A connection and its exchange belong to the thread of the
 * pool that serves it; while a route holds the exchange, what is in it is the
 * route's.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/io/httpd.h"
#include "base/runtime/arena.h"
#include "base/runtime/text.h"

struct httpgate;
struct httproute_table;
struct httptls;
struct httpworker;
struct sockaddr;
struct thread;

#define HTTPD_MAGIC            0x68747064u
#define HTTPD_CONNECTION_MAGIC 0x68747063u
#define HTTPD_THREADS_MAX      64
#define HTTPD_HEADERS_MAX      100
#define HTTPD_VALUES_MAX       8
#define HTTPD_SEGMENTS_MAX     16

struct httpd_header {
	const char *name; /* NUL-terminated, in the server's buffer */
	const char *value;
	size_t name_len;
	size_t value_len;
};

/* A header of a response; the last one first. */
struct http_header {
	struct http_header *next;
	const char *name;
	const char *value;
};

/* What stands at "{name}". */
struct httpd_value {
	const char *name; /* in the route's pattern */
	size_t name_len;
	const char *value;
};

enum http_exchange_state {
	EXCHANGE_FREE,
	EXCHANGE_RUNNING,   /* the route has it; begin may not be over */
	EXCHANGE_SUSPENDED, /* and the connection rests */
	EXCHANGE_ANSWERED,
};

struct http_exchange {
	atomic_int state; /* enum http_exchange_state */
	struct http_request request;
	struct http_response response;
	struct text text;   /* the response's body */
	struct arena arena; /* target, headers, values and what the route does;
	                       until the request is completed */
};

/* What a connection is doing, for those who watch deadlines. */
enum httpd_phase {
	PHASE_WAITING,   /* for a request line */
	PHASE_RECEIVING, /* headers or body */
	PHASE_SERVING,   /* no deadline of ours */
	PHASE_SENDING,
	PHASE_CUT, /* by the gate, at its deadline */
};

struct httpd_connection {
	uint32_t magic;
	struct httpd *httpd;
	struct httpworker *worker;
	struct httpd_connection *answered_next; /* the worker's */
	void *mhd;
	int fd;
	/* the gate's */
	struct httpd_connection *next, *previous;
	atomic_int phase;         /* enum httpd_phase */
	atomic_llong deadline_ms; /* of the gate's clock */
	struct text body;         /* of the request */
	struct http_exchange exchange;

	/* of one request; cleared by each */
	struct httpd_incoming {
		bool is_begun;   /* the header section was judged */
		bool is_refused; /* the response is there; the body is let by */
		bool has_bad_target;
		bool has_many_headers;
		bool closes;
		size_t drained_bytes;
		size_t charged_bytes;
		size_t body_bytes_max;
		size_t header_count;
		struct httpd_header *headers;
		const struct http_route *route;
		size_t value_count;
		struct httpd_value values[HTTPD_VALUES_MAX];
	} in;
};

struct httpd {
	uint32_t magic;
	struct httpd_options options;
	struct httproute_table *routes;
	struct httptls *tls;
	struct httpgate *gate;
	struct httpworker *workers[HTTPD_THREADS_MAX];
	int worker_count;
	unsigned int worker_next; /* the gate's thread only */
	bool has_known_layout;
	atomic_bool is_quiet;
	atomic_int held; /* exchanges that routes have */
	atomic_size_t charged_bytes;
};

/* -- httpd.c, for a worker's thread only: libmicrohttpd ---------------------- */

/* Of a suspended one. */
void
httpd_resume(struct httpd_connection *connection);
/* False: the connection is closed. */
bool
httpd_add(struct httpworker *worker, int fd, const struct sockaddr *address,
          unsigned int address_len);
/* As long as nothing happens; -1: for ever. */
int
httpd_wait_ms(struct httpworker *worker);
void
httpd_run(struct httpworker *worker);

/* -- httpworker.c: a thread of the pool -------------------------------------- */

struct httpworker_arrival;

struct httpworker {
	uint32_t magic;
	struct httpd *httpd;
	void *daemon;
	int epoll_fd; /* the daemon's */
	int bell_fd;
	atomic_bool stops;
	_Atomic(struct httpd_connection *) answered;
	_Atomic(struct httpworker_arrival *) arrivals;
	struct thread *thread;
};

struct httpworker *
httpworker_new(struct httpd *httpd);
/* Once its daemon is there. */
void
httpworker_begin(struct httpworker *worker, int index);
/* After the last exchange was answered. */
void
httpworker_end(struct httpworker *worker);
void
httpworker_free(struct httpworker **worker);
/* A suspended connection is to go on. Any thread. */
void
httpworker_answered(struct httpworker *worker,
                    struct httpd_connection *connection);
/* A connection came in. Any thread. */
void
httpworker_arrived(struct httpworker *worker, int fd,
                   const struct sockaddr *address, unsigned int address_len);

/* -- httprequest.c: a request as it comes in ------------------------------- */

/* What is refused is still read up to this, since a client that is cut off
   while it sends does not see the answer. */
#define HTTPREQUEST_DRAIN_MAX ((size_t)8 * 1024 * 1024)
/* What a connection keeps from one request to the next; a smaller body is not
   counted either. */
#define HTTPREQUEST_KEPT_MAX ((size_t)16 * 1024)

/* Whoever is slower in the long run is cut. */
#define HTTPREQUEST_BYTES_PER_S 65536

void
httprequest_deadline(struct httpd_connection *connection, int64_t in_ms);
/* False: the gate has cut it. */
bool
httprequest_phase(struct httpd_connection *connection, int phase);
/* Of the bytes of all bodies, so many are this request's. */
void
httprequest_charge(struct httpd_connection *connection, size_t bytes);
void
httprequest_discharge(struct httpd_connection *connection);
/* Empty again, and small. */
void
httprequest_text(struct text *text, size_t size_max);
/* Of "/a?b=c", or of the absolute form "http://host/a?b=c". */
void
httprequest_target(struct httpd_connection *connection, char *target);
/* The response is this problem, to be sent at once or behind the body. */
void
httprequest_refuse(struct httpd_connection *connection, int status,
                   const char *detail);
/* What is known by the headers alone: the route, or a refusal. */
void
httprequest_judge(struct httpd_connection *connection, int64_t length);
/* A part of the body. False: to be cut off. */
bool
httprequest_body(struct httpd_connection *connection, const char *bytes,
                 size_t len);

/* -- http.c ------------------------------------------------------------- */

/* Of percent-encoded text; false where it has a NUL or a "%" that begins no
   byte. plus: a "+" is a space. out has room for len + 1 bytes. */
bool
http_decode(const char *text, size_t len, bool plus, char *out);

/* As it is before a route has it. */
void
http_response_reset(struct http_response *response);

/* -- httproute.c: which route a request is for ------------------------- */

struct httproute_table *
httproute_new(const struct http_route *const *routes);
void
httproute_free(struct httproute_table **table);
/* 0 with in.route and in.values set, 404 or 405. */
int
httproute_find(const struct httproute_table *table,
               struct httpd_connection *connection);
/* "GET, HEAD, POST": what the path takes. */
void
httproute_add_allowed(const struct httproute_table *table, const char *path,
                      struct text *out);

/* -- httpframing.c: what must not reach a route ------------------------ */

/*
 * Why the header section is refused (400, then close), or NULL. What two
 * servers in a row could read in two ways is refused, since that is how
 * requests are smuggled.
 */
const char *
httpframing_fault(const struct httpd_connection *connection, const char *method,
                  const char *version);

/*
 * libmicrohttpd 0.9.75 leaves the lines where they were received, each end
 * of line as two NULs; other distances tell of a NUL in a line, a bare line
 * feed or a folded line, which its API does not show. NULL: no such thing.
 */
const char *
httpframing_layout_fault(const struct httpd_connection *connection,
                         const char *method, const char *target,
                         const char *version, size_t section_size);

/* -1: no such header; -2: not a number of bytes. */
int64_t
httpframing_content_length(const struct httpd_connection *connection);
bool
httpframing_is_chunked(const struct httpd_connection *connection);

/* -- httpgate.c: who may come in, and how long he may stay -------------- */

struct httpgate_options {
	const char *listen;
	int connections_max;
	struct httptls *tls; /* or NULL; is looked after */
	/* A connection of ours. */
	void (*add)(void *context, int fd, const struct sockaddr *address,
	            unsigned int address_len);
	void *context;
};

/* Listens, and lets in once httpgate_begin was called. */
enum err_code
httpgate_open(const struct httpgate_options *options, struct httpgate **out,
              struct err *err) ERR_MUST_CHECK;
void
httpgate_begin(struct httpgate *gate);
/* Closes the listening socket; connections stay. */
void
httpgate_end(struct httpgate *gate);
/* After the last connection. */
void
httpgate_close(struct httpgate **gate);
int
httpgate_port(const struct httpgate *gate);

/* A connection comes under the gate's eyes, and leaves them before its
   descriptor is closed. Threads: any. */
void
httpgate_enter(struct httpgate *gate, struct httpd_connection *connection);
void
httpgate_leave(struct httpgate *gate, struct httpd_connection *connection);
/* One that was let in never entered. */
void
httpgate_lost(struct httpgate *gate);
/* How many are neither waiting nor cut. Any thread. */
int
httpgate_busy(struct httpgate *gate);
/* Milliseconds, a quarter of a second old at most. Any thread, cheap. */
int64_t
httpgate_now_ms(const struct httpgate *gate);

/* -- httpsocket.c ---------------------------------------------------------- */

/* Listening; ERR_CONFIG where the text is no address. */
enum err_code
httpsocket_listen(const char *listen, int *out_fd,
                  struct err *err) ERR_MUST_CHECK;
int
httpsocket_port(int fd);

/* -- httptls.c: certificate and key ----------------------------------------- */

/* Which TLS versions and ciphers, in the words of GnuTLS. */
#define HTTPTLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

enum err_code
httptls_open(const char *certificate, const char *key, struct httptls **out,
             struct err *err) ERR_MUST_CHECK;
void
httptls_close(struct httptls **tls);
/* Any thread. ERR_CONFIG: the old ones stay. */
enum err_code
httptls_reload(struct httptls *tls, struct err *err) ERR_MUST_CHECK;
/* Takes over files that have changed; what is wrong with them is logged. */
void
httptls_look(struct httptls *tls);
/* What GnuTLS calls in each handshake: a
   gnutls_certificate_retrieve_function2 *. */
void *
httptls_callback(void);
/* In httpd.c: whose handshake it is, of what gnutls_session_get_ptr says. */
struct httptls *
httpd_tls_of(void *session_pointer);
