/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the C SDK share, and nobody else sees. */
#ifndef MAITRED_WORKER_INTERNAL_H
#define MAITRED_WORKER_INTERNAL_H

#include "maitred_fetch.h"
#include "maitred_wire.h"
#include "maitred_worker.h"

#include <stdint.h>
#include <sys/types.h>

#define MAITRED_LISTENER_MAX MAITRED_FETCH_ENTRANCES_MAX

struct maitred_worker {
    int entrances[MAITRED_LISTENER_MAX]; /* a channel, or a listener, for each listener, at its index */
    unsigned entrance_count;
    int is_direct;          /* the entrances are listeners: this process accepts by itself */
    int control;
    struct maitred_page_header *page;
    unsigned id, slot;
    uint64_t next_stream;   /* atomic */
    uint64_t accepted;      /* atomic: connections that this process accepted by itself */
    int takes_until_look;   /* atomic: until the limit on descriptors is looked at */
    int half_of_limit;      /* atomic: of that limit; 0: not looked at yet */
    int must_prove;         /* atomic: the first knock that is taken says ready */
    /* Written when the process is attached or was forked, when it has one thread. */
    pid_t pid;              /* whose the row is */
    struct maitred_row *row; /* NULL when all were taken */
    uint64_t holds_at_fork; /* written by the thread that forks, read by its child */
};

/* Descriptors that stay the program's own: so many below its limit a connection is not taken any more. */
#define MAITRED_SPARE_DESCRIPTORS 64

/* Keeps what the environment says of maitred as it is now, whatever the program does to it until it is attached. */
void maitred_worker_keep_environment(void);

/* A variable, as it was kept or as it is; NULL when there is none. */
const char *maitred_worker_variable(const char *name);

/*
 * maitred_worker_take from any descriptor of the channel, with recvmsg(2)'s MSG_DONTWAIT and MSG_CMSG_CLOEXEC as asked.
 * Without MSG_DONTWAIT it may wait, and give -EINTR.
 */
int maitred_worker_take_as(struct maitred_worker *worker, int channel, int flags,
                           struct maitred_connection *ret_connection);

/* maitred_worker_closed, by who knows that this process is the one that is counted. */
void maitred_worker_count_closed(struct maitred_worker *worker, unsigned count);

/* Counts a connection that this process accepted by itself. */
void maitred_worker_accepted(struct maitred_worker *worker);

/*
 * Around a fork, for who can tell that it failed: the child has its row before its parent can close anything.
 * After it, in the parent: the child's number, or -1.
 */
void maitred_worker_before_fork(struct maitred_worker *worker);
void maitred_worker_after_fork(pid_t child);

/* This process ends, or has nothing any more to do with the worker: its row is free if it has counted nothing. */
void maitred_worker_leave(struct maitred_worker *worker);

/* Before an exec and after one that failed: how many connections this process has. */
void maitred_worker_set_open(struct maitred_worker *worker, uint64_t count);

#endif
