/* SPDX-License-Identifier: Apache-2.0 */

/*
 * maitred_worker: a program in C, or in anything that can call C, as a worker of a maitred master.
 *
 *     struct maitred_worker *worker;
 *     int error = maitred_worker_open(&worker);
 *     if (error < 0)
 *         errx(1, "%s", maitred_worker_problem());
 *     maitred_worker_ready(worker);
 *     for (;;) {
 *         struct pollfd entry = {.fd = maitred_worker_fd(worker, 0), .events = POLLIN};
 *         poll(&entry, 1, -1);
 *         struct maitred_connection connection;
 *         if (maitred_worker_take(worker, 0, &connection) < 0)
 *             continue;
 *         serve(connection.fd);
 *         close(connection.fd);
 *         maitred_worker_closed(worker, 1);
 *     }
 *
 * Rules
 *  1. Functions that can fail return 0 or more when they worked and a negative errno value when not. None prints, none
 *     ends the process, none touches signals.
 *  2. Everything may be called from any thread at once. Only maitred_worker_open allocates, and only it and
 *     maitred_worker_send can wait.
 *  3. After fork(2) the child is a worker process of its own: it may take from the same channels, and counts on a row
 *     of its own, which begins with the connections that it inherited. Between vfork(2) and exec nothing is counted.
 *  4. Say that a connection was closed after the close, never before.
 *
 * Build: cc server.c $(pkg-config --cflags --libs maitred-worker)
 */
#ifndef MAITRED_WORKER_H
#define MAITRED_WORKER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* This process as a worker. There is one in a process. */
struct maitred_worker;

/* A connection that was taken, and what the master knew of it. */
struct maitred_connection {
    int fd;                       /* the caller's from now on; open with O_NONBLOCK and FD_CLOEXEC */
    unsigned listener;            /* index of the listener that the client connected to */
    uint64_t sequence;            /* its place in the order in which the master accepted */
    uint64_t accepted_ns;         /* CLOCK_MONOTONIC at the accept */
    socklen_t peer_length;        /* bytes of `peer`; 0 for a Unix client without a name */
    struct sockaddr_storage peer; /* the client's address, also of one that has gone meanwhile */
};

/* What the master says. */
enum maitred_event_type {
    MAITRED_EVENT_NONE,        /* nothing waits */
    MAITRED_EVENT_DRAIN,       /* take no more, finish what is open, exit */
    MAITRED_EVENT_MESSAGE,     /* bytes of the program's own, or a part of them */
    MAITRED_EVENT_MASTER_GONE, /* the master has ended: as after a drain */
};

struct maitred_event {
    enum maitred_event_type type;
    uint64_t stream; /* of a message: its parts have the same */
    int more;        /* of a message: whether another part follows */
    size_t length;   /* of a message: bytes of this part that are in the buffer */
};

/* The longest part of a message. */
#define MAITRED_MESSAGE_PART_MAX 65520

/* The longest message that maitred_worker_send takes. */
#define MAITRED_MESSAGE_MAX (16 << 20)

/*
 * Attaches this process to the master that started it, as the environment says. Close nothing that the environment
 * names before. The worker lives as long as the process.
 *
 * -ENOENT      not started by maitred: the program may listen by itself
 * -EINVAL      a variable is damaged, or of another version
 * -EBADF       a descriptor is not there any more: a wrapper between master and program has closed it, and there is no
 *              MAITRED_WORKER_SOCKET to fetch it from
 * -EACCES      the same, and the master does not take this process for a descendant of one of its workers
 * -EALREADY    this process is attached
 * and what fstat(2), mmap(2) and fcntl(2) give.
 */
int maitred_worker_open(struct maitred_worker **ret_worker);

/* Why the last maitred_worker_open failed: one line, lower case, without its end. */
const char *maitred_worker_problem(void);

/* The worker's number: 1, 2, 3 ..., never used again; and its place in the pool, from 0. */
unsigned maitred_worker_id(const struct maitred_worker *worker);
unsigned maitred_worker_slot(const struct maitred_worker *worker);

/* Listeners of the master; they have the indexes 0 to count - 1. */
unsigned maitred_worker_listener_count(const struct maitred_worker *worker);

/*
 * The descriptor to watch for a listener's connections: readable means that one may be taken. Not to be closed. With
 * --strategy kernel and reuseport it is a listening socket, whose connections somebody else may take first.
 */
int maitred_worker_fd(const struct maitred_worker *worker, unsigned listener);

/* The descriptor to watch for maitred_worker_receive. Not to be closed. */
int maitred_worker_control_fd(const struct maitred_worker *worker);

/*
 * Says that connections may come. Until then the master gives none, and ends a worker that does not say it within
 * --start-timeout. -EPIPE: the master is gone.
 */
int maitred_worker_ready(struct maitred_worker *worker);

/*
 * Says that the program listens, for who cannot know whether it takes connections too: the master leaves a knock, and
 * when that is taken this library says that connections may come. It takes from this listener's descriptor what comes to
 * the listeners whose bits are set in `listeners`, and nothing from any that no such call named. -EPIPE: the master is
 * gone.
 */
int maitred_worker_listens(struct maitred_worker *worker, unsigned listener, uint32_t listeners);

/*
 * Whether this process is the one that is counted: not between vfork(2) and exec, where everything a process does to
 * its memory its parent finds afterwards.
 */
int maitred_worker_is_own_process(const struct maitred_worker *worker);

/*
 * Takes the next connection of a listener, and counts it as open. Never waits.
 *
 * -EAGAIN      nobody waits, or somebody else was faster
 * -EMFILE      this process has fewer than 64 descriptors left (a quarter of them if it may have less than 256); the
 *              connection still waits for whoever closes something first
 * -EPIPE       the master is gone, or lets nobody in any more, and everything that it handed over was taken
 * -EPROTO      what came was not of this wire; it is gone
 */
int maitred_worker_take(struct maitred_worker *worker, unsigned listener, struct maitred_connection *ret_connection);

/* Says that so many connections were closed. */
void maitred_worker_closed(struct maitred_worker *worker, unsigned count);

/* Connections of this process that are open, as counted. */
uint64_t maitred_worker_open_connections(const struct maitred_worker *worker);

/* Counts requests that were answered, and requests that failed by the program's own judgement. */
void maitred_worker_served(struct maitred_worker *worker, unsigned count);
void maitred_worker_failed(struct maitred_worker *worker, unsigned count);

/*
 * Says that the program's own loop turns. To be called from that loop, at least every few seconds once it was called
 * at all: a worker whose heartbeat stands still for --hang-timeout is killed.
 */
void maitred_worker_heartbeat(struct maitred_worker *worker);

/* Says by how many bytes of memory this process wants to be judged; 0 for its resident set, as at the beginning. */
void maitred_worker_report_memory(struct maitred_worker *worker, uint64_t bytes);

/* Whether the master asked this worker to drain. Costs no system call. */
int maitred_worker_is_draining(const struct maitred_worker *worker);

/*
 * The next thing that the master said. Never waits; kinds that this library does not know are skipped.
 *
 * buffer, capacity  receive a message's part; one that is longer is cut, so give MAITRED_MESSAGE_PART_MAX bytes.
 *                   May be NULL and 0 for a program that gets no messages.
 */
int maitred_worker_receive(struct maitred_worker *worker, struct maitred_event *ret_event, void *buffer,
                           size_t capacity);

/*
 * Sends bytes to the master, in as many packets as they need. Waits while the master is behind.
 * -EMSGSIZE: more than MAITRED_MESSAGE_MAX. -EPIPE: the master is gone.
 */
int maitred_worker_send(struct maitred_worker *worker, const void *bytes, size_t length);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
