/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties, errors and log of librdkafka, as tables. A property that this
 * project's promises rest on is refused when a user sets it; each of the
 * others has a default with its reason, which is also the reference page.
 */
#include "base/io/klib.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/log.h"
#include "base/runtime/text.h"

#define KLIB_MAGIC    0x6b6c6962u
#define KLIB_DAY_MS   (24 * 60 * 60 * 1000)
#define KLIB_TEXT_MAX 512

/* -- properties ----------------------------------------------------------- */

struct standard {
	const char *name;
	const char *value;
	int kinds;
	bool is_newer; /* not in librdkafka 2.0.2: left out where unknown */
	const char *reason;
};

static const struct standard standards[] = {
	{ "allow.auto.create.topics", "false", KLIB_ALL, false,
	  "a topic is created by a person, with the partition count of "
	  "its feed; producers would create it by default" },
	{ "topic.metadata.propagation.max.ms", "5000", KLIB_ALL, false,
	  "a missing topic is told within a transaction's time, not "
	  "after 30 s" },
	{ "socket.timeout.ms", "10000", KLIB_ALL, false,
	  "a broker that hangs is noticed before a transaction times "
	  "out" },
	{ "socket.connection.setup.timeout.ms", "10000", KLIB_ALL, false,
	  "likewise for a connection that is never accepted" },
	{ "socket.keepalive.enable", "true", KLIB_ALL, false,
	  "a connection that a firewall dropped is noticed" },
	{ "socket.nagle.disable", "true", KLIB_ALL, false,
	  "requests leave at once" },
	{ "reconnect.backoff.max.ms", "2000", KLIB_ALL, false,
	  "a broker that is back is used within seconds" },
	{ "log.connection.close", "false", KLIB_ALL, false,
	  "brokers close idle connections; that is no event" },
	{ "statistics.interval.ms", "0", KLIB_ALL, false, "nobody reads them" },

	{ "enable.auto.commit", "false", KLIB_READER | KLIB_CONSUMER, false,
	  "positions are the journal's" },
	{ "enable.auto.offset.store", "false", KLIB_READER | KLIB_CONSUMER,
	  false, "positions are the journal's" },
	{ "session.timeout.ms", "3000", KLIB_CONSUMER, false,
	  "no group is joined; this is how long offsets for lag tools wait for "
	  "their coordinator, and hold up a daemon that ends" },
	{ "auto.offset.reset", "error", KLIB_READER | KLIB_CONSUMER, false,
	  "a position that Kafka no longer has is an error; the default "
	  "jumps to the end" },
	{ "check.crcs", "true", KLIB_READER | KLIB_CONSUMER, false,
	  "what is recorded was not altered on the way" },
	{ "isolation.level", "read_committed", KLIB_CONSUMER, false,
	  "an aborted transaction was never sent; opened otherwise where "
	  "a caller says so" },
	{ "enable.partition.eof", "true", KLIB_CONSUMER, false,
	  "a partition without messages is known to answer" },
	{ "enable.partition.eof", "true", KLIB_READER, false,
	  "tells the end where the last offsets are markers" },
	{ "queued.min.messages", "1000000", KLIB_CONSUMER, false,
	  "above it librdkafka 2.0.2 does not fetch for a whole second" },
	{ "queued.max.messages.kbytes", "131072", KLIB_CONSUMER, false,
	  "the memory of a lane's queue; above it likewise" },
	{ "fetch.queue.backoff.ms", "20", KLIB_CONSUMER, true,
	  "shortens that second where librdkafka can" },
	{ "fetch.message.max.bytes", "1000000", KLIB_READER | KLIB_CONSUMER,
	  false,
	  "a fetch has some of each partition, so that an idempotent "
	  "producer has several requests in flight" },
	{ "fetch.wait.max.ms", "100", KLIB_CONSUMER, false,
	  "a partition that is assigned does not wait longer than this "
	  "for the fetch under way" },
	{ "fetch.wait.max.ms", "10", KLIB_READER, false,
	  "the end of a partition is told at once" },
	{ "fetch.error.backoff.ms", "200", KLIB_READER | KLIB_CONSUMER, false,
	  "a new leader is used soon" },

	{ "acks", "all", KLIB_PRODUCER, false,
	  "delivered means on every in-sync replica" },
	{ "enable.idempotence", "true", KLIB_PRODUCER, false,
	  "a retry neither doubles nor reorders" },
	{ "transaction.timeout.ms", "15000", KLIB_PRODUCER, false,
	  "how long readers wait for a daemon that died" },
	{ "linger.ms", "0", KLIB_PRODUCER, false,
	  "a transaction is handed over whole: waiting fills nothing" },
	{ "batch.num.messages", "50000", KLIB_PRODUCER, false,
	  "batches are bounded by their bytes" },
	{ "batch.size", "1000000", KLIB_PRODUCER, false,
	  "below a broker's usual message.max.bytes" },
	{ "message.max.bytes", "67108864", KLIB_PRODUCER, false,
	  "how large a message may be is what the topic says" },
	{ "queue.buffering.max.messages", "1000000", KLIB_PRODUCER, false,
	  "a transaction of the largest size fits" },
	{ "queue.buffering.max.kbytes", "262144", KLIB_PRODUCER, false,
	  "a transaction of the largest size fits" },
};

struct owned {
	const char *name;
	const char *allowed[2]; /* values that a user may set none the less */
	const char *reason;
};

static const struct owned owneds[] = {
	{ "bootstrap.servers", { NULL }, "it is the cluster's bootstrap" },
	{ "metadata.broker.list", { NULL }, "it is the cluster's bootstrap" },
	{ "client.id", { NULL }, "it is derived from the daemon's name" },
	{ "transactional.id",
	  { NULL },
	  "it names the lane, and fences its earlier owner" },
	{ "enable.idempotence",
	  { "true" },
	  "without it a retry doubles messages" },
	{ "acks",
	  { "all", "-1" },
	  "less than all in-sync replicas loses messages" },
	{ "request.required.acks",
	  { "all", "-1" },
	  "less than all in-sync replicas loses messages" },
	{ "delivery.report.only.error",
	  { "false" },
	  "every delivery is counted before a commit" },
	{ "allow.auto.create.topics",
	  { "false" },
	  "a topic is created with the partition count of its feed" },
	{ "enable.auto.commit", { "false" }, "positions are the journal's" },
	{ "auto.commit.enable", { "false" }, "positions are the journal's" },
	{ "enable.auto.offset.store",
	  { "false" },
	  "positions are the journal's" },
	{ "auto.offset.reset",
	  { "error" },
	  "a lost position must be an error, never a jump" },
	{ "isolation.level",
	  { NULL },
	  "it is chosen for each handle by what it reads" },
	{ "enable.partition.eof", { NULL }, "it is chosen for each handle" },
	{ "check.crcs",
	  { "true" },
	  "what is recorded must not have been altered on the way" },
	{ "group.protocol", { NULL }, "partitions are assigned by lanes" },
	{ "group.remote.assignor",
	  { NULL },
	  "partitions are assigned by lanes" },
	{ "group.instance.id", { NULL }, "partitions are assigned by lanes" },
	{ "partition.assignment.strategy",
	  { NULL },
	  "partitions are assigned by lanes" },
	{ "plugin.library.paths", { NULL }, "it loads code into the daemon" },
	{ "interceptors", { NULL }, "it loads code into the daemon" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static enum err_code
refuse_owned(const struct kproperty *property, struct err *err)
{
	for (size_t i = 0; i < COUNT(owneds); i++) {
		const struct owned *owned = &owneds[i];

		if (strcmp(owned->name, property->name) != 0)
			continue;
		for (size_t j = 0; j < COUNT(owned->allowed); j++)
			if (owned->allowed[j] != NULL &&
			    strcmp(owned->allowed[j], property->value) == 0)
				return ERR_OK;
		return err_set(err, ERR_CONFIG,
		               "property %s may not be set to \"%s\" (%s)",
		               property->name, property->value, owned->reason);
	}
	return ERR_OK;
}

static enum err_code
set_property(rd_kafka_conf_t *conf, const char *name, const char *value,
             struct err *err)
{
	char reason[KLIB_TEXT_MAX];

	switch (rd_kafka_conf_set(conf, name, value, reason, sizeof(reason))) {
	case RD_KAFKA_CONF_OK:
		return ERR_OK;
	case RD_KAFKA_CONF_UNKNOWN:
		return err_set(err, ERR_CONFIG,
		               "property %s is not known to librdkafka %s",
		               name, rd_kafka_version_str());
	default:
		/* The value may be a password: librdkafka's text has none. */
		return err_set(err, ERR_CONFIG, "property %s: %s", name,
		               reason);
	}
}

static enum err_code
set_standards(rd_kafka_conf_t *conf, enum klib_kind kind, struct err *err)
{
	char reason[KLIB_TEXT_MAX];

	for (size_t i = 0; i < COUNT(standards); i++) {
		const struct standard *standard = &standards[i];

		if ((standard->kinds & (int)kind) == 0)
			continue;
		if (standard->is_newer &&
		    rd_kafka_conf_set(conf, standard->name, standard->value,
		                      reason,
		                      sizeof(reason)) == RD_KAFKA_CONF_UNKNOWN)
			continue;
		if (set_property(conf, standard->name, standard->value, err) !=
		    ERR_OK)
			return err->code;
	}
	return ERR_OK;
}

static enum err_code
set_all(rd_kafka_conf_t *conf, enum klib_kind kind,
        const struct kcluster_options *options, const struct kproperty *own,
        size_t own_count, struct err *err)
{
	if (set_standards(conf, kind, err) != ERR_OK ||
	    set_property(conf, "bootstrap.servers", options->bootstrap, err) !=
	            ERR_OK)
		return err->code;
	if (options->client_id != NULL &&
	    set_property(conf, "client.id", options->client_id, err) != ERR_OK)
		return err->code;
	for (size_t i = 0; i < options->property_count; i++) {
		const struct kproperty *property = &options->properties[i];

		if (refuse_owned(property, err) != ERR_OK ||
		    set_property(conf, property->name, property->value, err) !=
		            ERR_OK)
			return err->code;
	}
	for (size_t i = 0; i < own_count; i++)
		if (set_property(conf, own[i].name, own[i].value, err) !=
		    ERR_OK)
			return err->code;
	return ERR_OK;
}

static const char *
kinds_text(int kinds)
{
	switch (kinds) {
	case KLIB_ALL:
		return "all";
	case KLIB_READER:
		return "reader";
	case KLIB_CONSUMER:
		return "consumer";
	case KLIB_PRODUCER:
		return "producer";
	default:
		return "reader, consumer";
	}
}

/* -- log ------------------------------------------------------------------ */

static struct log_scope
scope_of(const struct klib *klib)
{
	struct log_scope scope = LOG_SCOPE("kafka");

	scope.cluster = klib->name;
	return scope;
}

/* Threads of librdkafka; klib lives longer than its client. */
static void
log_line(const rd_kafka_t *rk, int level, const char *facility,
         const char *line)
{
	const struct klib *klib = rd_kafka_opaque(rk);
	struct log_scope scope;

	CHECK_MAGIC(klib, KLIB_MAGIC);
	scope = scope_of(klib);
	/* Producers' properties are set on consumers too, and old brokers do
	   not know that topics are not to be made: no event. What fails is
	   returned to the caller, except for why a connection failed. */
	if (level >= 7 || strcmp(facility, "CONFWARN") == 0 ||
	    strcmp(facility, "AUTOCREATE") == 0)
		log_debug(&scope, "librdkafka: %s: %s", facility, line);
	else if (level <= 2 || strcmp(facility, "FAIL") == 0)
		log_warn(&scope, "librdkafka: %s: %s", facility, line);
	else
		log_info(&scope, "librdkafka: %s: %s", facility, line);
}

static void
on_error(rd_kafka_t *rk, int error, const char *reason, void *opaque)
{
	(void)rk;
	klib_heard(opaque, (rd_kafka_resp_err_t)error, reason);
}

/* -- errors --------------------------------------------------------------- */

struct meaning {
	rd_kafka_resp_err_t error;
	enum err_code code;
};

/* What is not here may pass: ERR_KAFKA. */
static const struct meaning meanings[] = {
	{ RD_KAFKA_RESP_ERR_NO_ERROR, ERR_OK },

	{ RD_KAFKA_RESP_ERR__FENCED, ERR_KAFKA_FENCED },
	{ RD_KAFKA_RESP_ERR_PRODUCER_FENCED, ERR_KAFKA_FENCED },
	{ RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, ERR_KAFKA_FENCED },

	/* another try with the same bytes ends alike */
	{ RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ERR_KAFKA_PERMANENT },
	{ RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, ERR_KAFKA_PERMANENT },
	{ RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, ERR_KAFKA_PERMANENT },
	{ RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, ERR_KAFKA_PERMANENT },
	{ RD_KAFKA_RESP_ERR_INVALID_RECORD, ERR_KAFKA_PERMANENT },
	{ RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT,
	  ERR_KAFKA_PERMANENT },
	{ RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, ERR_KAFKA_PERMANENT },
	{ RD_KAFKA_RESP_ERR_POLICY_VIOLATION, ERR_KAFKA_PERMANENT },
	{ RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ERR_KAFKA_PERMANENT },
	{ RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, ERR_KAFKA_PERMANENT },
	{ RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
	  ERR_KAFKA_PERMANENT },
	{ RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, ERR_KAFKA_PERMANENT },

	{ RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ERR_KAFKA_TOPIC },
	{ RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, ERR_KAFKA_TOPIC },
	{ RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, ERR_KAFKA_TOPIC },
	{ RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, ERR_KAFKA_TOPIC },
	{ RD_KAFKA_RESP_ERR_TOPIC_DELETION_DISABLED, ERR_KAFKA_TOPIC },

	{ RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, ERR_SOURCE_GAP },
	{ RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, ERR_SOURCE_GAP },
#if RD_KAFKA_VERSION >= 0x020100ff
	{ RD_KAFKA_RESP_ERR__LOG_TRUNCATION, ERR_SOURCE_GAP },
#endif

	{ RD_KAFKA_RESP_ERR__TRANSPORT, ERR_KAFKA_DOWN },
	{ RD_KAFKA_RESP_ERR__RESOLVE, ERR_KAFKA_DOWN },
	{ RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, ERR_KAFKA_DOWN },
	{ RD_KAFKA_RESP_ERR__AUTHENTICATION, ERR_KAFKA_DOWN },
	{ RD_KAFKA_RESP_ERR__SSL, ERR_KAFKA_DOWN },

	{ RD_KAFKA_RESP_ERR__TIMED_OUT, ERR_TIMEOUT },
	{ RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, ERR_TIMEOUT },
	{ RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, ERR_CONFLICT },
};

/* -- public --------------------------------------------------------------- */

enum err_code
klib_open(struct klib *klib, enum klib_kind kind,
          const struct kcluster_options *options, const struct kproperty *own,
          size_t own_count, int events, struct err *err)
{
	char reason[KLIB_TEXT_MAX];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	CHECK(options->name != NULL && options->bootstrap != NULL);
	klib->magic = KLIB_MAGIC;
	snprintf(klib->name, sizeof(klib->name), "%s", options->name);
	atomic_init(&klib->is_down, false);
	atomic_init(&klib->down_count, 0);
	rd_kafka_conf_set_opaque(conf, klib);
	rd_kafka_conf_set_log_cb(conf, log_line);
	if ((events & RD_KAFKA_EVENT_ERROR) == 0)
		rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_events(conf, events);

	if (set_all(conf, kind, options, own, own_count, err) != ERR_OK) {
		rd_kafka_conf_destroy(conf);
		return err_context(err, "cluster %s", options->name);
	}
	klib->rk = rd_kafka_new(kind == KLIB_PRODUCER ? RD_KAFKA_PRODUCER
	                                              : RD_KAFKA_CONSUMER,
	                        conf, reason, sizeof(reason));
	if (klib->rk == NULL) {
		rd_kafka_conf_destroy(conf);
		return err_set(err, ERR_CONFIG, "cluster %s: %s", options->name,
		               reason);
	}
	return ERR_OK;
}

void
klib_close(struct klib *klib)
{
	if (klib->rk == NULL)
		return;
	rd_kafka_destroy_flags(klib->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	klib->rk = NULL;
	klib->magic = 0;
}

enum err_code
klib_code(rd_kafka_resp_err_t error)
{
	for (size_t i = 0; i < COUNT(meanings); i++)
		if (meanings[i].error == error)
			return meanings[i].code;
	return ERR_KAFKA;
}

enum err_code
klib_err(struct err *err, rd_kafka_resp_err_t error, const char *format, ...)
{
	char text[KLIB_TEXT_MAX];
	va_list arguments;

	CHECK(error != RD_KAFKA_RESP_ERR_NO_ERROR);
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return err_set(err, klib_code(error), "%s: %s", text,
	               rd_kafka_err2str(error));
}

void
klib_heard(struct klib *klib, rd_kafka_resp_err_t error, const char *reason)
{
	struct log_scope scope;

	CHECK_MAGIC(klib, KLIB_MAGIC);
	scope = scope_of(klib);
	if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
		atomic_store(&klib->is_down, true);
		atomic_fetch_add(&klib->down_count, 1);
	}
	if (klib->hear != NULL)
		klib->hear(klib, error, reason);
	/* Failed connections are in librdkafka's log already. */
	log_debug(&scope, "librdkafka says %s (%s)", rd_kafka_err2name(error),
	          reason);
}

int
klib_timeout(int64_t timeout_ms)
{
	if (timeout_ms < 0)
		return 0;
	return timeout_ms > KLIB_DAY_MS ? KLIB_DAY_MS : (int)timeout_ms;
}

int64_t
klib_deadline_ms(int64_t timeout_ms)
{
	return clock_now_us() / 1000 + klib_timeout(timeout_ms);
}

int64_t
klib_left_ms(int64_t deadline_ms)
{
	int64_t now_ms = clock_now_us() / 1000;

	return deadline_ms > now_ms ? deadline_ms - now_ms : 0;
}

void
klib_print_reference(struct text *out)
{
	text_add(out,
	         "| property | of | default | reason |\n"
	         "|---|---|---|---|\n");
	for (size_t i = 0; i < COUNT(standards); i++)
		text_addf(out, "| `%s` | %s | `%s` | %s |\n", standards[i].name,
		          kinds_text(standards[i].kinds), standards[i].value,
		          standards[i].reason);
	text_add(out,
	         "\nThese may not be set:\n\n"
	         "| property | except to | reason |\n|---|---|---|\n");
	for (size_t i = 0; i < COUNT(owneds); i++) {
		const struct owned *owned = &owneds[i];

		text_addf(out, "| `%s` | ", owned->name);
		for (size_t j = 0; j < COUNT(owned->allowed); j++)
			if (owned->allowed[j] != NULL)
				text_addf(out, "%s`%s`", j > 0 ? ", " : "",
				          owned->allowed[j]);
		text_addf(out, " | %s |\n", owned->reason);
	}
}
