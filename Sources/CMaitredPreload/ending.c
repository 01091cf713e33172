/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The end of listening, and of the master.
 *
 *  1. Where nothing will come any more the program waits: on a socket that is never readable. A listener that is shut
 *     down under a running program makes it spin (nginx, Node) or fail.
 *  2. When the master is gone for good the program is asked to stop, once: by the signal that the master would have sent.
 *     The end of the control channel tells: that of a channel may be a shutdown by the program. Whoever takes looks when
 *     its channel ends. Whoever listens and leaves that to others (nginx's and gunicorn's first process) is told by the
 *     kernel: SIGURG, which nobody minds by default, says that something happened to the control channel.
 */
#include "preload.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

static int stop = SIGTERM; /* looked up before the first signal can come */

static void look_up_stop_signal(void)
{
    const char *text = maitred_worker_variable("MAITRED_STOP_SIGNAL");
    int number = text == NULL ? 0 : atoi(text);
    if (number > 0 && number < NSIG)
        stop = number;
}

static void ask_to_stop(void)
{
    static int has_asked; /* atomic */

    if (__atomic_exchange_n(&has_asked, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    /* The first process of the worker too: one that has workers of its own would start others in their place. */
    if (getpgrp() != getpid())
        kill(getpgrp(), stop);
    kill(getpid(), stop);
}

int is_master_gone(int patience)
{
    int error = errno;
    struct pollfd entry = {.fd = own_worker()->control};
    int count = poll(&entry, 1, patience);

    /* Not again with the whole patience: a timer of the program's could interrupt it for ever. */
    if (count < 0)
        count = poll(&entry, 1, 0);
    errno = error;
    return count > 0 && (entry.revents & POLLHUP) != 0;
}

/* Nothing else comes: to whom says that it listens the master sends nothing, for a signal cuts sleeps short. */
static void look_for_master(int signal)
{
    (void)signal;
    if (is_master_gone(0))
        ask_to_stop();
}

void watch_master(void)
{
    struct sigaction action = {.sa_handler = look_for_master, .sa_flags = SA_RESTART}, old;
    int control = own_worker()->control;

    look_up_stop_signal();
    /* A program that has a use for the signal keeps it. */
    if (sigaction(SIGURG, NULL, &old) < 0 || (old.sa_flags & SA_SIGINFO) != 0 ||
        (old.sa_handler != SIG_DFL && old.sa_handler != look_for_master))
        return;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGURG, &action, NULL) == 0 && fcntl(control, F_SETOWN, getpid()) == 0 &&
        fcntl(control, F_SETSIG, SIGURG) == 0)
        fcntl(control, F_SETFL, fcntl(control, F_GETFL) | O_ASYNC);
}

/* One end of a pair whose other end stays open and is never written to; made once. */
static int never_readable = -1;

static void end_descriptor(int fd)
{
    int copy = REAL(fcntl64)(never_readable, F_DUPFD_CLOEXEC, 0);

    if (copy < 0)
        return;
    set_nonblocking(copy, (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    put_in_place(copy, fd);
    REAL(close)(copy);
}

void end_listening(struct managed *managed, int asks_to_stop)
{
    int ends[2], error = errno, listening = MANAGED_LISTENING;

    if (__atomic_compare_exchange_n(&managed->state, &listening, MANAGED_ENDED, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        if (never_readable < 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0) {
            never_readable = keep_as_own(ends[0]);
            keep_as_own(ends[1]);
        }
        for_each_descriptor_of(managed, end_descriptor);
        if (asks_to_stop)
            ask_to_stop();
    }
    errno = error;
}

/* Whether this process is the only one of its worker that the load page knows. */
static int is_alone(void)
{
    const struct maitred_worker *worker = own_worker();
    unsigned others = 0;

    for (uint32_t index = 0; index < MAITRED_ROW_COUNT; index++) {
        const struct maitred_row *row = maitred_page_row(worker->page, index);
        others += row != worker->row && maitred_load(&row->pid) != 0;
    }
    return worker->row != NULL && maitred_worker_is_own_process(worker) && others == 0;
}

void shut_down(int fd, struct managed *managed)
{
    int ends[2], error = errno;

    __atomic_store_n(&managed->state, MANAGED_SHUT_DOWN, __ATOMIC_RELEASE);
    /* As with a listener, whoever waits in accept wakes up. Nobody can take from the channel any more. */
    if (!own_worker()->is_direct && is_alone() && !is_entrance_in_use(managed->listener)) {
        REAL(shutdown)(fd, SHUT_RD);
    } else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0) {
        /* Others go on with the entrance. This descriptor alone is readable, and hung up, as a listener is then. */
        set_nonblocking(ends[0], (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
        put_in_place(ends[0], fd);
        REAL(close)(ends[0]);
        REAL(close)(ends[1]);
    }
    errno = error;
}
