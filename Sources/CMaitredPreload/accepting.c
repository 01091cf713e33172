/* SPDX-License-Identifier: Apache-2.0 */

/*
 * accept, from a channel.
 *
 *  1. A knock is a spurious wakeup: whoever may wait goes on waiting, others get EAGAIN.
 *  2. Waiting is done by the kernel as accept(2) does it: signals, SA_RESTART, SO_RCVTIMEO and cancellation included.
 *     What it waits with is a look that takes nothing, so that at the limit on descriptors no connection is lost. Where
 *     accepts do not wait, as in all event loops, there is no look.
 *  3. The client's address is the one that the master saw.
 */
#include "preload.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

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
    } else if (size == 0) {
        peer.ss_family = AF_UNIX;
        size = sizeof(sa_family_t);
    }
    memcpy(address, &peer, *length < size ? *length : size);
    *length = size;
}

/*
 * Waits as accept would on a socket that may wait. 0 when it is worth another try, or -1 with errno.
 *
 * The end of the channel is no packet, and comes at once.
 */
static int wait_for_connection(int fd)
{
    char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    return recvmsg(fd, &message, MSG_PEEK) < 0 && errno != ECONNRESET ? -1 : 0;
}

static int take(int fd, struct managed *managed, struct sockaddr *address, socklen_t *length, int flags)
{
    struct maitred_connection connection;
    int how = (flags & SOCK_CLOEXEC) != 0 ? MSG_CMSG_CLOEXEC : 0;

    /* The program's O_NONBLOCK decides; when it was there last, the kernel need not be kept from waiting. */
    if (__atomic_load_n(&managed->may_wait, __ATOMIC_RELAXED))
        how |= MSG_DONTWAIT;
    while (state_of(managed) == MANAGED_LISTENING) {
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
            if ((how & MSG_DONTWAIT) == 0) {
                errno = EAGAIN;
                return -1;
            }
            if (wait_for_connection(fd) < 0) {
                __atomic_store_n(&managed->may_wait, errno != EAGAIN, __ATOMIC_RELAXED);
                return -1;
            }
            break;
        case -EPROTO:
            break;
        case -EPIPE:
            end_listening(fd, managed, 1);
            break;
        default:
            errno = -error;
            return -1;
        }
    }
    if (state_of(managed) == MANAGED_ENDED && wait_for_connection(fd) < 0)
        return -1;
    errno = EINVAL;
    return -1;
}

/* Where this process accepts by itself. An unmodified program does not know that it drains: its listener ends. */
static int accept_directly(int fd, struct managed *managed, struct sockaddr *address, socklen_t *length, int flags)
{
    if (state_of(managed) == MANAGED_LISTENING && maitred_worker_is_draining(own_worker()))
        end_listening(fd, managed, 0);
    if (state_of(managed) == MANAGED_ENDED && wait_for_connection(fd) < 0)
        return -1;
    int connection = REAL(accept4)(fd, address, length, flags);
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
