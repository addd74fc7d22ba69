/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts the server itself, not pg_ctl: then it is our child, its pid is
 * known, and the kernel ends it with us (PR_SET_PDEATHSIG).
 */
#include "tests/support/postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	SETTINGS_MAX = 32,
	START_MS_MAX = 30000,
	STOP_MS_MAX = 20000,
	START_TRIES = 50,
	STEP_MS = 10,
	MISSING = 77,
};

struct postgres {
	char binaries[512];
	char folder[256];
	char data[300];
	char log[300];
	char conninfo[400];
	char *settings[SETTINGS_MAX + 1];
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

static void
sleep_step(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = STEP_MS * 1000000L }, NULL);
}

static bool
has_server(const char *folder, char *out, size_t size)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/initdb", folder);
	if (access(path, X_OK) != 0)
		return false;
	snprintf(path, sizeof(path), "%s/postgres", folder);
	if (access(path, X_OK) != 0)
		return false;
	snprintf(out, size, "%s", folder);
	return true;
}

/* The newest version below /usr/lib, by number: 9 comes before 15. */
static bool
find_packaged(char *out, size_t size)
{
	glob_t found = { 0 };
	int newest = -1;

	if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++) {
			int version = atoi(found.gl_pathv[i] +
			                   strlen("/usr/lib/postgresql/"));

			if (version > newest &&
			    has_server(found.gl_pathv[i], out, size))
				newest = version;
		}
	globfree(&found);
	return newest >= 0;
}

static bool
find_binaries(char *out, size_t size)
{
	const char *given = getenv("WAYBILL_POSTGRES_BIN");
	const char *path = getenv("PATH");
	char *copy, *at, *folder;
	bool is_found = false;

	if (given && has_server(given, out, size))
		return true;
	if (find_packaged(out, size))
		return true;
	if (path == NULL)
		return false;
	at = copy = strdup(path);
	while (!is_found && (folder = strsep(&at, ":")) != NULL)
		is_found = *folder && has_server(folder, out, size);
	free(copy);
	return is_found;
}

/* The server refuses to run as root. */
static int
choose_user(struct postgres *server)
{
	const struct passwd *user;

	server->uid = geteuid();
	server->gid = getegid();
	if (server->uid != 0)
		return 0;
	user = getpwnam("postgres");
	if (user == NULL)
		user = getpwnam("nobody");
	if (user == NULL) {
		printf("no user but root to run a server as\n");
		return MISSING;
	}
	server->uid = user->pw_uid;
	server->gid = user->pw_gid;
	return 0;
}

/* In the child: becomes the user, with the log as its output, and execs. */
static void
run_child(const struct postgres *server, const char *const *arguments)
{
	int log = open(server->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	int none = open("/dev/null", O_RDONLY);
	sigset_t empty;

	sigemptyset(&empty);
	sigprocmask(SIG_SETMASK, &empty, NULL);
	setpgid(0, 0); /* no ^C of a terminal */
	dup2(none, 0);
	dup2(log, 1);
	dup2(log, 2);
	if (geteuid() == 0 &&
	    (setgroups(0, NULL) != 0 || setgid(server->gid) != 0 ||
	     setuid(server->uid) != 0))
		_exit(126);
	/* Behind setuid, which clears it. */
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	if (chdir(server->folder) != 0)
		_exit(126);
	setenv("LC_ALL", "C", 1);
	execv(arguments[0], (char *const *)arguments);
	_exit(127);
}

static int
run_initdb(const struct postgres *server)
{
	char program[600];
	const char *arguments[] = {
		program,    "-D",          server->data, "-U",
		"postgres", "-A",          "trust",      "-E",
		"UTF8",     "--no-locale", "--no-sync",  "--no-instructions",
		NULL
	};
	int status;
	pid_t pid;

	snprintf(program, sizeof(program), "%s/initdb", server->binaries);
	pid = fork();
	if (pid == 0)
		run_child(server, arguments);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status == 0 ? 0 : -1;
}

static void
print_log(const struct postgres *server)
{
	char line[512];
	FILE *file = fopen(server->log, "r");

	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file))
		fprintf(stderr, "postgres: %s", line);
	fclose(file);
}

/* The last line of postmaster.pid is its state. */
static bool
is_ready(const struct postgres *server)
{
	char path[400], line[256];
	bool ready = false;
	int number = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/postmaster.pid", server->data);
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	while (fgets(line, sizeof(line), file)) {
		number++;
		/* Not what a killed server has left. */
		if (number == 1 && atoi(line) != (int)server->pid)
			break;
		ready = number == 8 && strncmp(line, "ready", 5) == 0;
	}
	fclose(file);
	return ready;
}

static int
remove_one(const char *path, const struct stat *status, int type,
           struct FTW *where)
{
	return remove(path);
}

static int
make_folder(struct postgres *server)
{
	const char *temporary = getenv("TMPDIR");

	/* The path of a socket has 107 bytes at most. */
	if (temporary == NULL || strlen(temporary) > 60)
		temporary = "/tmp";
	snprintf(server->folder, sizeof(server->folder),
	         "%s/waybill-postgres-XXXXXX", temporary);
	if (mkdtemp(server->folder) == NULL)
		return -1;
	if (geteuid() == 0 &&
	    chown(server->folder, server->uid, server->gid) != 0)
		return -1;
	snprintf(server->data, sizeof(server->data), "%s/data", server->folder);
	snprintf(server->log, sizeof(server->log), "%s/log", server->folder);
	snprintf(server->conninfo, sizeof(server->conninfo),
	         "host=%s user=postgres dbname=postgres", server->folder);
	return 0;
}

/* Backends are sessions of their own: no signal to a group reaches them. */
static void
kill_children(pid_t pid)
{
	char path[64];
	FILE *file;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid,
	         (int)pid);
	file = fopen(path, "r");
	if (file == NULL)
		return;
	while (fscanf(file, "%d", &child) == 1)
		kill(child, SIGKILL);
	fclose(file);
}

static int
start_once(struct postgres *server)
{
	char program[600], sockets[300];
	const char *arguments[16 + 2 * SETTINGS_MAX + 1];
	static const char *const always[] = { "fsync=off", "listen_addresses=",
		                              "max_connections=40",
		                              "shared_buffers=32MB", NULL };
	int count = 0, status;

	snprintf(program, sizeof(program), "%s/postgres", server->binaries);
	snprintf(sockets, sizeof(sockets), "unix_socket_directories=%s",
	         server->folder);
	arguments[count++] = program;
	arguments[count++] = "-D";
	arguments[count++] = server->data;
	arguments[count++] = "-c";
	arguments[count++] = sockets;
	for (int i = 0; always[i]; i++) {
		arguments[count++] = "-c";
		arguments[count++] = always[i];
	}
	for (int i = 0; server->settings[i]; i++) {
		arguments[count++] = "-c";
		arguments[count++] = server->settings[i];
	}
	arguments[count] = NULL;
	server->pid = fork();
	if (server->pid == 0)
		run_child(server, arguments);
	if (server->pid < 0)
		return 1;
	for (int ms = 0; ms < START_MS_MAX; ms += STEP_MS) {
		if (is_ready(server))
			return 0;
		if (waitpid(server->pid, &status, WNOHANG) == server->pid) {
			server->pid = 0;
			return 1;
		}
		sleep_step();
	}
	postgres_stop(server, POSTGRES_STOP_KILL);
	return 1;
}

/* -- public -- */

int
postgres_open(const char *const *settings, struct postgres **out)
{
	struct postgres *server = calloc(1, sizeof(*server));
	int code;

	if (!find_binaries(server->binaries, sizeof(server->binaries))) {
		printf("no Postgres server binaries were found\n");
		free(server);
		return MISSING;
	}
	if ((code = choose_user(server)) != 0) {
		free(server);
		return code;
	}
	for (int i = 0; settings && settings[i] && i < SETTINGS_MAX; i++)
		server->settings[i] = strdup(settings[i]);
	if (make_folder(server) != 0 || run_initdb(server) != 0 ||
	    postgres_start(server) != 0) {
		print_log(server);
		postgres_close(&server);
		return 1;
	}
	*out = server;
	return 0;
}

void
postgres_close(struct postgres **pointer)
{
	struct postgres *server = *pointer;

	if (server == NULL)
		return;
	postgres_stop(server, POSTGRES_STOP_IMMEDIATE);
	if (server->folder[0])
		nftw(server->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	for (int i = 0; i < SETTINGS_MAX; i++)
		free(server->settings[i]);
	free(server);
	*pointer = NULL;
}

const char *
postgres_conninfo(const struct postgres *server)
{
	return server->conninfo;
}

const char *
postgres_folder(const struct postgres *server)
{
	return server->folder;
}

pid_t
postgres_pid(const struct postgres *server)
{
	return server->pid;
}

void
postgres_stop(struct postgres *server, enum postgres_stop how)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGKILL };
	int status;

	if (server->pid <= 0)
		return;
	/* Stopped first, so that it starts no more of them. */
	if (how == POSTGRES_STOP_KILL) {
		kill(server->pid, SIGSTOP);
		kill_children(server->pid);
	}
	kill(server->pid, signals[how]);
	for (int ms = 0; ms < STOP_MS_MAX; ms += STEP_MS) {
		if (waitpid(server->pid, &status, WNOHANG) == server->pid) {
			server->pid = 0;
			return;
		}
		sleep_step();
	}
	kill_children(server->pid);
	kill(server->pid, SIGKILL);
	waitpid(server->pid, &status, 0);
	server->pid = 0;
}

int
postgres_start(struct postgres *server)
{
	/* The shared memory of one that was killed may take a moment to go. */
	for (int tries = 0; tries < START_TRIES; tries++) {
		if (start_once(server) == 0)
			return 0;
		sleep_step();
	}
	return 1;
}
