/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the C SDK share, and nobody else sees. */
#ifndef MAITRED_WORKER_INTERNAL_H
#define MAITRED_WORKER_INTERNAL_H

#include "maitred_wire.h"

#include <stdint.h>
#include <sys/types.h>

#define MAITRED_LISTENER_MAX 32

struct maitred_worker {
    int channels[MAITRED_LISTENER_MAX]; /* one for each listener, at its index */
    unsigned channel_count;
    int control;
    struct maitred_page_header *page;
    unsigned id, slot;
    int last_fd;            /* the highest number a descriptor of this process can have */
    uint64_t next_stream;   /* atomic */
    int must_prove;         /* atomic: the first knock that is taken says ready */
    /* Written when the process is attached or was forked, when it has one thread. */
    pid_t pid;              /* whose the row is */
    struct maitred_row *row; /* NULL when all were taken */
    uint64_t holds_at_fork; /* written by the thread that forks, read by its child */
};

#endif
