/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a manifest must be to each other: every name legal and
 * there once, every reference to something that is there, every topic of one
 * feed only, every contract compiled.
 */
#include "gateway/manifest_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/yaml.h"
#include "gateway/manifest.h"

#define TOPIC_NAME_MAX 249 /* Kafka's */

/* -- names ----------------------------------------------------------------- */

/* What a tenant, feed, cluster or deployment may be called: it stands in
   names of roles, topics and files. */
static bool
is_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= MANIFEST_NAME_MAX && name[0] != '-' &&
		name[len - 1] != '-' &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool
is_topic(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= TOPIC_NAME_MAX && strcmp(name, ".") != 0 &&
		strcmp(name, "..") != 0 &&
		strspn(name,
	               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
	               "XYZ0123456789._-") == len;
}

static void
check_name(struct manifest_check *check, const struct yaml *node,
           const char *key, const char *name)
{
	if (!is_name(name))
		manifest_check_fault(check, node, key,
		                     "\"%s\" must be 1 to %d of a-z, 0-9 and "
		                     "-, with no - at its ends",
		                     name, MANIFEST_NAME_MAX);
}

/* -- clusters -------------------------------------------------------------- */

static bool
is_secret(const char *property)
{
	static const char *const parts[] = {
		"password", "secret", "token", "jaas", "key.pem", "credential"
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(property, parts[i]))
			return true;
	return false;
}

static void
check_cluster(struct manifest_check *check, const struct manifest *manifest,
              const struct manifest_cluster *cluster)
{
	const struct manifest_cluster *first =
		manifest_cluster(manifest, cluster->name);

	check_name(check, cluster->node, "cluster", cluster->name);
	if (first != cluster)
		manifest_check_fault(check, cluster->node, "cluster",
		                     "%s stands in %s:%d already",
		                     cluster->name, yaml_file(first->node),
		                     yaml_line(first->node));
	if (cluster->bootstrap[0] == '\0')
		manifest_check_fault(check, cluster->node, "bootstrap",
		                     "must not be empty");
	for (size_t i = 0; i < cluster->roles.count; i++)
		if (strcmp(cluster->roles.values[i], "input") != 0 &&
		    strcmp(cluster->roles.values[i], "output") != 0)
			manifest_check_fault(check, cluster->node, "roles",
			                     "must be input, output or both");
	for (size_t i = 0; i < cluster->properties.count; i++)
		if (is_secret(cluster->properties.values[i].name))
			manifest_check_fault(
				check, cluster->node, "properties",
				"%s is a secret: put it into a file, and "
				"the file's name under secrets",
				cluster->properties.values[i].name);
}

static void
check_clusters(struct manifest_check *check, const struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->cluster_count; i++) {
		const struct manifest_cluster *cluster = &manifest->clusters[i];

		if (cluster->node == NULL)
			continue; /* Postgres has it already */
		check_cluster(check, manifest, cluster);
		if (manifest->cluster_count > CLUSTERS_MAX)
			manifest_check_fault(check, cluster->node, "cluster",
			                     "at most %d clusters are "
			                     "supported",
			                     CLUSTERS_MAX);
	}
}

/* -- tenants and feeds ----------------------------------------------------- */

static void
check_tenants(struct manifest_check *check, const struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->tenant_count; i++) {
		const struct manifest_tenant *tenant = &manifest->tenants[i];

		check_name(check, tenant->node, "tenant", tenant->name);
		for (size_t j = 0; j < i; j++)
			if (strcmp(manifest->tenants[j].name, tenant->name) ==
			    0)
				manifest_check_fault(
					check, tenant->node, "tenant",
					"%s stands in %s:%d already",
					tenant->name,
					yaml_file(manifest->tenants[j].node),
					yaml_line(manifest->tenants[j].node));
	}
}

static void
check_outputs(struct manifest_check *check, const struct manifest *manifest,
              const struct manifest_feed *feed)
{
	size_t count = 0;

	for (size_t i = 0; i < feed->outputs.count; i++) {
		const struct manifest_cluster *cluster =
			manifest_cluster(manifest, feed->outputs.values[i]);

		if (cluster == NULL ||
		    !manifest_cluster_has_role(cluster, "output"))
			manifest_check_fault(check,
			                     yaml_get(feed->node, "output"),
			                     "clusters",
			                     "%s is no cluster with the role "
			                     "output",
			                     feed->outputs.values[i]);
	}
	for (size_t i = 0; i < manifest->cluster_count; i++)
		if (manifest_feed_goes_to(feed, &manifest->clusters[i]))
			count++;
	if (count == 0 && feed->outputs.count == 0)
		manifest_check_fault(check, feed->node, "output",
		                     "there is no cluster with the role "
		                     "output");
}

static void
check_input(struct manifest_check *check, const struct manifest *manifest,
            const struct manifest_feed *feed)
{
	const struct yaml *node = yaml_get(feed->node, "input");
	const struct manifest_cluster *cluster;

	if (feed->input_cluster[0] == '\0' && feed->input_topic[0] == '\0')
		return;
	if (feed->input_cluster[0] == '\0' || feed->input_topic[0] == '\0') {
		manifest_check_fault(check, node, "input",
		                     "must have both cluster and topic");
		return;
	}
	cluster = manifest_cluster(manifest, feed->input_cluster);
	if (cluster == NULL || !manifest_cluster_has_role(cluster, "input"))
		manifest_check_fault(check, node, "cluster",
		                     "%s is no cluster with the role input",
		                     feed->input_cluster);
}

/* A topic as a feed uses it: what it is, and under which key it stands. */
struct use {
	const char *topic;
	const char *key; /* "input", "output", "dead-letter" */
	const char *tenant;
	const char *feed;
	const struct yaml *node; /* NULL: Postgres has this feed, no file */
};

struct uses {
	struct use *items;
	size_t count;
};

static void
add_use(struct uses *uses, const char *topic, const struct use *like,
        const char *key)
{
	struct use *use;

	if (topic == NULL || topic[0] == '\0')
		return;
	use = &uses->items[uses->count++];
	*use = *like;
	use->topic = topic;
	use->key = key;
	if (like->node)
		use->node = yaml_get(like->node, key);
}

static int
compare_uses(const void *left, const void *right)
{
	const struct use *a = left, *b = right;
	int order = strcmp(a->topic, b->topic);

	/* Those of Postgres first, since the fault needs a place in a file. */
	if (order == 0)
		order = (a->node != NULL) - (b->node != NULL);
	if (order == 0)
		order = strcmp(a->tenant, b->tenant);
	if (order == 0)
		order = strcmp(a->feed, b->feed);
	return order ? order : strcmp(a->key, b->key);
}

static void
list_uses(const struct manifest *manifest, const struct deployment *current,
          struct uses *out)
{
	size_t others = current ? current->feed_count : 0;

	out->items = memory_calloc(3 * (manifest->feed_count + others) + 1,
	                           sizeof(*out->items));
	for (size_t i = 0; i < manifest->feed_count; i++) {
		const struct manifest_feed *feed = &manifest->feeds[i];
		const struct use like = { .tenant = feed->tenant,
			                  .feed = feed->name,
			                  .node = feed->node };

		add_use(out, feed->input_topic, &like, "input");
		add_use(out, feed->output_topic, &like, "output");
		add_use(out, feed->dead_letter_topic, &like, "dead-letter");
	}
	for (size_t i = 0; i < others; i++) {
		const struct feed *feed = &current->feeds[i];
		const struct use like = { .tenant = feed->tenant,
			                  .feed = feed->name };

		if (feed->is_removed ||
		    manifest_feed(manifest, feed->tenant, feed->name))
			continue;
		add_use(out, feed->input_topic, &like, "input");
		add_use(out, feed->output_topic, &like, "output");
		add_use(out, feed->dead_letter_topic, &like, "dead-letter");
	}
}

/* A name is one topic whatever the cluster: one that is the input of a feed
   and the output of another would be a loop after a failover. */
static void
check_topics(struct manifest_check *check, const struct manifest *manifest,
             const struct deployment *current)
{
	struct uses uses = { 0 };

	list_uses(manifest, current, &uses);
	qsort(uses.items, uses.count, sizeof(*uses.items), compare_uses);
	for (size_t i = 0; i < uses.count; i++) {
		const struct use *use = &uses.items[i];

		if (use->node == NULL)
			continue;
		if (!is_topic(use->topic))
			manifest_check_fault(
				check, use->node, "topic",
				"\"%s\" must be 1 to %d of a-z, A-Z, 0-9, "
				"., _ and -",
				use->topic, TOPIC_NAME_MAX);
		if (i > 0 && strcmp(use->topic, use[-1].topic) == 0)
			manifest_check_fault(
				check, use->node, "topic",
				"%s is the %s of feed %s/%s already: a topic "
				"belongs to one feed",
				use->topic, use[-1].key, use[-1].tenant,
				use[-1].feed);
	}
	memory_free(&uses.items);
}

static void
check_contract(struct manifest_check *check, const struct manifest_feed *feed,
               const struct deployment_contracts *contracts)
{
	struct contract *contract = NULL;
	struct err err;

	if (feed->avsc == NULL || contracts == NULL)
		return;
	if (contracts->compile(0, feed->contract_name, 1, feed->avsc, &contract,
	                       &err) != ERR_OK)
		manifest_check_fault(check, yaml_get(feed->node, "contract"),
		                     "contract", "%s: %s", feed->contract_path,
		                     err.text);
	else
		contracts->free(&contract);
}

static void
check_feeds(struct manifest_check *check, const struct manifest *manifest,
            const struct deployment_contracts *contracts)
{
	for (size_t i = 0; i < manifest->feed_count; i++) {
		const struct manifest_feed *feed = &manifest->feeds[i];

		check_name(check, feed->node, "feed", feed->name);
		for (size_t j = 0; j < i; j++)
			if (strcmp(manifest->feeds[j].tenant, feed->tenant) ==
			            0 &&
			    strcmp(manifest->feeds[j].name, feed->name) == 0)
				manifest_check_fault(
					check, feed->node, "feed",
					"%s stands in line %d already",
					feed->name,
					yaml_line(manifest->feeds[j].node));
		check_input(check, manifest, feed);
		check_outputs(check, manifest, feed);
		check_contract(check, feed, contracts);
	}
}

/* -- public ---------------------------------------------------------------- */

void
manifest_check_init(struct manifest_check *check)
{
	text_init(&check->faults, ERR_TEXT_MAX);
	check->count = 0;
}

void
manifest_check_fini(struct manifest_check *check)
{
	text_fini(&check->faults);
}

void
manifest_check_add(struct manifest_check *check, const char *lines)
{
	if (check->count++ >= MANIFEST_FAULTS_MAX)
		return;
	if (check->faults.len > 0)
		text_add(&check->faults, "\n");
	text_add(&check->faults, lines);
}

void
manifest_check_fault(struct manifest_check *check, const struct yaml *node,
                     const char *key, const char *format, ...)
{
	const struct yaml *value =
		yaml_type(node) == YAML_MAP ? yaml_get(node, key) : NULL;
	struct text line;
	va_list arguments;
	char what[1024];

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	text_init(&line, 2048);
	text_addf(&line, "%s:%d: %s%s%s", yaml_file(node),
	          yaml_line(value ? value : node), key, *key ? ": " : "", what);
	manifest_check_add(check, text_string(&line));
	text_fini(&line);
}

void
manifest_check_expand(struct manifest_check *check, const struct yaml *node,
                      const char *key, char **value)
{
	struct text out;
	char *at = *value, *begin, *end;

	if (strstr(at, "${") == NULL)
		return;
	text_init(&out, 65536);
	while ((begin = strstr(at, "${")) != NULL &&
	       (end = strchr(begin, '}')) != NULL) {
		const char *from;

		text_add_bytes(&out, at, (size_t)(begin - at));
		*end = '\0';
		from = getenv(begin + 2);
		if (from == NULL || from[0] == '\0')
			manifest_check_fault(
				check, node, key, "%s is %s in the environment",
				begin + 2, from == NULL ? "not set" : "empty");
		/* What is wrong is said once: no "must not be empty" too. */
		text_add(&out, from && from[0] ? from : begin + 2);
		at = end + 1;
	}
	text_add(&out, at);
	memory_free(value);
	*value = memory_strdup(text_string(&out));
	text_fini(&out);
}

void
manifest_check_all(struct manifest_check *check,
                   const struct manifest *manifest,
                   const struct deployment_contracts *contracts,
                   const struct deployment *current, bool prune)
{
	if (manifest->deployment)
		check_name(check, manifest->deployment->node, "deployment",
		           manifest->deployment->name);
	check_clusters(check, manifest);
	check_tenants(check, manifest);
	check_feeds(check, manifest, contracts);
	check_topics(check, manifest, prune ? NULL : current);
}

enum err_code
manifest_check_result(const struct manifest_check *check, struct err *err)
{
	if (check->count == 0)
		return ERR_OK;
	if (check->count > MANIFEST_FAULTS_MAX)
		return err_set(err, ERR_CONFIG, "%s\nand %d more",
		               text_string(&check->faults),
		               check->count - MANIFEST_FAULTS_MAX);
	return err_set(err, ERR_CONFIG, "%s", text_string(&check->faults));
}
