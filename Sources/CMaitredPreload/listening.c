/* SPDX-License-Identifier: Apache-2.0 */

/* How a program comes to listen, and what it may ask of its listener. */
#include "preload.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/*
 * Whether a descriptor is a channel in a bound socket's place, which must not get a name of its own. Its type tells: the
 * number may have become another socket without our seeing it.
 */
static int is_channel(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;

    return managed_of(fd) != NULL && REAL(getsockopt)(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
           type == SOCK_SEQPACKET;
}

STANDS_BEFORE(int, bind, int fd, const struct sockaddr *address, socklen_t length)
{
    int listener = listener_for(fd, address, length);

    if (is_channel(fd) || (listener >= 0 && managed_of(fd) != NULL)) {
        errno = EINVAL;
        return -1;
    }
    if (listener < 0)
        return REAL(bind)(fd, address, length);
    return manage(fd, (unsigned)listener, address, length);
}

STANDS_BEFORE(int, listen, int fd, int backlog)
{
    struct managed *managed = managed_or_inherited(fd);
    return managed == NULL ? REAL(listen)(fd, backlog) : begin_listening(fd, managed, backlog);
}

STANDS_BEFORE(int, shutdown, int fd, int how)
{
    struct managed *managed = managed_of(fd);

    if (managed == NULL)
        return REAL(shutdown)(fd, how);
    if (state_of(managed) != MANAGED_LISTENING) {
        errno = ENOTCONN;
        return -1;
    }
    if (how != SHUT_WR)
        shut_down(fd, managed);
    return 0;
}

/* With AF_UNSPEC it lets a listener listen no more (.NET stops so), and the entrance may be everybody's. */
STANDS_BEFORE(int, connect, int fd, const struct sockaddr *address, socklen_t length)
{
    struct managed *managed = managed_of(fd);

    if (managed == NULL)
        return REAL(connect)(fd, address, length);
    if (address == NULL || length < sizeof(sa_family_t) || address->sa_family != AF_UNSPEC) {
        errno = EISCONN;
        return -1;
    }
    if (state_of(managed) == MANAGED_LISTENING)
        shut_down(fd, managed);
    return 0;
}

STANDS_BEFORE(int, getsockname, int fd, struct sockaddr *address, socklen_t *length)
{
    struct managed *managed = managed_of(fd);

    if (managed == NULL)
        return REAL(getsockname)(fd, address, length);
    if (address == NULL || length == NULL) {
        errno = EFAULT;
        return -1;
    }
    memcpy(address, &managed->address, *length < managed->address_length ? *length : managed->address_length);
    *length = managed->address_length;
    return 0;
}

STANDS_BEFORE(int, getpeername, int fd, struct sockaddr *address, socklen_t *length)
{
    if (managed_of(fd) == NULL)
        return REAL(getpeername)(fd, address, length);
    errno = ENOTCONN;
    return -1;
}

/* ---- Options -------------------------------------------------------------------------------------- */

STANDS_BEFORE(int, getsockopt, int fd, int level, int name, void *value, socklen_t *length)
{
    struct managed *managed = managed_of(fd);

    if (managed == NULL || managed->socket < 0)
        return REAL(getsockopt)(fd, level, name, value, length);
    if (level != SOL_SOCKET || name != SO_ACCEPTCONN)
        return REAL(getsockopt)(managed->socket, level, name, value, length);
    int is_listening = state_of(managed) == MANAGED_LISTENING;
    if (*length > sizeof is_listening)
        *length = sizeof is_listening;
    memcpy(value, &is_listening, *length);
    return 0;
}

/* The limit on an accept's wait is the channel's too; all else is kept by the socket, for the connections. */
STANDS_BEFORE(int, setsockopt, int fd, int level, int name, const void *value, socklen_t length)
{
    struct managed *managed = managed_of(fd);

    if (managed == NULL || managed->socket < 0)
        return REAL(setsockopt)(fd, level, name, value, length);
    int result = REAL(setsockopt)(managed->socket, level, name, value, length);
    if (result == 0 && level == SOL_SOCKET && name == SO_RCVTIMEO && !(own_worker() && own_worker()->is_direct))
        REAL(setsockopt)(fd, level, name, value, length);
    __atomic_store_n(&managed->has_options, 0, __ATOMIC_RELEASE);
    return result;
}

/* ---- Socket files --------------------------------------------------------------------------------- */

/*
 * Programs remove a socket file before they bind it and when they stop; this one is the master's. To move another one
 * into its place would leave the master without clients: that is said at once.
 */

STANDS_BEFORE(int, unlink, const char *path)
{
    return is_listener_path(AT_FDCWD, path) ? 0 : REAL(unlink)(path);
}

STANDS_BEFORE(int, unlinkat, int directory, const char *path, int flags)
{
    return is_listener_path(directory, path) ? 0 : REAL(unlinkat)(directory, path, flags);
}

STANDS_BEFORE(int, remove, const char *path)
{
    return is_listener_path(AT_FDCWD, path) ? 0 : REAL(remove)(path);
}

static int is_allowed(int directory, const char *path)
{
    if (!is_listener_path(directory, path))
        return 1;
    errno = EACCES;
    return 0;
}

STANDS_BEFORE(int, rename, const char *from, const char *to)
{
    return is_allowed(AT_FDCWD, from) && is_allowed(AT_FDCWD, to) ? REAL(rename)(from, to) : -1;
}

STANDS_BEFORE(int, renameat, int from_directory, const char *from, int to_directory, const char *to)
{
    return is_allowed(from_directory, from) && is_allowed(to_directory, to)
               ? REAL(renameat)(from_directory, from, to_directory, to)
               : -1;
}

STANDS_BEFORE(int, renameat2, int from_directory, const char *from, int to_directory, const char *to, unsigned flags)
{
    return is_allowed(from_directory, from) && is_allowed(to_directory, to)
               ? REAL(renameat2)(from_directory, from, to_directory, to, flags)
               : -1;
}
