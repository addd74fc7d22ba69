/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A real, private Postgres for a test: made by initdb in a temporary folder,
 * run by a user that is not root, reached by a socket in that folder only
 * (unless settings say otherwise), and ended with the
 * test even if that dies. fsync is off: a crash of the machine is not tested.
 *
 *	static struct postgres *server;
 *
 *	if (postgres_open(NULL, &server) != 0)
 *		return 77;         no server binaries: the reason is printed
 *	... pgconn_open with postgres_conninfo(server) ...
 *	postgres_close(&server);
 *
 * A setting port=N also names the socket: conninfos then need it.
 *
 * Binaries are looked for in WAYBILL_POSTGRES_BIN, then in the newest
 * /usr/lib/postgresql/N/bin, then in PATH. The superuser is "postgres".
 */
#include <stdbool.h>
#include <sys/types.h>

struct postgres;

/* How it goes down. */
enum postgres_stop {
	POSTGRES_STOP_FAST,      /* sessions are ended, a checkpoint is made */
	POSTGRES_STOP_IMMEDIATE, /* as after a crash: the WAL is replayed */
	POSTGRES_STOP_KILL,      /* SIGKILL for all of it */
};

/* settings: "name=value"s for the server, NULL-terminated, or NULL. 0 when it
   takes connections; 77: there are no binaries; anything else: it did not
   start (the server's log is printed to stderr). */
int
postgres_open(const char *const *settings, struct postgres **out);

/* Stops it and removes the folder; NULL is legal. */
void
postgres_close(struct postgres **server);

/* Of the superuser to the database "postgres". */
const char *
postgres_conninfo(const struct postgres *server);

/* The folder of the socket, for conninfos of one's own: "host=FOLDER". */
const char *
postgres_folder(const struct postgres *server);

pid_t
postgres_pid(const struct postgres *server);

/* Down and up again, on the same data. start: as postgres_open. */
void
postgres_stop(struct postgres *server, enum postgres_stop how);
int
postgres_start(struct postgres *server);
