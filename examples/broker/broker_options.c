/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of the embedded broker.  "--cluster NAME" begins a new
 * cluster; "--brokers" and "--topic" belong to the cluster begun last.
 */
#include "examples/broker/broker_options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	struct broker_options *options;
	char *text;
	size_t text_size;
};

__attribute__((format(printf, 2, 3))) static bool
fail(struct parser *parser, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(parser->text, parser->text_size, format, args);
	va_end(args);
	return false;
}

/* A name as Kafka allows it: letters, digits, '.', '_' and '-'. */
static bool
name_is_legal(const char *name, size_t size)
{
	if (size == 0 || size > BROKER_NAME_BYTES_MAX)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!isalnum((unsigned char)name[i]) &&
		    strchr("._-", name[i]) == NULL)
			return false;
	}
	return true;
}

static bool
number_parse(const char *text, int max, int *out_number)
{
	char *end = NULL;

	errno = 0;
	long number = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number < 1 ||
	    number > max)
		return false;
	*out_number = (int)number;
	return true;
}

static struct broker_cluster *
cluster_last(struct broker_options *options)
{
	if (options->clusters_count == 0) {
		options->clusters_count = 1;
		options->clusters[0].brokers = 1;
	}
	return &options->clusters[options->clusters_count - 1];
}

static bool
cluster_add(struct parser *parser, const char *name)
{
	struct broker_options *options = parser->options;

	if (!name_is_legal(name, strlen(name)))
		return fail(parser, "--cluster %s: not a legal name", name);
	for (size_t i = 0; i < options->clusters_count; i++) {
		if (options->clusters[i].name[0] == '\0')
			return fail(parser,
			            "--cluster must come before --topic, "
			            "--topics-from and --brokers");
		if (strcmp(options->clusters[i].name, name) == 0)
			return fail(parser, "--cluster %s is given twice",
			            name);
	}
	if (options->clusters_count == BROKER_CLUSTERS_MAX)
		return fail(parser, "more than %d clusters",
		            BROKER_CLUSTERS_MAX);
	struct broker_cluster *cluster =
		&options->clusters[options->clusters_count++];
	cluster->brokers = 1;
	(void)snprintf(cluster->name, sizeof(cluster->name), "%s", name);
	return true;
}

static bool
topic_add(struct parser *parser, const char *where, const char *text)
{
	struct broker_cluster *cluster = cluster_last(parser->options);
	const char *colon = strrchr(text, ':');
	int partitions = 0;

	if (colon == NULL || !name_is_legal(text, (size_t)(colon - text)))
		return fail(parser, "%s: '%s' is not NAME:PARTITIONS", where,
		            text);
	if (!number_parse(colon + 1, BROKER_PARTITIONS_MAX, &partitions))
		return fail(parser, "%s: '%s' wants 1 to %d partitions", where,
		            text, BROKER_PARTITIONS_MAX);
	if (cluster->topics_count == BROKER_TOPICS_MAX)
		return fail(parser, "%s: more than %d topics", where,
		            BROKER_TOPICS_MAX);
	struct broker_topic *topic = &cluster->topics[cluster->topics_count];
	(void)snprintf(topic->name, sizeof(topic->name), "%.*s",
	               (int)(colon - text), text);
	for (size_t i = 0; i < cluster->topics_count; i++) {
		if (strcmp(cluster->topics[i].name, topic->name) == 0)
			return fail(parser, "%s: topic %s is given twice",
			            where, topic->name);
	}
	topic->partitions = partitions;
	cluster->topics_count++;
	return true;
}

/* One NAME:PARTITIONS a line; empty lines and lines of '#' are skipped. */
static bool
topics_read(struct parser *parser, const char *path)
{
	char line[BROKER_NAME_BYTES_MAX + 64];
	bool ok = true;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return fail(parser, "--topics-from %s: %s", path,
		            strerror(errno));
	for (int number = 1; ok && fgets(line, sizeof(line), file) != NULL;
	     number++) {
		char where[512];
		line[strcspn(line, " \t\r\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		(void)snprintf(where, sizeof(where), "%s:%d", path, number);
		ok = topic_add(parser, where, line);
	}
	if (ok && ferror(file) != 0)
		ok = fail(parser, "--topics-from %s: cannot be read", path);
	(void)fclose(file);
	return ok;
}

static const struct option LONG_OPTIONS[] = {
	{ "cluster", required_argument, NULL, 'c' },
	{ "brokers", required_argument, NULL, 'b' },
	{ "topic", required_argument, NULL, 't' },
	{ "topics-from", required_argument, NULL, 'T' },
	{ "address-file", required_argument, NULL, 'a' },
	{ "with-parent", no_argument, NULL, 'p' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool
option_take(struct parser *parser, int letter, const char *value)
{
	struct broker_options *options = parser->options;

	switch (letter) {
	case 'c':
		return cluster_add(parser, value);
	case 'b':
		if (!number_parse(value, BROKER_BROKERS_MAX,
		                  &cluster_last(options)->brokers))
			return fail(parser, "--brokers %s: wants 1 to %d",
			            value, BROKER_BROKERS_MAX);
		return true;
	case 't':
		return topic_add(parser, "--topic", value);
	case 'T':
		return topics_read(parser, value);
	case 'a':
		options->address_file = value;
		return true;
	case 'p':
		options->with_parent = true;
		return true;
	case 'h':
		options->help = true;
		return true;
	default:
		return fail(parser, "unknown option, or one without its value");
	}
}

/* -- public -------------------------------------------------------------- */

bool
broker_options_parse(struct broker_options *options, int argc,
                     char *const *argv, char *out_text, size_t text_size)
{
	struct parser parser = { .options = options,
		                 .text = out_text,
		                 .text_size = text_size };
	int letter;

	memset(options, 0, sizeof(*options));
	optind = 1;
	opterr = 0;
	while ((letter = getopt_long(argc, argv, "", LONG_OPTIONS, NULL)) !=
	       -1) {
		if (!option_take(&parser, letter, optarg))
			return false;
	}
	if (optind < argc)
		return fail(&parser, "what is '%s'?", argv[optind]);
	(void)cluster_last(options);
	return true;
}
