/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading: files into documents, documents by tables of settings into structs.
 * Every fault is collected, so that a person mends all files in one go. What
 * the parts say about each other is checked in manifest_check.c.
 */
#include "gateway/manifest.h"

#include <errno.h>
#include <ftw.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/setting_value.h"
#include "base/runtime/text.h"
#include "base/runtime/yaml.h"
#include "gateway/manifest_check.h"

#define AVSC_BYTES_MAX (1024 * 1024)
#define FOLDERS_OPEN   16

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *const durabilities[] = { "production", "development", NULL };

static const struct setting deployment_table[] = {
	{ .key = "deployment",
	  .type = SETTING_TEXT,
	  .offset = offsetof(struct manifest_deployment, name),
	  .help = "The deployment's name: part of its transactional ids and of "
	          "the name of its progress topic. It stays." },
	{ .key = "lanes",
	  .type = SETTING_INTEGER,
	  .offset = offsetof(struct manifest_deployment, lanes),
	  .standard = "8",
	  .min = 1,
	  .max = 64,
	  .help = "How many lanes messages are spread over. It stays." },
	{ .key = "durability",
	  .type = SETTING_CHOICE,
	  .offset = offsetof(struct manifest_deployment, durability),
	  .standard = "production",
	  .choices = durabilities,
	  .help = "production insists on replicated topics; development is "
	          "content with one broker." },
};

static const struct setting cluster_table[] = {
	{ .key = "cluster",
	  .type = SETTING_TEXT,
	  .offset = offsetof(struct manifest_cluster, name),
	  .help = "The name of a Kafka cluster." },
	{ .key = "bootstrap",
	  .type = SETTING_TEXT,
	  .offset = offsetof(struct manifest_cluster, bootstrap),
	  .help = "host:port,host:port. ${NAME} is replaced from the "
	          "environment, here and in properties and secrets." },
	{ .key = "roles",
	  .type = SETTING_LIST,
	  .offset = offsetof(struct manifest_cluster, roles),
	  .min = 1,
	  .max = 2,
	  .help = "input: messages are read from it; output: messages are "
	          "forwarded to it." },
	{ .key = "properties",
	  .type = SETTING_PROPERTIES,
	  .offset = offsetof(struct manifest_cluster, properties),
	  .standard = "",
	  .help = "Any property of librdkafka, passed through." },
	{ .key = "secrets",
	  .type = SETTING_PROPERTIES,
	  .offset = offsetof(struct manifest_cluster, secrets),
	  .standard = "",
	  .help = "Properties of librdkafka whose value is in a file on each "
	          "daemon's machine: sasl.password: /etc/waybill/password." },
};

static const struct setting tenant_table[] = {
	{ .key = "tenant",
	  .type = SETTING_TEXT,
	  .offset = offsetof(struct manifest_tenant, name),
	  .help = "The tenant's name." },
	{ .key = "title",
	  .type = SETTING_TEXT,
	  .offset = offsetof(struct manifest_tenant, title),
	  .standard = "",
	  .help = "Its name for people." },
	{ .key = "quota.messages-per-second",
	  .type = SETTING_INTEGER,
	  .offset = offsetof(struct manifest_tenant, quota_messages),
	  .standard = "0",
	  .max = 1000 * 1000 * 1000,
	  .help = "How many messages each daemon takes of it by HTTP; 0: any "
	          "number. What comes from Kafka is not limited." },
	{ .key = "quota.bytes-per-second",
	  .type = SETTING_INTEGER,
	  .offset = offsetof(struct manifest_tenant, quota_bytes),
	  .standard = "0",
	  .max = 100 * INT64_C(1024) * 1024 * 1024,
	  .unit = "bytes",
	  .help = "The same of bytes of request bodies." },
	{ .key = "quota.burst-seconds",
	  .type = SETTING_INTEGER,
	  .offset = offsetof(struct manifest_tenant, quota_burst_s),
	  .standard = "10",
	  .min = 1,
	  .max = 60,
	  .unit = "s",
	  .help = "What was not used is kept for so long: a request, or many "
	          "at once, may have the quota of so many seconds." },
	{ .key = "feeds",
	  .type = SETTING_MAPS,
	  .offset = offsetof(struct manifest_tenant, feeds),
	  .standard = "",
	  .help = "Its feeds, each with the keys below." },
};

static const struct setting feed_table[] = {
	{ .key = "feed",
	  .type = SETTING_TEXT,
	  .offset = offsetof(struct manifest_feed, name),
	  .help = "The feed's name within its tenant." },
	{ .key = "contract",
	  .type = SETTING_TEXT,
	  .offset = offsetof(struct manifest_feed, contract_path),
	  .help = "The .avsc that judges its messages, relative to this file. "
	          "A changed one becomes a new version." },
	{ .key = "input.cluster",
	  .type = SETTING_TEXT,
	  .offset = offsetof(struct manifest_feed, input_cluster),
	  .standard = "",
	  .help = "Where it is read from; without input it is not read from "
	          "Kafka." },
	{ .key = "input.topic",
	  .type = SETTING_TEXT,
	  .offset = offsetof(struct manifest_feed, input_topic),
	  .standard = "",
	  .help = "The topic that is read." },
	{ .key = "output.topic",
	  .type = SETTING_TEXT,
	  .offset = offsetof(struct manifest_feed, output_topic),
	  .help = "Where accepted messages go." },
	{ .key = "output.clusters",
	  .type = SETTING_LIST,
	  .offset = offsetof(struct manifest_feed, outputs),
	  .standard = "",
	  .help = "To which clusters; all output clusters, unless said." },
	{ .key = "dead-letter.topic",
	  .type = SETTING_TEXT,
	  .offset = offsetof(struct manifest_feed, dead_letter_topic),
	  .help = "Where rejected messages go, on the same clusters." },
	{ .key = "dead-letter.partitions",
	  .type = SETTING_INTEGER,
	  .offset = offsetof(struct manifest_feed, dead_letter_partitions),
	  .standard = "1",
	  .min = 1,
	  .max = 100000,
	  .help = "Its partitions. It stays." },
	{ .key = "partitions",
	  .type = SETTING_INTEGER,
	  .offset = offsetof(struct manifest_feed, partitions),
	  .min = 1,
	  .max = 100000,
	  .help = "Partitions of the input and of the output topic. It "
	          "stays." },
	{ .key = "message-bytes-max",
	  .type = SETTING_INTEGER,
	  .offset = offsetof(struct manifest_feed, message_bytes_max),
	  .standard = "1000000",
	  .min = 1,
	  .max = 64 * 1024 * 1024,
	  .unit = "bytes",
	  .help = "A message whose body is larger is rejected." },
};

/* -- files ----------------------------------------------------------------- */

struct file_list {
	char **paths;
	size_t count;
};

/* nftw has no context of its own; apply is not threaded. */
static struct file_list *walking;

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && strcmp(text + len - end_len, end) == 0;
}

static int
walk_one(const char *path, const struct stat *status, int type,
         struct FTW *where)
{
	if (type != FTW_F || path[where->base] == '.' ||
	    (!ends_with(path, ".yaml") && !ends_with(path, ".yml")))
		return 0;
	if (walking->count == MANIFEST_FILES_MAX)
		return E2BIG;
	walking->paths = memory_realloc(walking->paths,
	                                (walking->count + 1) * sizeof(char *));
	walking->paths[walking->count++] = memory_strdup(path);
	return 0;
}

static int
compare_paths(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static enum err_code
list_files(const char *path, struct file_list *out, struct err *err)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return err_set(err, ERR_CONFIG, "%s: %s", path,
		               strerror(errno));
	if (!S_ISDIR(status.st_mode)) {
		out->paths = memory_alloc(sizeof(char *));
		out->paths[out->count++] = memory_strdup(path);
		return ERR_OK;
	}
	walking = out;
	if (nftw(path, walk_one, FOLDERS_OPEN, 0) != 0)
		return err_set(err, ERR_CONFIG,
		               "%s: cannot be read whole, or has more than %d "
		               "files",
		               path, MANIFEST_FILES_MAX);
	if (out->count == 0)
		return err_set(err, ERR_CONFIG, "%s: has no *.yaml", path);
	qsort(out->paths, out->count, sizeof(char *), compare_paths);
	return ERR_OK;
}

/* -- documents ------------------------------------------------------------- */

/* Room for one more at the end of an array; cleared. */
static void *
append(void *array_address, size_t *count, size_t size)
{
	void **array = array_address;
	char *item;

	*array = memory_realloc(*array, (*count + 1) * size);
	item = (char *)*array + *count * size;
	memset(item, 0, size);
	(*count)++;
	return item;
}

/* Loads by a table; the faults are collected, and the item is taken back. */
static bool
load_item(struct manifest_check *check, const struct setting *table,
          size_t count, const struct yaml *node, void *target)
{
	struct err err;

	if (setting_load(table, count, node, target, &err) == ERR_OK)
		return true;
	manifest_check_add(check, err.text);
	return false;
}

static void
load_deployment(struct manifest *manifest, struct manifest_check *check,
                const struct yaml *node)
{
	struct manifest_deployment *deployment;

	if (manifest->deployment) {
		manifest_check_fault(check, node, "deployment",
		                     "stands in %s:%d already",
		                     yaml_file(manifest->deployment->node),
		                     yaml_line(manifest->deployment->node));
		return;
	}
	deployment = memory_calloc(1, sizeof(*deployment));
	if (!load_item(check, deployment_table, COUNT(deployment_table), node,
	               deployment)) {
		memory_free(&deployment);
		return;
	}
	deployment->node = node;
	manifest->deployment = deployment;
}

static void
load_cluster(struct manifest *manifest, struct manifest_check *check,
             const struct yaml *node)
{
	struct manifest_cluster *cluster =
		append(&manifest->clusters, &manifest->cluster_count,
	               sizeof(*cluster));

	if (!load_item(check, cluster_table, COUNT(cluster_table), node,
	               cluster)) {
		manifest->cluster_count--;
		return;
	}
	cluster->node = node;
	manifest_check_expand(check, node, "bootstrap", &cluster->bootstrap);
	for (size_t i = 0; i < cluster->properties.count; i++)
		manifest_check_expand(check, node,
		                      cluster->properties.values[i].name,
		                      &cluster->properties.values[i].value);
	for (size_t i = 0; i < cluster->secrets.count; i++)
		manifest_check_expand(check, node,
		                      cluster->secrets.values[i].name,
		                      &cluster->secrets.values[i].value);
}

/* The contract's text, from beside the file that names it. */
static void
load_avsc(struct manifest_check *check, struct manifest_feed *feed)
{
	const struct yaml *node = yaml_get(feed->node, "contract");
	const char *file = yaml_file(node);
	const char *slash = strrchr(file, '/');
	int folder_len = slash ? (int)(slash - file) + 1 : 0;
	char path[4096];
	FILE *stream;
	size_t len;

	if (!ends_with(feed->contract_path, ".avsc")) {
		manifest_check_fault(check, node, "contract",
		                     "must end with .avsc");
		return;
	}
	feed->contract_name =
		memory_strndup(feed->contract_path,
	                       strlen(feed->contract_path) - strlen(".avsc"));
	snprintf(path, sizeof(path), "%.*s%s",
	         feed->contract_path[0] == '/' ? 0 : folder_len, file,
	         feed->contract_path);
	stream = fopen(path, "rb");
	if (stream == NULL) {
		manifest_check_fault(check, node, "contract", "%s: %s", path,
		                     strerror(errno));
		return;
	}
	feed->avsc = memory_alloc(AVSC_BYTES_MAX + 1);
	len = fread(feed->avsc, 1, AVSC_BYTES_MAX + 1, stream);
	fclose(stream);
	if (len > AVSC_BYTES_MAX || memchr(feed->avsc, 0, len)) {
		manifest_check_fault(check, node, "contract",
		                     "%s: no text, or larger than %d bytes",
		                     path, AVSC_BYTES_MAX);
		memory_free(&feed->avsc);
		return;
	}
	feed->avsc[len] = '\0';
	feed->avsc = memory_realloc(feed->avsc, len + 1);
	digest_sha256(feed->avsc, len, feed->digest);
}

static void
load_tenant(struct manifest *manifest, struct manifest_check *check,
            const struct yaml *node)
{
	struct manifest_tenant *tenant = append(
		&manifest->tenants, &manifest->tenant_count, sizeof(*tenant));
	const struct yaml *feeds;

	if (!load_item(check, tenant_table, COUNT(tenant_table), node,
	               tenant)) {
		manifest->tenant_count--;
		return;
	}
	tenant->node = node;
	feeds = tenant->feeds;
	for (size_t i = 0; feeds && i < yaml_count(feeds); i++) {
		struct manifest_feed *feed = append(
			&manifest->feeds, &manifest->feed_count, sizeof(*feed));

		if (!load_item(check, feed_table, COUNT(feed_table),
		               yaml_at(feeds, i), feed)) {
			manifest->feed_count--;
			continue;
		}
		feed->node = yaml_at(feeds, i);
		feed->tenant = yaml_scalar(yaml_get(node, "tenant"));
		load_avsc(check, feed);
	}
}

static void
load_document(struct manifest *manifest, struct manifest_check *check,
              const struct yaml *node)
{
	static const struct {
		const char *key;
		void (*load)(struct manifest *manifest,
		             struct manifest_check *check,
		             const struct yaml *node);
	} kinds[] = {
		{ "deployment", load_deployment },
		{ "cluster", load_cluster },
		{ "tenant", load_tenant },
	};

	if (yaml_is_null(node))
		return;
	for (size_t i = 0; i < COUNT(kinds) && yaml_type(node) == YAML_MAP; i++)
		if (yaml_get(node, kinds[i].key)) {
			kinds[i].load(manifest, check, node);
			return;
		}
	manifest_check_fault(check, node, "",
	                     "must have the key deployment, cluster or "
	                     "tenant");
}

static void
load_file(struct manifest *manifest, struct manifest_check *check,
          const char *path)
{
	struct yaml *documents = NULL;
	struct yaml **kept;
	struct err err;

	if (yaml_load_file(path, &documents, &err) != ERR_OK) {
		manifest_check_add(check, err.text);
		return;
	}
	kept = append(&manifest->documents, &manifest->document_count,
	              sizeof(*kept));
	*kept = documents;
	for (size_t i = 0; i < yaml_count(documents); i++)
		load_document(manifest, check, yaml_at(documents, i));
}

/* Clusters that Postgres has and no file says anything about. */
static void
adopt_clusters(struct manifest *manifest, const struct deployment *current)
{
	for (size_t i = 0; current && i < current->cluster_count; i++) {
		const struct cluster *known = &current->clusters[i];
		struct manifest_cluster *cluster;

		if (manifest_cluster(manifest, known->name))
			continue;
		cluster = append(&manifest->clusters, &manifest->cluster_count,
		                 sizeof(*cluster));
		cluster->name = memory_strdup(known->name);
		cluster->bootstrap = memory_strdup(known->bootstrap);
		if (known->is_input)
			setting_value_add_item(&cluster->roles, "input");
		if (known->is_output)
			setting_value_add_item(&cluster->roles, "output");
		for (size_t p = 0; p < known->property_count; p++)
			setting_value_add_property(&cluster->properties,
			                           known->properties[p].name,
			                           known->properties[p].value);
	}
}

/* -- public ---------------------------------------------------------------- */

enum err_code
manifest_load(const char *path, const struct deployment_contracts *contracts,
              const struct deployment *current, bool prune,
              struct manifest **out, struct err *err)
{
	struct manifest *manifest = memory_calloc(1, sizeof(*manifest));
	struct file_list files = { 0 };
	struct manifest_check check;
	enum err_code code;

	manifest_check_init(&check);
	code = list_files(path, &files, err);
	for (size_t i = 0; i < files.count; i++) {
		if (code == ERR_OK)
			load_file(manifest, &check, files.paths[i]);
		memory_free(&files.paths[i]);
	}
	memory_free(&files.paths);
	if (code == ERR_OK) {
		adopt_clusters(manifest, current);
		manifest_check_all(&check, manifest, contracts, current, prune);
		code = manifest_check_result(&check, err);
	}
	manifest_check_fini(&check);
	if (code == ERR_OK)
		*out = manifest;
	else
		manifest_free(&manifest);
	return code;
}

void
manifest_free(struct manifest **pointer)
{
	struct manifest *manifest = *pointer;

	if (manifest == NULL)
		return;
	if (manifest->deployment)
		setting_release(deployment_table, COUNT(deployment_table),
		                manifest->deployment);
	memory_free(&manifest->deployment);
	for (size_t i = 0; i < manifest->cluster_count; i++)
		setting_release(cluster_table, COUNT(cluster_table),
		                &manifest->clusters[i]);
	for (size_t i = 0; i < manifest->tenant_count; i++)
		setting_release(tenant_table, COUNT(tenant_table),
		                &manifest->tenants[i]);
	for (size_t i = 0; i < manifest->feed_count; i++) {
		memory_free(&manifest->feeds[i].avsc);
		memory_free(&manifest->feeds[i].contract_name);
		setting_release(feed_table, COUNT(feed_table),
		                &manifest->feeds[i]);
	}
	for (size_t i = 0; i < manifest->document_count; i++)
		yaml_free(&manifest->documents[i]);
	memory_free(&manifest->clusters);
	memory_free(&manifest->tenants);
	memory_free(&manifest->feeds);
	memory_free(&manifest->documents);
	memory_free(pointer);
}

const struct manifest_cluster *
manifest_cluster(const struct manifest *manifest, const char *name)
{
	for (size_t i = 0; i < manifest->cluster_count; i++)
		if (strcmp(manifest->clusters[i].name, name) == 0)
			return &manifest->clusters[i];
	return NULL;
}

const struct manifest_feed *
manifest_feed(const struct manifest *manifest, const char *tenant,
              const char *feed)
{
	for (size_t i = 0; i < manifest->feed_count; i++)
		if (strcmp(manifest->feeds[i].tenant, tenant) == 0 &&
		    strcmp(manifest->feeds[i].name, feed) == 0)
			return &manifest->feeds[i];
	return NULL;
}

bool
manifest_cluster_has_role(const struct manifest_cluster *cluster,
                          const char *role)
{
	for (size_t i = 0; i < cluster->roles.count; i++)
		if (strcmp(cluster->roles.values[i], role) == 0)
			return true;
	return false;
}

bool
manifest_feed_goes_to(const struct manifest_feed *feed,
                      const struct manifest_cluster *cluster)
{
	if (!manifest_cluster_has_role(cluster, "output"))
		return false;
	for (size_t i = 0; i < feed->outputs.count; i++)
		if (strcmp(feed->outputs.values[i], cluster->name) == 0)
			return true;
	return feed->outputs.count == 0;
}

void
manifest_print_reference(struct text *out)
{
	static const struct {
		const char *title;
		const struct setting *table;
		size_t count;
	} kinds[] = {
		{ "A deployment", deployment_table, COUNT(deployment_table) },
		{ "A cluster", cluster_table, COUNT(cluster_table) },
		{ "A tenant", tenant_table, COUNT(tenant_table) },
		{ "A feed of a tenant", feed_table, COUNT(feed_table) },
	};

	text_add(out,
	         "# The catalogue's files\n\n"
	         "`waybill apply -f DIR` reads all `*.yaml` below DIR; a "
	         "file may have several documents, each\na deployment, a "
	         "cluster or a tenant.\n");
	for (size_t i = 0; i < COUNT(kinds); i++) {
		text_addf(out, "\n## %s\n\n", kinds[i].title);
		setting_print_reference(kinds[i].table, kinds[i].count, out);
	}
}
