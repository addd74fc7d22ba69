/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wished, made sense of; the work is done by file_publish.c and
 * single_publish.c.
 */
#include "gateway/file/publish_command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/runtime/clock.h"
#include "base/runtime/memory.h"
#include "gateway/file/file_publish.h"
#include "gateway/file/fileid.h"
#include "gateway/file/fileprogress.h"
#include "gateway/file/single_publish.h"
#include "gateway/look/flag.h"
#include "gateway/look/look_commands.h"

#define KEY_BYTES_MAX  256
#define LINE_BYTES_MAX 65536
#define REJECTS_ENDING ".rejects.ndjson"
#define PATH_BYTES_MAX 4096

struct publish_flags {
	const char *url, *key_file, *ca_file, *tenant, *feed;
	const char *file, *format, *id, *rejects;
	const char *key, *value, *time;
	int64_t batch, connections, timeout_s;
	bool dry_run, quiet, json, help;
	char room[LOOK_TENANT_MAX];
};

#define AT(member) offsetof(struct publish_flags, member)

static const struct flag flags[] = {
	{ "url", 'u', FLAG_TEXT, AT(url), "URL",
	  "Of a daemon's rest.listen; or the environment's WAYBILL_URL." },
	{ "key-file", 'k', FLAG_TEXT, AT(key_file), "FILE",
	  "Its first line is the API key; or the environment's "
	  "WAYBILL_API_KEY." },
	{ "ca-file", 0, FLAG_TEXT, AT(ca_file), "FILE",
	  "Certificates (PEM) to trust, and no others." },
	{ "tenant", 't', FLAG_TEXT, AT(tenant), "TENANT", "Whose feed." },
	{ "feed", 'f', FLAG_TEXT, AT(feed), "FEED",
	  "Which feed; or TENANT/FEED." },
	{ "file", 'F', FLAG_TEXT, AT(file), "FILE",
	  "What to publish; -: standard input, which is kept in a temporary "
	  "file (TMPDIR) until it is published." },
	{ "format", 0, FLAG_TEXT, AT(format), "csv|ndjson|avro",
	  "Of the file; unless said, its name tells: .csv, .ndjson, .jsonl, "
	  ".avro." },
	{ "id", 0, FLAG_TEXT, AT(id), "NAME",
	  "What the file is known by, instead of the digest of its bytes: so "
	  "that the same bytes count as another file. With --key: the "
	  "message's id." },
	{ "dry-run", 'n', FLAG_SWITCH, AT(dry_run), NULL,
	  "Reads and checks everything, sends nothing." },
	{ "rejects", 0, FLAG_TEXT, AT(rejects), "FILE",
	  "Where to list what is not accepted; unless said, beside the file: "
	  "FILE" REJECTS_ENDING "." },
	{ "batch", 0, FLAG_INTEGER, AT(batch), "N",
	  "Records a request at most; 5000." },
	{ "connections", 0, FLAG_INTEGER, AT(connections), "N",
	  "How many requests are under way at once; 4. With 1 the whole file "
	  "is recorded in its order, with more that is so for each key." },
	{ "timeout", 0, FLAG_INTEGER, AT(timeout_s), "SECONDS",
	  "When to give up while the gateway takes nothing; unless said, "
	  "never." },
	{ "key", 0, FLAG_TEXT, AT(key), "KEY",
	  "Of a single message; the contract may derive it." },
	{ "value", 0, FLAG_TEXT, AT(value), "JSON",
	  "A single message, in strict Avro JSON." },
	{ "time", 0, FLAG_TEXT, AT(time), "TIME",
	  "Event time of a single message, as in RFC 3339." },
	{ "quiet", 'q', FLAG_SWITCH, AT(quiet), NULL, "No progress." },
	{ "json", 0, FLAG_SWITCH, AT(json), NULL, "For programs." },
	{ "help", 'h', FLAG_SWITCH, AT(help), NULL, "This text." },
};

static const struct flag_table table = {
	.flags = flags,
	.count = sizeof(flags) / sizeof(flags[0]),
};

/* -- the key ---------------------------------------------------------------- */

static enum err_code
read_key(const char *path, char out[KEY_BYTES_MAX], struct err *err)
{
	FILE *file = fopen(path, "re");
	const char *line;

	if (file == NULL)
		return err_set(err, ERR_USAGE, "--key-file %s: %s", path,
		               strerror(errno));
	line = fgets(out, KEY_BYTES_MAX, file);
	fclose(file);
	if (line == NULL)
		return err_set(err, ERR_USAGE, "--key-file %s is empty", path);
	out[strcspn(out, " \t\r\n")] = '\0';
	return ERR_OK;
}

static enum err_code
find_key(const struct publish_flags *wanted, char out[KEY_BYTES_MAX],
         struct err *err)
{
	const char *variable = getenv(PUBLISH_COMMAND_KEY_VARIABLE);

	if (wanted->key_file != NULL)
		return read_key(wanted->key_file, out, err);
	if (variable == NULL || variable[0] == '\0')
		return err_set(err, ERR_USAGE,
		               "publish needs --key-file, or "
		               "WAYBILL_API_KEY in its environment");
	if (strlen(variable) >= KEY_BYTES_MAX)
		return err_set(err, ERR_USAGE, "WAYBILL_API_KEY is no API key");
	strcpy(out, variable);
	return ERR_OK;
}

/* -- a file ------------------------------------------------------------------ */

struct job {
	const struct publish_flags *wanted;
	const struct look_options *options;
	struct file_publish publish;
	struct filetally tally;
	char digest[FILEID_TEXT_MAX];
	char rejects[PATH_BYTES_MAX];
	struct stat stat;
	int64_t began_us;
	int64_t listed;
};

static bool
is_standard_input(const struct publish_flags *wanted)
{
	return strcmp(wanted->file, "-") == 0;
}

static enum err_code
find_format(struct job *job, struct err *err)
{
	const struct publish_flags *wanted = job->wanted;

	if (wanted->format != NULL)
		return fileid_parse_format(wanted->format, &job->publish.format)
			? ERR_OK
			: err_set(err, ERR_USAGE,
		                  "--format is csv, ndjson or avro, not '%s'",
		                  wanted->format);
	if (fileid_guess_format(wanted->file, &job->publish.format))
		return ERR_OK;
	return err_set(err, ERR_USAGE,
	               "%s: its name does not say what it is; publish needs "
	               "--format",
	               wanted->file);
}

static enum err_code
open_file(struct job *job, struct err *err)
{
	const struct publish_flags *wanted = job->wanted;
	int *fd = &job->publish.fd;
	enum err_code code = ERR_OK;

	if (is_standard_input(wanted)) {
		code = fileid_spool(STDIN_FILENO, fd, job->digest, err);
	} else {
		*fd = open(wanted->file, O_RDONLY | O_CLOEXEC);
		if (*fd < 0)
			return err_set(err, ERR_USAGE, "%s: %s", wanted->file,
			               strerror(errno));
		if (fstat(*fd, &job->stat) != 0 || !S_ISREG(job->stat.st_mode))
			return err_set(err, ERR_USAGE,
			               "%s is no regular file: give it as "
			               "standard input (--file -)",
			               wanted->file);
		if (wanted->id == NULL)
			code = fileid_of_fd(*fd, job->digest, err);
	}
	if (wanted->id != NULL)
		fileid_of_name(wanted->id, job->digest);
	if (code == ERR_OK && fstat(*fd, &job->stat) != 0)
		code = err_set(err, ERR_IO, "fstat: %s", strerror(errno));
	return code;
}

/* What is not the file any more whose digest was taken. */
static enum err_code
check_unchanged(const struct job *job, struct err *err)
{
	struct stat now;

	if (is_standard_input(job->wanted))
		return ERR_OK;
	if (fstat(job->publish.fd, &now) == 0 &&
	    now.st_size == job->stat.st_size &&
	    now.st_mtim.tv_sec == job->stat.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == job->stat.st_mtim.tv_nsec)
		return ERR_OK;
	return err_set(err, ERR_IO,
	               "%s was written to while it was published: what was "
	               "sent need not be what is there now",
	               job->wanted->file);
}

static const char *
rejects_path(struct job *job)
{
	if (job->wanted->rejects != NULL)
		return job->wanted->rejects;
	if (is_standard_input(job->wanted))
		return NULL;
	snprintf(job->rejects, sizeof(job->rejects), "%s" REJECTS_ENDING,
	         job->wanted->file);
	return job->rejects;
}

static int64_t
count_bad(const struct job *job)
{
	return atomic_load(&job->tally.rejected) +
		atomic_load(&job->tally.conflict) +
		atomic_load(&job->tally.bad_known);
}

static void
print_json(struct job *job, const struct err *err, struct text *out)
{
	text_addf(out, "{\"file\":\"%s\",\"complete\":%s,\"dry_run\":%s,",
	          job->digest, err->code == ERR_OK ? "true" : "false",
	          job->publish.dry_run ? "true" : "false");
	filetally_print_json(&job->tally, out);
	text_addf(out, ",\"seconds\":%.3f,\"rejects\":",
	          (double)(clock_now_us() - job->began_us) / 1e6);
	if (job->listed > 0 && job->publish.rejects != NULL)
		text_add_json(out, job->publish.rejects,
		              strlen(job->publish.rejects));
	else
		text_add(out, "null");
	if (err->code != ERR_OK) {
		text_addf(out, ",\"error\":{\"code\":\"%s\",\"text\":",
		          err_name(err->code));
		text_add_json(out, err->text, strlen(err->text));
		text_add(out, "}");
	}
	text_add(out, "}\n");
}

static void
add_count(struct text *out, const atomic_int_fast64_t *number, const char *what)
{
	char digits[FILETALLY_NUMBER_MAX];
	int64_t value = atomic_load(number);

	if (value > 0)
		text_addf(out, ", %s %s", filetally_number(value, digits),
		          what);
}

static void
print_text(struct job *job, struct text *out)
{
	const struct filetally *tally = &job->tally;
	double seconds = (double)(clock_now_us() - job->began_us) / 1e6;
	int64_t sent = filetally_settled(tally) - atomic_load(&tally->known);
	char number[FILETALLY_NUMBER_MAX];

	text_addf(out, "%s records",
	          filetally_number(atomic_load(&tally->read), number));
	add_count(out, &tally->accepted,
	          job->publish.dry_run ? "good" : "accepted");
	add_count(out, &tally->rejected, "rejected");
	add_count(out, &tally->conflict, "in conflict");
	add_count(out, &tally->duplicate, "recorded meanwhile");
	add_count(out, &tally->known, "recorded before");
	add_count(out, &tally->bad_known, "of them rejected");
	text_addf(out, "; %.1f s", seconds);
	if (sent > 0 && seconds > 0)
		text_addf(out, ", %s/s",
		          filetally_number((int64_t)((double)sent / seconds),
		                           number));
	text_add(out, job->publish.dry_run ? "; nothing was sent\n" : "\n");
	if (job->listed > 0 && job->publish.rejects != NULL)
		text_addf(out, "%s has what is not accepted, and why\n",
		          job->publish.rejects);
}

static int
end_file(struct job *job, struct err *err)
{
	const struct look_options *options = job->options;
	struct text text;

	text_init(&text, LINE_BYTES_MAX);
	if (options->json)
		print_json(job, err, &text);
	else if (atomic_load(&job->tally.read) > 0 || err->code == ERR_OK)
		print_text(job, &text);
	fputs(text_string(&text), options->out);
	text_fini(&text);
	if (err->code == ERR_OK)
		return count_bad(job) > 0 ? CLI_NEEDS_PERSON : CLI_OK;
	if (options->json)
		return (int)cli_exit_of(err->code);
	return look_fail(options, "publish", err);
}

static enum err_code
run_file(struct job *job, struct err *err)
{
	const struct publish_flags *wanted = job->wanted;
	struct file_publish *publish = &job->publish;
	struct fileprogress_options progress = {
		.tally = &job->tally,
		.out = job->options->err,
		.quiet = wanted->quiet || job->options->json,
	};
	enum err_code code;

	if (find_format(job, err) != ERR_OK || open_file(job, err) != ERR_OK)
		return err->code;
	publish->file = job->digest;
	publish->rejects = rejects_path(job);
	publish->tally = &job->tally;
	publish->rejects_listed = &job->listed;
	progress.fd = publish->fd;
	progress.bytes = (long long)job->stat.st_size;
	publish->progress = fileprogress_new(&progress);
	code = file_publish_run(publish, err);
	fileprogress_free(&publish->progress);
	if (code == ERR_OK)
		code = check_unchanged(job, err);
	else if (code != ERR_USAGE)
		err_context(err, "%s", wanted->file);
	return code;
}

static int
publish_file(const struct look_options *options,
             const struct publish_flags *wanted, const char *token)
{
	struct job job = {
		.wanted = wanted,
		.options = options,
		.publish = { .url = wanted->url,
		             .tenant = wanted->tenant,
		             .feed = wanted->feed,
		             .token = token,
		             .ca_file = wanted->ca_file,
		             .patience_ms = wanted->timeout_s * 1000,
		             .fd = -1,
		             .dry_run = wanted->dry_run,
		             .bundle_records = (size_t)wanted->batch,
		             .strands = (int)wanted->connections },
		.began_us = clock_now_us(),
	};
	struct err err = { .code = ERR_OK };

	if (run_file(&job, &err) == ERR_OK)
		err.code = ERR_OK;
	if (job.publish.fd >= 0)
		close(job.publish.fd);
	if (err.code == ERR_USAGE)
		return look_fail(options, "publish", &err);
	return end_file(&job, &err);
}

/* -- what is wished ------------------------------------------------------------- */

static enum err_code
check_wish(struct publish_flags *wanted, struct err *err)
{
	look_split_feed(&wanted->tenant, &wanted->feed, wanted->room);
	if (wanted->url == NULL)
		wanted->url = getenv(PUBLISH_COMMAND_URL_VARIABLE);
	if (wanted->url == NULL)
		return err_set(err, ERR_USAGE,
		               "publish needs --url, or WAYBILL_URL in its "
		               "environment");
	if (wanted->tenant == NULL || wanted->feed == NULL)
		return err_set(err, ERR_USAGE,
		               "publish needs --tenant and --feed");
	if ((wanted->file == NULL) == (wanted->value == NULL))
		return err_set(err, ERR_USAGE,
		               "publish needs --file, or --value for a single "
		               "message");
	if (wanted->file != NULL &&
	    (wanted->key != NULL || wanted->time != NULL))
		return err_set(err, ERR_USAGE,
		               "--key and --time are a single message's");
	if (wanted->value != NULL && wanted->dry_run)
		return err_set(err, ERR_USAGE, "--dry-run is for files");
	if (wanted->batch > FILE_PUBLISH_RECORDS_MAX)
		return err_set(err, ERR_USAGE, "--batch is at most %d",
		               FILE_PUBLISH_RECORDS_MAX);
	if (wanted->connections > FILE_PUBLISH_STRANDS_MAX)
		return err_set(err, ERR_USAGE, "--connections is at most %d",
		               FILE_PUBLISH_STRANDS_MAX);
	return ERR_OK;
}

static int
publish_single(const struct look_options *options,
               const struct publish_flags *wanted, const char *token)
{
	const struct single_publish single = {
		.url = wanted->url,
		.tenant = wanted->tenant,
		.feed = wanted->feed,
		.token = token,
		.ca_file = wanted->ca_file,
		.patience_ms = wanted->timeout_s * 1000,
		.key = wanted->key,
		.value = wanted->value,
		.id = wanted->id,
		.time = wanted->time,
	};
	struct err err = { .code = ERR_OK };
	int status = 0;

	if (single_publish_run(&single, options, &status, &err) != ERR_OK)
		return look_fail(options, "publish", &err);
	return status < 300 ? CLI_OK : CLI_NEEDS_PERSON;
}

static int
run(const struct look_options *given, int argc, char **argv)
{
	struct look_options options = *given;
	struct publish_flags wanted = { .json = given->json };
	char token[KEY_BYTES_MAX];
	struct err err;

	if (flag_parse(&table, argc, argv, &wanted, NULL, &err) != ERR_OK)
		return look_fail(&options, "publish", &err);
	if (wanted.help)
		return look_help(&options, &publish_command);
	options.json = wanted.json;
	if (check_wish(&wanted, &err) != ERR_OK ||
	    find_key(&wanted, token, &err) != ERR_OK)
		return look_fail(&options, "publish", &err);
	/* A connection that breaks is an error of its write. */
	signal(SIGPIPE, SIG_IGN);
	return wanted.file != NULL ? publish_file(&options, &wanted, token)
				   : publish_single(&options, &wanted, token);
}

/* -- public ---------------------------------------------------------------- */

const struct look_command publish_command = {
	.command = {
		.name = "publish",
		.synopsis = "publish --url URL --key-file FILE --tenant TENANT "
		            "--feed FEED (--file FILE | --value JSON)",
		.help = "Publishes a file to a feed, each record exactly once: a "
		        "record's id is the file's digest and its number, so when "
		        "publish was killed, or does not know what became of a "
		        "record, the same command goes on where it was, without "
		        "loss or repeat. What breaks the contract is recorded as "
		        "rejected, and listed with line and reasons beside the "
		        "file. Ends with 0 when all is accepted, 5 when something "
		        "is not, 4 when the gateway could not be reached in time. "
		        "Needs no Postgres, but a key with the scope publish.",
		.run = look_commands_run,
	},
	.flags = &table,
	.look = run,
};
