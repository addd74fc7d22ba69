/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * HTTP as bytes on a socket, for what a client library would never send.
 */
#include <stdbool.h>
#include <stddef.h>

/* A connection to 127.0.0.1; fails the test where there is none. */
int
rawhttp_dial(int port);

/* All of it, or as much as the server takes. */
void
rawhttp_put(int fd, const char *bytes, size_t len);

/* What comes: an answer within 10 s, and so does the close when it announces
   one; what more comes (a second answer) within 60 ms. True: closed. */
bool
rawhttp_take(int fd, char *out, size_t size);

/* Of an answer; 0: it is none. */
int
rawhttp_status(const char *answer);

/* One answer of known length, within 10 s; what comes behind it stays. Its
   status, 0 where the connection ended. */
int
rawhttp_take_one(int fd, char *out, size_t size);

/* On a connection of its own. */
int
rawhttp_ask(int port, const char *bytes, size_t len, char *answer, size_t size,
            bool *out_closed);
