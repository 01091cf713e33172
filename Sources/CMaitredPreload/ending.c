/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The end of listening, and of the master.
 *
 *  1. Where nothing will come any more the program waits: on a socket that is never readable. A listener that is shut
 *     down under a running program makes it spin (nginx, Node) or fail.
 *  2. When the master is gone for good the program is asked to stop, once: by the signal that the master would have sent.
 *     Whoever takes from a channel notices by itself. Whoever listens and leaves that to others (nginx's and gunicorn's
 *     first process) is told by the kernel: SIGURG, which nobody minds by default, says that something happened to the
 *     control channel.
 */
#include "preload.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

static void ask_to_stop(void)
{
    static int has_asked; /* atomic */
    static int stop;      /* looked up before the first signal can come */

    if (stop == 0) {
        const char *text = maitred_worker_variable("MAITRED_STOP_SIGNAL");
        int number = text == NULL ? 0 : atoi(text);
        stop = number > 0 && number < NSIG ? number : SIGTERM;
    }
    if (__atomic_exchange_n(&has_asked, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    /* The first process of the worker too: one that has workers of its own would start others in their place. */
    if (getpgrp() != getpid())
        kill(getpgrp(), stop);
    kill(getpid(), stop);
}

/* Something came through the control channel, or its other end is closed. */
static void look_for_master(int signal)
{
    int error = errno;
    struct pollfd entry = {.fd = own_worker()->control};

    (void)signal;
    if (poll(&entry, 1, 0) > 0 && (entry.revents & POLLHUP) != 0)
        ask_to_stop();
    errno = error;
}

void watch_master(void)
{
    struct sigaction action = {.sa_handler = look_for_master, .sa_flags = SA_RESTART}, old;
    int control = own_worker()->control;

    /* A program that has a use for the signal keeps it. */
    if (sigaction(SIGURG, NULL, &old) < 0 || (old.sa_flags & SA_SIGINFO) != 0 ||
        (old.sa_handler != SIG_DFL && old.sa_handler != look_for_master))
        return;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGURG, &action, NULL) == 0 && fcntl(control, F_SETOWN, getpid()) == 0 &&
        fcntl(control, F_SETSIG, SIGURG) == 0)
        fcntl(control, F_SETFL, fcntl(control, F_GETFL) | O_ASYNC);
}

void end_listening(int fd, struct managed *managed, int asks_to_stop)
{
    int ends[2], error = errno;

    __atomic_store_n(&managed->state, MANAGED_ENDED, __ATOMIC_RELEASE);
    /* One end of a pair of which the other stays open: never readable, and no reason to spin. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0) {
        int status = fcntl(fd, F_GETFL), flags = fcntl(fd, F_GETFD);
        fcntl(ends[0], F_SETFL, status & O_NONBLOCK);
        REAL(dup3)(ends[0], fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0);
        REAL(close)(ends[0]);
        keep_as_own(ends[1]);
    }
    if (asks_to_stop)
        ask_to_stop();
    errno = error;
}

void shut_down(int fd, struct managed *managed)
{
    int ends[2], error = errno;

    __atomic_store_n(&managed->state, MANAGED_SHUT_DOWN, __ATOMIC_RELEASE);
    /* Readable, and hung up, as a listener is then. The channel itself is shared by all processes of the worker. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0) {
        put_in_place(ends[0], fd);
        REAL(close)(ends[0]);
        REAL(close)(ends[1]);
    }
    errno = error;
}
