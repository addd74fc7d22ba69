/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the k*.c files share of librdkafka: properties, handles, the meaning
 * of its errors, its log. Private to base/io/k*.c: the only place where the
 * vendor's header is included.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The vendor's header warns where it does not lie in a system's folder. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-qualifiers"
#include <librdkafka/rdkafka.h>
#pragma GCC diagnostic pop

#include "base/io/kcluster.h"
#include "base/runtime/err.h"

struct text;

/* A bit mask: a property may be for several kinds. */
enum klib_kind {
	KLIB_READER = 1,   /* metadata, admin, bounded reads: kcluster */
	KLIB_CONSUMER = 2, /* kconsumer */
	KLIB_PRODUCER = 4, /* kproducer */
	KLIB_ALL = 7,
};

#define KLIB_NAME_MAX 64

/* One librdkafka client. Its address is librdkafka's opaque: it does not
   move while the client lives. */
struct klib {
	uint32_t magic;
	char name[KLIB_NAME_MAX]; /* of the cluster */
	rd_kafka_t *rk;
	atomic_bool is_down;    /* all brokers are down, as last heard */
	atomic_uint down_count; /* how often that was heard */
	/* NULL, or told of each error, in the thread that serves the queue */
	void (*hear)(struct klib *klib, rd_kafka_resp_err_t error,
	             const char *reason);
};

/*
 * Opens a client with this project's properties, the user's, and those of the
 * caller (which come last and may be what a user may not set). events: the
 * RD_KAFKA_EVENT_* that are wanted in place of callbacks. ERR_CONFIG names the
 * property at fault.
 */
enum err_code
klib_open(struct klib *klib, enum klib_kind kind,
          const struct kcluster_options *options, const struct kproperty *own,
          size_t own_count, int events, struct err *err) ERR_MUST_CHECK;

/* Bounded: it waits neither for brokers nor for a group. */
void
klib_close(struct klib *klib);

/* What librdkafka's error means to us: the table in klib.c. */
enum err_code
klib_code(rd_kafka_resp_err_t error);

/* err_set with klib_code and librdkafka's own text behind the given one. */
enum err_code
klib_err(struct err *err, rd_kafka_resp_err_t error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* To be called by who serves RD_KAFKA_EVENT_ERROR; error_cb does it for the
   others. */
void
klib_heard(struct klib *klib, rd_kafka_resp_err_t error, const char *reason);

/* librdkafka's int timeouts: at least 0, at most a day. */
int
klib_timeout(int64_t timeout_ms);

/* clock_now_us in ms, and what is left until then: never negative. */
int64_t
klib_deadline_ms(int64_t timeout_ms);
int64_t
klib_left_ms(int64_t deadline_ms);

void
klib_print_reference(struct text *out);
