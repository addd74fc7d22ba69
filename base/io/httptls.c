/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificate and key that libmicrohttpd's GnuTLS shows. A handshake takes
 * what is current when it begins; what was replaced is kept for longer than
 * any handshake may last, since GnuTLS borrows it.
 */
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io/httplib.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "base/runtime/thread.h"

#define TLS_MAGIC     0x746c7363u
#define CHAIN_MAX     16
#define KEY_ID_MAX    64
#define FILE_SIZE_MAX (1024 * 1024)
#define KEPT_US       (600 * INT64_C(1000000))

struct identity {
	struct identity *next; /* the one before */
	int64_t retired_us;
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned int count;
	gnutls_privkey_t key;
};

/* What tells that a file is another one. */
struct stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct httptls {
	uint32_t magic;
	char *certificate;
	char *key;
	struct thread_lock lock; /* of all below */
	struct identity *current;
	struct stamp stamps[2];
};

/* -- reading --------------------------------------------------------------- */

static void
identity_free(struct identity **identity)
{
	if (*identity == NULL)
		return;
	for (unsigned int i = 0; i < (*identity)->count; i++)
		gnutls_pcert_deinit(&(*identity)->chain[i]);
	if ((*identity)->key)
		gnutls_privkey_deinit((*identity)->key);
	memory_free(identity);
}

static void
forget(gnutls_datum_t *bytes)
{
	if (bytes->data)
		gnutls_memset(bytes->data, 0, bytes->size);
	gnutls_free(bytes->data);
	bytes->data = NULL;
}

static enum err_code
read_file(const char *path, gnutls_datum_t *out, struct err *err)
{
	struct stat stat_of;
	int reason;

	if (stat(path, &stat_of) != 0)
		return err_set(err, ERR_CONFIG, "cannot read %s (%s)", path,
		               strerror(errno));
	if (!S_ISREG(stat_of.st_mode) || stat_of.st_size > FILE_SIZE_MAX)
		return err_set(err, ERR_CONFIG, "%s is no file of at most 1 MB",
		               path);
	reason = gnutls_load_file(path, out);
	if (reason != 0)
		return err_set(err, ERR_CONFIG, "cannot read %s (%s)", path,
		               gnutls_strerror(reason));
	return ERR_OK;
}

static enum err_code
read_chain(const char *path, struct identity *out, struct err *err)
{
	gnutls_datum_t bytes = { NULL, 0 };
	unsigned int count = CHAIN_MAX;
	int reason;

	if (read_file(path, &bytes, err) != ERR_OK)
		return err->code;
	reason = gnutls_pcert_list_import_x509_raw(out->chain, &count, &bytes,
	                                           GNUTLS_X509_FMT_PEM, 0);
	forget(&bytes);
	if (reason != 0 || count == 0)
		return err_set(err, ERR_CONFIG,
		               "%s has no certificate in PEM form (%s)", path,
		               gnutls_strerror(reason));
	out->count = count;
	return ERR_OK;
}

static enum err_code
read_key(const char *path, struct identity *out, struct err *err)
{
	gnutls_datum_t bytes = { NULL, 0 };
	int reason;

	if (read_file(path, &bytes, err) != ERR_OK)
		return err->code;
	CHECK(gnutls_privkey_init(&out->key) == 0);
	reason = gnutls_privkey_import_x509_raw(out->key, &bytes,
	                                        GNUTLS_X509_FMT_PEM, NULL, 0);
	forget(&bytes);
	if (reason != 0)
		return err_set(err, ERR_CONFIG,
		               "%s has no private key in PEM form without a "
		               "password (%s)",
		               path, gnutls_strerror(reason));
	return ERR_OK;
}

/* The key's public half is the one that the certificate names. */
static bool
fits(const struct identity *identity)
{
	unsigned char ids[2][KEY_ID_MAX];
	size_t sizes[2] = { KEY_ID_MAX, KEY_ID_MAX };
	gnutls_pubkey_t public = NULL;
	bool same;

	CHECK(gnutls_pubkey_init(&public) == 0);
	same = gnutls_pubkey_import_privkey(public, identity->key, 0, 0) == 0 &&
		gnutls_pubkey_get_key_id(public, 0, ids[0], &sizes[0]) == 0 &&
		gnutls_pubkey_get_key_id(identity->chain[0].pubkey, 0, ids[1],
	                                 &sizes[1]) == 0 &&
		sizes[0] == sizes[1] && memcmp(ids[0], ids[1], sizes[0]) == 0;
	gnutls_pubkey_deinit(public);
	return same;
}

static enum err_code
load(const struct httptls *tls, struct identity **out, struct err *err)
{
	struct identity *identity = memory_calloc(1, sizeof(*identity));
	enum err_code code = read_chain(tls->certificate, identity, err);

	if (code == ERR_OK)
		code = read_key(tls->key, identity, err);
	if (code == ERR_OK && !fits(identity))
		code = err_set(err, ERR_CONFIG,
		               "the key in %s is not that of the first "
		               "certificate in %s",
		               tls->key, tls->certificate);
	if (code != ERR_OK)
		identity_free(&identity);
	*out = identity;
	return code;
}

/* -- taking over ----------------------------------------------------------- */

/* Those that no handshake can still use. The lock is held. */
static void
free_retired(struct httptls *tls, int64_t before_us)
{
	struct identity **link = &tls->current->next;

	while (*link) {
		struct identity *identity = *link;

		if (identity->retired_us > before_us) {
			link = &identity->next;
			continue;
		}
		*link = identity->next;
		identity_free(&identity);
	}
}

static void
take_over(struct httptls *tls, struct identity *identity)
{
	int64_t now_us = clock_now_us();

	thread_lock(&tls->lock);
	identity->next = tls->current;
	if (tls->current)
		tls->current->retired_us = now_us;
	tls->current = identity;
	free_retired(tls, now_us - KEPT_US);
	thread_unlock(&tls->lock);
}

static struct stamp
stamp_of(const char *path)
{
	struct stamp stamp;
	struct stat stat_of;

	memset(&stamp, 0, sizeof(stamp));
	if (stat(path, &stat_of) == 0) {
		stamp.device = stat_of.st_dev;
		stamp.inode = stat_of.st_ino;
		stamp.size = stat_of.st_size;
		stamp.changed = stat_of.st_mtim;
	}
	return stamp;
}

/* True: they are others than at the last call. */
static bool
take_stamps(struct httptls *tls)
{
	struct stamp stamps[2];
	bool changed;

	memset(stamps, 0, sizeof(stamps));
	stamps[0] = stamp_of(tls->certificate);
	stamps[1] = stamp_of(tls->key);
	thread_lock(&tls->lock);
	changed = memcmp(stamps, tls->stamps, sizeof(stamps)) != 0;
	memcpy(tls->stamps, stamps, sizeof(stamps));
	thread_unlock(&tls->lock);
	return changed;
}

static int
retrieve(gnutls_session_t session, const gnutls_datum_t *authorities,
         int authority_count, const gnutls_pk_algorithm_t *algorithms,
         int algorithm_count, gnutls_pcert_st **out_chain,
         unsigned int *out_count, gnutls_privkey_t *out_key)
{
	struct httptls *tls = httpd_tls_of(gnutls_session_get_ptr(session));

	CHECK_MAGIC(tls, TLS_MAGIC);
	thread_lock(&tls->lock);
	*out_chain = tls->current->chain;
	*out_count = tls->current->count;
	*out_key = tls->current->key;
	thread_unlock(&tls->lock);
	return 0;
}

/* -- public -- */

enum err_code
httptls_open(const char *certificate, const char *key, struct httptls **out,
             struct err *err)
{
	struct httptls *tls = memory_calloc(1, sizeof(*tls));
	enum err_code code;

	tls->magic = TLS_MAGIC;
	tls->certificate = memory_strdup(certificate);
	tls->key = memory_strdup(key);
	thread_lock_init(&tls->lock, THREAD_RANK_QUEUE);
	code = httptls_reload(tls, err);
	if (code != ERR_OK)
		httptls_close(&tls);
	*out = tls;
	return code;
}

void
httptls_close(struct httptls **tls)
{
	if (*tls == NULL)
		return;
	CHECK_MAGIC(*tls, TLS_MAGIC);
	while ((*tls)->current) {
		struct identity *identity = (*tls)->current;

		(*tls)->current = identity->next;
		identity_free(&identity);
	}
	thread_lock_fini(&(*tls)->lock);
	memory_free(&(*tls)->certificate);
	memory_free(&(*tls)->key);
	(*tls)->magic = 0;
	memory_free(tls);
}

enum err_code
httptls_reload(struct httptls *tls, struct err *err)
{
	struct identity *identity = NULL;
	enum err_code code;

	/* Before reading: what changes meanwhile is seen by the next look. */
	(void)take_stamps(tls);
	code = load(tls, &identity, err);
	if (code == ERR_OK)
		take_over(tls, identity);
	return code;
}

void
httptls_look(struct httptls *tls)
{
	const struct log_scope scope = LOG_SCOPE("http");
	struct err err;

	if (!take_stamps(tls))
		return;
	if (httptls_reload(tls, &err) == ERR_OK)
		log_info(&scope, "took over the certificate in %s",
		         tls->certificate);
	else
		log_warn(&scope,
		         "kept the certificate that is in force (%s); it is "
		         "tried again when one of the files changes",
		         err.text);
}

void *
httptls_callback(void)
{
	return (void *)retrieve;
}
