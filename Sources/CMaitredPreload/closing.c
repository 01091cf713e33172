/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Every way in which a descriptor ends, or becomes another one.
 *
 *  1. A connection is counted as closed after its last descriptor in this process was closed, never before.
 *  2. Descriptors of ours, which the program does not know, are as if they were not open: loops that close everything
 *     pass them by.
 *  3. The kernel ends an epoll's registration of a file with its last descriptor. Of a listener we keep one, so it is
 *     ended by us, as Boost.Asio relies on.
 *  4. What stdio, libuv and others close without our seeing it is noticed when the number is given out again.
 */
#include "preload.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

/* After a call that closed something: counts it, and leaves errno alone. */
static void closed(uint32_t forgotten)
{
    int error = errno;
    descriptor_closed(forgotten);
    errno = error;
}

/* Before a call that closes a descriptor. */
static void closes(int fd)
{
    const struct managed *managed = managed_of(fd);
    if (managed != NULL && managed->owner == getpid() &&
        __atomic_load_n(&managed->references, __ATOMIC_ACQUIRE) == 1)
        forget_watchers(fd);
}

STANDS_BEFORE(int, close, int fd)
{
    if (descriptor_is_own(fd)) {
        errno = EBADF;
        return -1;
    }
    closes(fd);
    uint32_t forgotten = descriptor_forget(fd);
    int result = REAL(close)(fd);
    closed(forgotten);
    return result;
}

STANDS_BEFORE(int, fclose, FILE *file)
{
    if (file != NULL)
        closes(fileno(file));
    uint32_t forgotten = file == NULL ? 0 : descriptor_forget(fileno(file));
    int result = REAL(fclose)(file);
    closed(forgotten);
    return result;
}

/* Closes what the program knows of a range. */
STANDS_BEFORE(int, close_range, unsigned first, unsigned last, int flags)
{
    unsigned highest = descriptor_highest();

    /* 4: CLOSE_RANGE_CLOEXEC closes nothing yet. */
    if ((flags & 4) != 0 || first > last)
        return REAL(close_range)(first, last, flags);
    for (unsigned fd = first; fd <= last && fd <= highest; fd++)
        closes((int)fd);
    for (unsigned fd = first; fd <= last && fd <= highest; fd++) {
        if (!descriptor_is_own((int)fd))
            continue;
        if (fd > first && REAL(close_range)(first, fd - 1, flags) < 0)
            return -1;
        while (first < fd)
            closed(descriptor_forget((int)first++));
        first = fd + 1;
    }
    int result = first > last ? 0 : REAL(close_range)(first, last, flags);
    for (; result == 0 && first <= last && first <= highest; first++)
        closed(descriptor_forget((int)first));
    return result;
}

STANDS_BEFORE(void, closefrom, int first)
{
    if (own_close_range(first < 0 ? 0 : (unsigned)first, ~0U, 0) < 0)
        REAL(closefrom)(first);
}

/* ---- Copies --------------------------------------------------------------------------------------- */

static int copied(int from, int result)
{
    if (result >= 0) {
        int error = errno;
        descriptor_copied(from, result);
        errno = error;
    }
    return result;
}

STANDS_BEFORE(int, dup, int from)
{
    return copied(from, REAL(dup)(from));
}

/* Before a call that makes a descriptor a copy of another, if it is none already. */
static void closes_over(int from, int to)
{
    make_way(to);
    if (from != to && managed_of(to) != NULL && REAL(fcntl64)(from, F_GETFD) >= 0)
        closes(to);
}

STANDS_BEFORE(int, dup2, int from, int to)
{
    closes_over(from, to);
    return copied(from, REAL(dup2)(from, to));
}

STANDS_BEFORE(int, dup3, int from, int to, int flags)
{
    closes_over(from, to);
    return copied(from, REAL(dup3)(from, to, flags));
}

static void note_nonblocking(int fd, int is_nonblocking)
{
    struct managed *managed = managed_of(fd);
    if (managed != NULL)
        __atomic_store_n(&managed->is_nonblocking, is_nonblocking, __ATOMIC_RELAXED);
}

/* Whether O_NONBLOCK is the managed socket's alone, whatever the open file has. */
static int is_noted_only(int fd)
{
    const struct managed *managed = managed_of(fd);
    return managed != NULL && is_shared_listener(fd, managed);
}

/* F_GETFL and F_SETFL of such a one. */
static int status_flags(int fd, int command, int flags)
{
    if (command == F_SETFL) {
        note_nonblocking(fd, (flags & O_NONBLOCK) != 0);
        return 0;
    }
    int status = REAL(fcntl64)(fd, F_GETFL);
    const struct managed *managed = managed_of(fd);
    if (status < 0 || managed == NULL || __atomic_load_n(&managed->is_nonblocking, __ATOMIC_RELAXED))
        return status;
    return status & ~O_NONBLOCK;
}

STANDS_BEFORE(int, ioctl, int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (request == FIONBIO && argument != NULL && is_noted_only(fd)) {
        note_nonblocking(fd, *(const int *)argument != 0);
        return 0;
    }
    int result = REAL(ioctl)(fd, request, argument);
    if (request == FIONBIO && result >= 0)
        note_nonblocking(fd, *(const int *)argument != 0);
    return result;
}

STANDS_BEFORE(int, fcntl, int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if ((command == F_SETFL || command == F_GETFL) && is_noted_only(fd))
        return status_flags(fd, command, (int)(intptr_t)argument);
    int result = REAL(fcntl64)(fd, command, argument);
    if (command == F_SETFL && result >= 0)
        note_nonblocking(fd, ((int)(intptr_t)argument & O_NONBLOCK) != 0);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? copied(fd, result) : result;
}

STANDS_BEFORE(int, fcntl64, int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return own_fcntl(fd, command, argument);
}

/* ---- By number ------------------------------------------------------------------------------------ */

/* Programs that call the kernel by number: libuv closes so. */
STANDS_BEFORE(long, syscall, long number, ...)
{
    long a[6];
    va_list arguments;

    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    switch (number) {
    case SYS_close: return own_close((int)a[0]);
    case SYS_close_range: return own_close_range((unsigned)a[0], (unsigned)a[1], (int)a[2]);
    case SYS_dup: return own_dup((int)a[0]);
    case SYS_dup3: return own_dup3((int)a[0], (int)a[1], (int)a[2]);
    case SYS_accept: return accept((int)a[0], (struct sockaddr *)a[1], (socklen_t *)a[2]);
    case SYS_bind: return bind((int)a[0], (const struct sockaddr *)a[1], (socklen_t)a[2]);
    case SYS_listen: return listen((int)a[0], (int)a[1]);
    case SYS_shutdown: return shutdown((int)a[0], (int)a[1]);
    case SYS_connect: return connect((int)a[0], (const struct sockaddr *)a[1], (socklen_t)a[2]);
    case SYS_accept4: return accept4((int)a[0], (struct sockaddr *)a[1], (socklen_t *)a[2], (int)a[3]);
    default: return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
}
