/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A level counts millionths: at a rate of r a second, a microsecond adds
 * exactly r of them, so nothing is ever rounded. The largest bucket has
 * 6.5e18 of them (manifest.c bounds rates, 60 s), which fits.
 */
#include "gateway/quota.h"

#include <stdio.h>
#include <string.h>

#include "base/model/deployment.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/digest.h"
#include "base/runtime/memory.h"
#include "base/runtime/thread.h"

#define QUOTA_MAGIC  0x90074a11
#define MILLION      INT64_C(1000000)
#define SLOTS_MIN    64
#define ACCOUNTS_MAX 100000

struct bucket {
	int64_t rate;     /* a second; 0: no limit */
	int64_t capacity; /* millionths */
	int64_t level;
};

struct account {
	char *tenant;    /* NULL: a free slot */
	int64_t version; /* of the catalogue that the limits are of */
	int64_t burst_s;
	int64_t at_us; /* when the levels were so */
	struct bucket messages;
	struct bucket bytes;
};

struct quota {
	uint32_t magic;
	struct thread_lock lock;
	struct account *accounts; /* open addressing */
	size_t slots;
	size_t count;
};

/* -- buckets --------------------------------------------------------------- */

static void
bucket_refill(struct bucket *bucket, int64_t elapsed_us)
{
	int64_t room = bucket->capacity - bucket->level;

	if (bucket->rate == 0)
		return;
	if (elapsed_us > room / bucket->rate)
		bucket->level = bucket->capacity;
	else
		bucket->level += elapsed_us * bucket->rate;
}

/* What is left stays, as far as there is room for it. */
static void
bucket_set(struct bucket *bucket, int64_t rate, int64_t burst_s)
{
	bool was_free = bucket->rate == 0;

	bucket->rate = rate;
	bucket->capacity = rate * burst_s * MILLION;
	if (was_free || bucket->level > bucket->capacity)
		bucket->level = bucket->capacity;
}

static bool
bucket_is_too_small(const struct bucket *bucket, int64_t wanted)
{
	return bucket->rate > 0 && wanted > bucket->capacity / MILLION;
}

/* Microseconds, rounded up, until it has so much; 0: it has. */
static int64_t
bucket_wait_us(const struct bucket *bucket, int64_t millionths)
{
	int64_t lacks = millionths - bucket->level;

	if (bucket->rate == 0 || lacks <= 0)
		return 0;
	return (lacks - 1) / bucket->rate + 1;
}

static void
bucket_take(struct bucket *bucket, int64_t wanted)
{
	if (bucket->rate > 0)
		bucket->level -= wanted * MILLION;
}

static void
bucket_give_back(struct bucket *bucket, int64_t amount)
{
	int64_t room = bucket->capacity - bucket->level;

	if (bucket->rate == 0)
		return;
	bucket->level += amount < room / MILLION ? amount * MILLION : room;
}

static int64_t
up_to_ms(int64_t us)
{
	return us == 0 ? 0 : (us - 1) / 1000 + 1;
}

static void
bucket_answer(const struct bucket *bucket, int64_t asked, bool waits,
              struct quota_bucket *out)
{
	int64_t until;

	*out = (struct quota_bucket){ .asked = asked };
	if (bucket->rate == 0)
		return;
	out->burst = bucket->capacity / MILLION;
	out->left = bucket->level / MILLION;
	until = waits ? bucket_wait_us(bucket, asked * MILLION) : 0;
	if (until == 0)
		until = bucket_wait_us(bucket, bucket->capacity);
	out->reset_ms = up_to_ms(until);
}

/* -- accounts -------------------------------------------------------------- */

static struct account *
find_slot(const struct quota *quota, const char *tenant)
{
	uint32_t at = digest_murmur2(tenant, strlen(tenant));

	for (;; at++) {
		struct account *slot =
			&quota->accounts[at & (quota->slots - 1)];

		if (slot->tenant == NULL || strcmp(slot->tenant, tenant) == 0)
			return slot;
	}
}

static void
grow(struct quota *quota)
{
	struct account *old = quota->accounts;
	size_t old_slots = quota->slots;

	quota->slots = old_slots * 2;
	quota->accounts = memory_calloc(quota->slots, sizeof(*quota->accounts));
	for (size_t i = 0; i < old_slots; i++)
		if (old[i].tenant != NULL)
			*find_slot(quota, old[i].tenant) = old[i];
	memory_free(&old);
}

/* The account of a tenant as it is now, by the newest limits. */
static struct account *
account_of(struct quota *quota, const struct deployment *deployment,
           const struct tenant *tenant)
{
	struct account *account = find_slot(quota, tenant->name);
	int64_t now_us = clock_now_us();

	if (account->tenant == NULL) {
		CHECK(++quota->count <= ACCOUNTS_MAX);
		if (quota->count * 2 > quota->slots) {
			grow(quota);
			account = find_slot(quota, tenant->name);
		}
		account->tenant = memory_strdup(tenant->name);
		account->version = INT64_MIN;
		account->at_us = now_us;
	}
	if (now_us > account->at_us) {
		bucket_refill(&account->messages, now_us - account->at_us);
		bucket_refill(&account->bytes, now_us - account->at_us);
		account->at_us = now_us;
	}
	if (deployment->version > account->version) {
		account->version = deployment->version;
		account->burst_s = tenant->quota_burst_seconds;
		bucket_set(&account->messages,
		           tenant->quota_messages_per_second, account->burst_s);
		bucket_set(&account->bytes, tenant->quota_bytes_per_second,
		           account->burst_s);
	}
	return account;
}

static enum quota_outcome
account_take(struct account *account, int64_t messages, int64_t bytes,
             int64_t *out_wait_us)
{
	int64_t wait_us, other_us;

	*out_wait_us = 0;
	if (bucket_is_too_small(&account->messages, messages) ||
	    bucket_is_too_small(&account->bytes, bytes))
		return QUOTA_NEVER;
	wait_us = account->messages.rate == 0
		? 0
		: bucket_wait_us(&account->messages, messages * MILLION);
	other_us = account->bytes.rate == 0
		? 0
		: bucket_wait_us(&account->bytes, bytes * MILLION);
	*out_wait_us = wait_us > other_us ? wait_us : other_us;
	if (*out_wait_us > 0)
		return QUOTA_WAIT;
	bucket_take(&account->messages, messages);
	bucket_take(&account->bytes, bytes);
	return QUOTA_TAKEN;
}

/* -- texts ----------------------------------------------------------------- */

static int64_t
up_to_s(int64_t ms)
{
	return ms == 0 ? 0 : (ms - 1) / 1000 + 1;
}

static void
add_part(char out[QUOTA_TEXT_MAX], const char *part)
{
	size_t len = strlen(out);

	snprintf(out + len, QUOTA_TEXT_MAX - len, "%s%s", len ? ", " : "",
	         part);
}

static void
add_policy(const struct quota_bucket *bucket, const char *name,
           const char *unit, int64_t window_s, char out[QUOTA_TEXT_MAX])
{
	char part[QUOTA_TEXT_MAX];

	if (bucket->burst == 0)
		return;
	snprintf(part, sizeof(part), "\"%s\";q=%lld;qu=\"%s\";w=%lld", name,
	         (long long)bucket->burst, unit, (long long)window_s);
	add_part(out, part);
}

static void
add_limit(const struct quota_bucket *bucket, const char *name,
          char out[QUOTA_TEXT_MAX])
{
	char part[QUOTA_TEXT_MAX];

	if (bucket->burst == 0)
		return;
	snprintf(part, sizeof(part), "\"%s\";r=%lld;t=%lld", name,
	         (long long)bucket->left, (long long)up_to_s(bucket->reset_ms));
	add_part(out, part);
}

/* -- public ---------------------------------------------------------------- */

struct quota *
quota_new(void)
{
	struct quota *quota = memory_calloc(1, sizeof(*quota));

	quota->magic = QUOTA_MAGIC;
	thread_lock_init(&quota->lock, THREAD_RANK_QUEUE);
	quota->slots = SLOTS_MIN;
	quota->accounts = memory_calloc(quota->slots, sizeof(*quota->accounts));
	return quota;
}

void
quota_free(struct quota **handle)
{
	struct quota *quota = *handle;

	if (quota == NULL)
		return;
	CHECK_MAGIC(quota, QUOTA_MAGIC);
	for (size_t i = 0; i < quota->slots; i++)
		memory_free(&quota->accounts[i].tenant);
	memory_free(&quota->accounts);
	thread_lock_fini(&quota->lock);
	memory_free(handle);
}

enum quota_outcome
quota_take(struct quota *quota, const struct deployment *deployment,
           const struct tenant *tenant, int64_t messages, int64_t bytes,
           struct quota_answer *out)
{
	struct account *account;
	int64_t wait_us;
	bool waits;

	CHECK_MAGIC(quota, QUOTA_MAGIC);
	CHECK(messages >= 0 && bytes >= 0);
	thread_lock(&quota->lock);
	account = account_of(quota, deployment, tenant);
	out->outcome = account_take(account, messages, bytes, &wait_us);
	waits = out->outcome == QUOTA_WAIT;
	out->wait_ms = up_to_ms(wait_us);
	out->window_s = account->burst_s;
	bucket_answer(&account->messages, messages, waits, &out->messages);
	bucket_answer(&account->bytes, bytes, waits, &out->bytes);
	thread_unlock(&quota->lock);
	return out->outcome;
}

void
quota_give_back(struct quota *quota, const struct tenant *tenant,
                int64_t messages, int64_t bytes)
{
	struct account *account;

	CHECK_MAGIC(quota, QUOTA_MAGIC);
	CHECK(messages >= 0 && bytes >= 0);
	thread_lock(&quota->lock);
	account = find_slot(quota, tenant->name);
	if (account->tenant != NULL) {
		bucket_give_back(&account->messages, messages);
		bucket_give_back(&account->bytes, bytes);
	}
	thread_unlock(&quota->lock);
}

void
quota_policy_text(const struct quota_answer *answer, char out[QUOTA_TEXT_MAX])
{
	out[0] = '\0';
	add_policy(&answer->messages, "messages", "messages", answer->window_s,
	           out);
	add_policy(&answer->bytes, "bytes", "content-bytes", answer->window_s,
	           out);
}

void
quota_limit_text(const struct quota_answer *answer, char out[QUOTA_TEXT_MAX])
{
	out[0] = '\0';
	add_limit(&answer->messages, "messages", out);
	add_limit(&answer->bytes, "bytes", out);
}

int64_t
quota_retry_after_s(const struct quota_answer *answer)
{
	return answer->wait_ms <= 1000 ? 1 : up_to_s(answer->wait_ms);
}

void
quota_detail_text(const struct quota_answer *answer, char out[QUOTA_TEXT_MAX])
{
	const struct quota_bucket *bucket = &answer->messages;
	bool is_messages = answer->outcome == QUOTA_NEVER
		? bucket->burst > 0 && bucket->asked > bucket->burst
		: bucket->burst > 0 && bucket->asked > bucket->left;
	const char *unit = is_messages ? "messages" : "bytes";

	if (!is_messages)
		bucket = &answer->bytes;
	if (answer->outcome == QUOTA_NEVER)
		snprintf(out, QUOTA_TEXT_MAX,
		         "the request has %lld %s, the tenant's quota lets "
		         "%lld through at once: send it in parts",
		         (long long)bucket->asked, unit,
		         (long long)bucket->burst);
	else
		snprintf(out, QUOTA_TEXT_MAX,
		         "the tenant's quota of %lld %s in %lld s is used up: "
		         "try again in %lld s",
		         (long long)bucket->burst, unit,
		         (long long)answer->window_s,
		         (long long)quota_retry_after_s(answer));
}
