/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A queue of pointers between threads, bounded in items and in bytes. Any
 * number of writers and readers. An item larger than the byte bound is taken
 * only when the queue is empty, so that it does not wait for ever.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue;

struct queue *
queue_new(size_t items_max, size_t bytes_max);

/* The owner has emptied it before; NULL is legal. */
void
queue_free(struct queue **queue);

/* False when it stayed full for timeout_ms (0: do not wait) or is closed. */
bool
queue_push(struct queue *queue, void *item, size_t bytes, int64_t timeout_ms);

/* NULL when it stayed empty for timeout_ms, or is closed and empty. */
void *
queue_pop(struct queue *queue, int64_t timeout_ms);

/* No more pushes; readers get what is left, then NULL at once. */
void
queue_close(struct queue *queue);

void
queue_reopen(struct queue *queue);

size_t
queue_bytes(const struct queue *queue);

size_t
queue_count(const struct queue *queue);
