/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libmaitred_preload.so: makes any dynamically linked program a worker, unmodified.
 *
 * Functions of the C library are stood before; each does what it always does unless the descriptor is a managed socket
 * (managed.c) or a connection that was taken (descriptors.c). Without MAITRED_HANDOFF_FDS in the environment, and in
 * programs that never listen on an address of the master's, nothing changes.
 *
 *      bind       of an address of the master's is remembered, not done
 *      listen     puts the channel in the socket's place
 *      accept     takes from the channel: a knock is a spurious wakeup
 *      close …    tells the master, when it was a connection's last descriptor
 */
#include "preload.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/*
 * Defines a function under a name of the C library. Under a name of our own first: the headers declare some of them with
 * parameters that no definition can repeat.
 */
#define STANDS_BEFORE(type, name, ...)                                                             \
    type own_##name(__VA_ARGS__) __asm__(#name) __attribute__((visibility("default")));            \
    type own_##name(__VA_ARGS__)

void *real_function(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* ---- The way to listen ---------------------------------------------------------------------------- */

STANDS_BEFORE(int, bind, int fd, const struct sockaddr *address, socklen_t length)
{
    int listener = address == NULL || length < sizeof(sa_family_t) ? -1 : listener_for(address, length);

    if (listener < 0)
        return REAL(bind)(fd, address, length);
    return manage(fd, (unsigned)listener, address, length);
}

STANDS_BEFORE(int, listen, int fd, int backlog)
{
    struct managed *managed = managed_of(fd);
    return managed == NULL ? REAL(listen)(fd, backlog) : begin_listening(fd, managed);
}

STANDS_BEFORE(int, getsockname, int fd, struct sockaddr *address, socklen_t *length)
{
    struct managed *managed = managed_of(fd);

    if (managed == NULL)
        return REAL(getsockname)(fd, address, length);
    memcpy(address, &managed->address, *length < managed->address_length ? *length : managed->address_length);
    *length = managed->address_length;
    return 0;
}

static int answer_number(int number, void *value, socklen_t *length)
{
    memcpy(value, &number, *length < sizeof number ? *length : sizeof number);
    if (*length > sizeof number)
        *length = sizeof number;
    return 0;
}

STANDS_BEFORE(int, getsockopt, int fd, int level, int name, void *value, socklen_t *length)
{
    struct managed *managed = managed_of(fd);

    if (managed == NULL || !managed->is_listening)
        return REAL(getsockopt)(fd, level, name, value, length);
    if (level == SOL_SOCKET) {
        switch (name) {
        case SO_ACCEPTCONN: return answer_number(1, value, length);
        case SO_TYPE: return answer_number(SOCK_STREAM, value, length);
        case SO_DOMAIN: return answer_number(managed->domain, value, length);
        case SO_PROTOCOL: return answer_number(managed->protocol, value, length);
        case SO_ERROR: return answer_number(0, value, length);
        case SO_REUSEADDR: case SO_REUSEPORT: return answer_number(1, value, length);
        default: break;
        }
    }
    for (unsigned i = 0; i < managed->option_count; i++)
        if (managed->options[i].level == level && managed->options[i].name == name) {
            socklen_t size = (socklen_t)managed->options[i].length;
            memcpy(value, managed->options[i].value, *length < size ? *length : size);
            *length = *length < size ? *length : size;
            return 0;
        }
    return level == SOL_SOCKET ? REAL(getsockopt)(fd, level, name, value, length) : answer_number(0, value, length);
}

/* Whether an accepted connection has what its listener was set to. */
static int is_inherited(int level, int name)
{
    if (level == SOL_SOCKET)
        return name == SO_KEEPALIVE || name == SO_LINGER || name == SO_OOBINLINE || name == SO_PRIORITY;
    if (level == IPPROTO_TCP)
        return name == TCP_NODELAY || name == TCP_KEEPIDLE || name == TCP_KEEPINTVL || name == TCP_KEEPCNT ||
               name == TCP_USER_TIMEOUT || name == TCP_QUICKACK;
    return 0;
}

static void remember_option(struct managed *managed, int level, int name, const void *value, socklen_t length)
{
    unsigned place = 0;

    while (place < managed->option_count &&
           (managed->options[place].level != level || managed->options[place].name != name))
        place++;
    if (place == MOST_OPTIONS || length > sizeof managed->options[place].value)
        return;
    struct inherited_option *option = &managed->options[place];
    option->level = level;
    option->name = name;
    option->length = (int)length;
    memcpy(option->value, value, length);
    if (place == managed->option_count)
        managed->option_count++;
}

STANDS_BEFORE(int, setsockopt, int fd, int level, int name, const void *value, socklen_t length)
{
    struct managed *managed = managed_of(fd);

    if (managed != NULL && value != NULL && is_inherited(level, name))
        remember_option(managed, level, name, value, length);
    if (managed == NULL || !managed->is_listening)
        return REAL(setsockopt)(fd, level, name, value, length);
    /* The limit on an accept's wait is the channel's; buffers are the master's business, the rest TCP's. */
    if (level == SOL_SOCKET && name == SO_RCVTIMEO)
        return REAL(setsockopt)(fd, level, name, value, length);
    return 0;
}

/* ---- accept --------------------------------------------------------------------------------------- */

static void give_address(const struct maitred_connection *connection, const struct managed *managed,
                         struct sockaddr *address, socklen_t *length)
{
    struct sockaddr_storage peer = connection->peer;
    socklen_t size = connection->peer_length;

    if (address == NULL || length == NULL)
        return;
    if (managed->domain == AF_INET6 && peer.ss_family == AF_INET) {
        struct sockaddr_in v4;
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        memcpy(&v4, &peer, sizeof v4);
        v6.sin6_port = v4.sin_port;
        v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xff;
        memcpy(&v6.sin6_addr.s6_addr[12], &v4.sin_addr, 4);
        memcpy(&peer, &v6, sizeof v6);
        size = sizeof v6;
    } else if (size == 0) {
        peer.ss_family = (sa_family_t)managed->domain;
        size = sizeof(sa_family_t);
    }
    memcpy(address, &peer, *length < size ? *length : size);
    *length = size;
}

/* Makes a connection what accept4 with these flags would have made it. */
static void prepare_connection(int fd, const struct managed *managed, int flags)
{
    if ((flags & SOCK_NONBLOCK) == 0)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    if ((flags & SOCK_CLOEXEC) == 0)
        fcntl(fd, F_SETFD, 0);
    for (unsigned i = 0; i < managed->option_count; i++)
        REAL(setsockopt)(fd, managed->options[i].level, managed->options[i].name, managed->options[i].value,
                         (socklen_t)managed->options[i].length);
    connection_taken(fd);
}

/* Waits as accept would on a socket that may wait. 0 when it is worth another try, or -1 with errno. */
static int wait_for_connection(int fd)
{
    struct timeval limit = {0};
    socklen_t size = sizeof limit;
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    if ((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0) {
        errno = EAGAIN;
        return -1;
    }
    REAL(getsockopt)(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &size);
    int milliseconds = limit.tv_sec == 0 && limit.tv_usec == 0 ? -1 : (int)(limit.tv_sec * 1000 + limit.tv_usec / 1000);
    int count = poll(&entry, 1, milliseconds);
    if (count == 0)
        errno = EAGAIN;
    return count > 0 ? 0 : -1;
}

static int take(int fd, struct managed *managed, struct sockaddr *address, socklen_t *length, int flags)
{
    struct maitred_connection connection;

    for (;;) {
        int error = maitred_worker_take(own_worker(), managed->listener, &connection);
        switch (error) {
        case 0:
            give_address(&connection, managed, address, length);
            prepare_connection(connection.fd, managed, flags);
            return connection.fd;
        case -EAGAIN:
            if (wait_for_connection(fd) < 0)
                return -1;
            break;
        case -EPROTO:
            break;
        case -EPIPE:
            end_listening(fd);
            managed->is_listening = -1;
            errno = EAGAIN;
            return -1;
        default:
            errno = -error;
            return -1;
        }
    }
}

STANDS_BEFORE(int, accept4, int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    struct managed *managed = managed_of(fd);

    if (managed == NULL || managed->is_listening != 1)
        return REAL(accept4)(fd, address, length, flags);
    return take(fd, managed, address, length, flags);
}

STANDS_BEFORE(int, accept, int fd, struct sockaddr *address, socklen_t *length)
{
    struct managed *managed = managed_of(fd);

    if (managed == NULL || managed->is_listening != 1)
        return REAL(accept)(fd, address, length);
    return take(fd, managed, address, length, 0);
}

/* ---- The end of a descriptor ---------------------------------------------------------------------- */

STANDS_BEFORE(int, close, int fd)
{
    uint32_t forgotten = descriptor_forget(fd);
    int result = REAL(close)(fd);
    int error = errno;

    connection_closed(forgotten);
    errno = error;
    return result;
}

STANDS_BEFORE(int, fclose, FILE *file)
{
    uint32_t forgotten = file == NULL ? 0 : descriptor_forget(fileno(file));
    int result = REAL(fclose)(file);
    int error = errno;

    connection_closed(forgotten);
    errno = error;
    return result;
}

STANDS_BEFORE(int, dup2, int from, int to)
{
    int result = REAL(dup2)(from, to);
    if (result >= 0)
        descriptor_copied(from, to);
    return result;
}

STANDS_BEFORE(int, dup3, int from, int to, int flags)
{
    int result = REAL(dup3)(from, to, flags);
    if (result >= 0)
        descriptor_copied(from, to);
    return result;
}

STANDS_BEFORE(int, dup, int from)
{
    int result = REAL(dup)(from);
    if (result >= 0)
        descriptor_copied(from, result);
    return result;
}

STANDS_BEFORE(int, fcntl, int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    int result = REAL(fcntl64)(fd, command, argument);
    if (result >= 0 && (command == F_DUPFD || command == F_DUPFD_CLOEXEC))
        descriptor_copied(fd, result);
    return result;
}

STANDS_BEFORE(int, fcntl64, int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return own_fcntl(fd, command, argument);
}

/* Descriptors of a range that a process may have, one by one: the tables have a million places. */
static void close_each(unsigned first, unsigned last)
{
    long most = sysconf(_SC_OPEN_MAX);
    for (unsigned fd = first; fd <= last && (long)fd < most; fd++)
        connection_closed(descriptor_forget((int)fd));
}

STANDS_BEFORE(int, close_range, unsigned first, unsigned last, int flags)
{
    int result = REAL(close_range)(first, last, flags);
    /* 4: CLOSE_RANGE_CLOEXEC closes nothing yet. */
    if (result == 0 && (flags & 4) == 0)
        close_each(first, last);
    return result;
}

STANDS_BEFORE(void, closefrom, int first)
{
    REAL(closefrom)(first);
    close_each(first < 0 ? 0 : (unsigned)first, ~0U);
}

/* Programs that call the kernel by number: libuv closes so. */
STANDS_BEFORE(long, syscall, long number, ...)
{
    long a[6];
    va_list arguments;

    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    if (number == SYS_close)
        return own_close((int)a[0]);
    return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
