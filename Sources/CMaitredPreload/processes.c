/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a process of a worker does that makes another of it, or ends it. A server may do so for every connection.
 *
 *  1. A child that is forked has a row of its own before its parent can close what it has passed on.
 *  2. A child that ends gives its row back by itself: the master looks for dead processes once a second, and a page has
 *     119 rows.
 *  3. Nothing happens between vfork and exec, where the memory is the parent's.
 */
#include "preload.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>

/* Whether this process was forked from one that was a worker's. */
static int is_forked;

STANDS_BEFORE(pid_t, fork, void)
{
    struct maitred_worker *worker = own_worker();

    if (worker == NULL)
        return REAL(fork)();
    maitred_worker_before_fork(worker);
    pid_t child = REAL(fork)();
    if (child != 0) {
        int error = errno;
        maitred_worker_after_fork(child);
        errno = error;
    } else {
        is_forked = 1;
        /* Other threads took and closed while the parent's count was read. Here nobody does, and the table is a copy. */
        maitred_worker_set_open(worker, connections_in_table());
    }
    return child;
}

/* ---- exec ----------------------------------------------------------------------------------------- */

/*
 * A child that executes another program has the connections that it inherited for a moment only: those that are not
 * close-on-exec it keeps until it ends. Nothing happens between vfork and exec, where the counts are the parent's.
 */
static uint64_t before_exec(void)
{
    if (own_worker() == NULL || !maitred_worker_is_own_process(own_worker()))
        return 0;
    uint64_t open = maitred_worker_open_connections(own_worker());
    if (open > 0)
        maitred_worker_set_open(own_worker(), connections_kept_over_exec());
    return open;
}

static int exec_failed(uint64_t open)
{
    int error = errno;
    if (open > 0)
        maitred_worker_set_open(own_worker(), open);
    errno = error;
    return -1;
}

STANDS_BEFORE(int, execve, const char *path, char *const arguments[], char *const environment[])
{
    uint64_t open = before_exec();
    REAL(execve)(path, arguments, environment);
    return exec_failed(open);
}

STANDS_BEFORE(int, fexecve, int fd, char *const arguments[], char *const environment[])
{
    uint64_t open = before_exec();
    REAL(fexecve)(fd, arguments, environment);
    return exec_failed(open);
}

STANDS_BEFORE(int, execv, const char *path, char *const arguments[])
{
    uint64_t open = before_exec();
    REAL(execv)(path, arguments);
    return exec_failed(open);
}

STANDS_BEFORE(int, execvp, const char *file, char *const arguments[])
{
    uint64_t open = before_exec();
    REAL(execvp)(file, arguments);
    return exec_failed(open);
}

STANDS_BEFORE(int, execvpe, const char *file, char *const arguments[], char *const environment[])
{
    uint64_t open = before_exec();
    REAL(execvpe)(file, arguments, environment);
    return exec_failed(open);
}

/* Those that have their arguments one by one are made to have them in a list, as the C library does it. */
#define MOST_ARGUMENTS 4096
static int collect(char **ret_arguments, const char *first, va_list list)
{
    size_t count = 0;

    ret_arguments[0] = (char *)(uintptr_t)first;
    while (ret_arguments[count] != NULL)
        if (++count == MOST_ARGUMENTS) {
            errno = E2BIG;
            return -1;
        } else {
            ret_arguments[count] = va_arg(list, char *);
        }
    return 0;
}

STANDS_BEFORE(int, execl, const char *path, const char *first, ...)
{
    char *arguments[MOST_ARGUMENTS];
    va_list list;

    va_start(list, first);
    int error = collect(arguments, first, list);
    va_end(list);
    return error < 0 ? -1 : own_execv(path, arguments);
}

STANDS_BEFORE(int, execlp, const char *file, const char *first, ...)
{
    char *arguments[MOST_ARGUMENTS];
    va_list list;

    va_start(list, first);
    int error = collect(arguments, first, list);
    va_end(list);
    return error < 0 ? -1 : own_execvp(file, arguments);
}

STANDS_BEFORE(int, execle, const char *path, const char *first, ...)
{
    char *arguments[MOST_ARGUMENTS];
    va_list list;

    va_start(list, first);
    int error = collect(arguments, first, list);
    char *const *environment = error < 0 ? NULL : va_arg(list, char *const *);
    va_end(list);
    return error < 0 ? -1 : own_execve(path, arguments, environment);
}

/* ---- The end -------------------------------------------------------------------------------------- */

STANDS_BEFORE(void, _exit, int status)
{
    if (is_forked && own_worker() != NULL)
        maitred_worker_leave(own_worker());
    REAL(_exit)(status);
    __builtin_unreachable();
}

/* Whether this process has one thread: a folder has two names, and one more for each folder in it. */
static int is_single_threaded(void)
{
    struct stat status;
    return stat("/proc/self/task", &status) == 0 && status.st_nlink == 3;
}

/*
 * At exit(3). Streams are written first: until then the last bytes of an answer may be in one. Not where another thread
 * may wait for input, with the lock of its stream: exit itself waits for no lock, and writes them soon after.
 */
__attribute__((destructor)) static void leave(void)
{
    if (!is_forked || own_worker() == NULL || !maitred_worker_is_own_process(own_worker()))
        return;
    if (is_single_threaded())
        fflush(NULL);
    maitred_worker_leave(own_worker());
}
