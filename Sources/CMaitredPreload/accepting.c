/* SPDX-License-Identifier: Apache-2.0 */

/*
 * accept, from a channel.
 *
 *  1. A knock is a spurious wakeup: whoever may wait goes on waiting, others get EAGAIN.
 *  2. Waiting is done by the kernel as accept(2) does it: signals, SA_RESTART, SO_RCVTIMEO and cancellation included.
 *     What it waits with is a look that takes nothing, so that at the limit on descriptors no connection is lost. Whether
 *     it may wait is the program's own O_NONBLOCK, as this process has set it.
 *  3. Where that cannot be (strategy kernel and reuseport, a channel on which another process has set O_NONBLOCK, an
 *     ended listener with SO_RCVTIMEO) poll(2) waits: SO_RCVTIMEO and cancellation hold. SA_RESTART holds when all
 *     handlers of the program have it, otherwise each of its signals gives EINTR.
 *  4. The client's address is the one that the master saw.
 */
#include "preload.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <time.h>

static void give_address(const struct maitred_connection *connection, const struct managed *managed,
                         struct sockaddr *address, socklen_t *length)
{
    struct sockaddr_storage peer = connection->peer;
    socklen_t size = connection->peer_length;

    if (address == NULL || length == NULL)
        return;
    if (managed->domain == AF_INET6 && peer.ss_family == AF_INET) {
        /* As an IPv6 listener that serves both has it. */
        struct sockaddr_in v4;
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        memcpy(&v4, &peer, sizeof v4);
        v6.sin6_port = v4.sin_port;
        v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xff;
        memcpy(&v6.sin6_addr.s6_addr[12], &v4.sin_addr, 4);
        memcpy(&peer, &v6, sizeof v6);
        size = sizeof v6;
    } else if (managed->domain == AF_INET && peer.ss_family == AF_INET6) {
        /* A program for IPv4 behind a listener for both. Of a client with an IPv6 address only the port can be said. */
        struct sockaddr_in6 v6;
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        memcpy(&v6, &peer, sizeof v6);
        v4.sin_port = v6.sin6_port;
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
            memcpy(&v4.sin_addr, &v6.sin6_addr.s6_addr[12], 4);
        memcpy(&peer, &v4, sizeof v4);
        size = sizeof v4;
    } else if (size == 0) {
        peer.ss_family = AF_UNIX;
        size = sizeof(sa_family_t);
    }
    memcpy(address, &peer, *length < size ? *length : size);
    *length = size;
}

#define SECOND 1000000000LL

static long long monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

/* SO_RCVTIMEO as the program has set it, 0: none. That of a channel may be another process's. */
static long long limit_of(const struct managed *managed)
{
    struct timeval limit = {0};
    socklen_t size = sizeof limit;

    return REAL(getsockopt)(managed->socket, SOL_SOCKET, SO_RCVTIMEO, &limit, &size) < 0
               ? 0
               : limit.tv_sec * SECOND + limit.tv_usec * 1000LL;
}

/* Whether every signal that this program handles wants calls to go on. Which one came nobody knows. */
static int signals_restart(void)
{
    struct sigaction action;

    for (int number = 1; number < NSIG; number++)
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN &&
            (action.sa_flags & SA_RESTART) == 0)
            return 0;
    return 1;
}

/* Until `limit` has passed since `start`. 0 when it is worth another try, or -1 with errno. */
static int poll_for_connection(int fd, long long limit, long long start)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    long long left = limit - (monotonic_ns() - start);
    struct timespec most = {.tv_sec = left / SECOND, .tv_nsec = left % SECOND};
    int count;

    do
        count = limit == 0 ? poll(&entry, 1, -1) : left <= 0 ? 0 : ppoll(&entry, 1, &most, NULL);
    while (count < 0 && errno == EINTR && limit == 0 && signals_restart());
    if (count == 0)
        errno = EAGAIN;
    return count <= 0 ? -1 : 0;
}

/*
 * Waits as accept would on a socket that may wait. 0 when it is worth another try, or -1 with errno.
 *
 * The end of the channel is no packet, and comes at once.
 */
static int wait_for_connection(int fd, const struct managed *managed)
{
    char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (__atomic_load_n(&managed->is_nonblocking, __ATOMIC_RELAXED)) {
        errno = EAGAIN;
        return -1;
    }
    long long limit = limit_of(managed), start = monotonic_ns();
    int is_listening = state_of(managed) == MANAGED_LISTENING;
    /* A listener is no place to look into, and what is there after the end has no limit: many sockets share it. */
    if (is_listening ? !own_worker()->is_direct : limit == 0) {
        if (recvmsg(fd, &message, MSG_PEEK) >= 0 || errno == ECONNRESET)
            return 0;
        if (errno != EAGAIN)
            return -1;
    }
    /* Another process of the worker, which does not wait or not as long, has set that on what all share. */
    return poll_for_connection(fd, limit, start);
}

/* Whether the number still is that listener: another thread may have closed it while this one waited. */
static int is_still(int fd, const struct managed *managed)
{
    return managed_of(fd) == managed && state_of(managed) == MANAGED_LISTENING;
}

/* A master that ends closes all it has within that time, and its channels may go first. */
#define MASTER_PATIENCE_MS 100

static int take(int fd, struct managed *managed, struct sockaddr *address, socklen_t *length, int flags)
{
    struct maitred_connection connection;
    int how = MSG_DONTWAIT | ((flags & SOCK_CLOEXEC) != 0 ? MSG_CMSG_CLOEXEC : 0);

    while (is_still(fd, managed)) {
        int error = maitred_worker_take_as(own_worker(), fd, how, &connection);
        switch (error) {
        case 0:
            connection_taken(connection.fd);
            inherit_options(managed, connection.fd);
            /* It arrives with O_NONBLOCK, and nothing else that could be set. */
            if ((flags & SOCK_NONBLOCK) == 0)
                REAL(fcntl64)(connection.fd, F_SETFL, 0);
            give_address(&connection, managed, address, length);
            return connection.fd;
        case -EAGAIN:
            if (wait_for_connection(fd, managed) < 0)
                return -1;
            break;
        case -EPROTO:
            break;
        case -EPIPE:
            /* The master's end, or this worker's own, which a process of it has shut down. */
            if (is_still(fd, managed))
                end_listening(managed, is_master_gone(MASTER_PATIENCE_MS));
            break;
        default:
            errno = -error;
            return -1;
        }
    }
    if (state_of(managed) == MANAGED_ENDED && managed_of(fd) == managed && wait_for_connection(fd, managed) < 0)
        return -1;
    errno = managed_of(fd) == managed ? EINVAL : EBADF;
    return -1;
}

/* After an accept that failed. EINVAL: the master has shut the listener down for the drain, if the page tells of one. */
static int may_try_again(int fd, const struct managed *managed)
{
    if (errno == EAGAIN)
        return wait_for_connection(fd, managed) == 0;
    return errno == EINVAL && is_still(fd, managed) && maitred_worker_is_draining(own_worker());
}

/* Where this process accepts by itself. An unmodified program does not know that it drains: its listener ends. */
static int accept_directly(int fd, struct managed *managed, struct sockaddr *address, socklen_t *length, int flags)
{
    int connection;

    do {
        if (managed_of(fd) != managed) {
            errno = EBADF;
            return -1;
        }
        if (state_of(managed) == MANAGED_LISTENING && maitred_worker_is_draining(own_worker()))
            end_listening(managed, 0);
        if (state_of(managed) == MANAGED_ENDED)
            return wait_for_connection(fd, managed) < 0 ? -1 : (errno = EINVAL, -1);
        connection = REAL(accept4)(fd, address, length, flags);
    } while (connection < 0 && may_try_again(fd, managed));
    if (connection < 0)
        return -1;
    maitred_worker_accepted(own_worker());
    connection_taken(connection);
    inherit_options(managed, connection);
    return connection;
}

static int accept_as(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    struct managed *managed = managed_or_inherited(fd);

    if (managed == NULL)
        return REAL(accept4)(fd, address, length, flags);
    if (own_worker() == NULL || state_of(managed) == MANAGED_BOUND || (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0) {
        errno = EINVAL;
        return -1;
    }
    if (own_worker()->is_direct)
        return accept_directly(fd, managed, address, length, flags);
    return take(fd, managed, address, length, flags);
}

STANDS_BEFORE(int, accept4, int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    return accept_as(fd, address, length, flags);
}

STANDS_BEFORE(int, accept, int fd, struct sockaddr *address, socklen_t *length)
{
    return accept_as(fd, address, length, 0);
}
