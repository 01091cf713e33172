/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sockets of the program that stand for a listener of the master.
 *
 *      socket ──bind to an address of the master's──> managed, bound ──listen──> managed, listening
 *                                                     (the entrance has its number; the socket is kept beside)
 *
 *  1. The kernel is not asked to bind: the master has the address.
 *  2. The entrance takes the socket's place with dup3, so that every way of waiting for a listener (blocking accept,
 *     poll, epoll, select) works on it as it is: readable means that a connection waits. With strategy kernel and
 *     reuseport the entrance is the listening socket itself, and the C library's accept serves it.
 *     That socket is everybody's, so its O_NONBLOCK is always set, and what the program sets is noted only.
 *  3. It does so at bind, not at listen: a program that is started with the descriptor (uvicorn's and hypercorn's
 *     workers) recognises it by its inode, and listens there.
 */
#include "preload.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>

/* ---- O_NONBLOCK ----------------------------------------------------------------------------------- */

int is_shared_listener(int fd, const struct managed *managed)
{
    const struct maitred_worker *attached = own_worker();
    struct stat status, entrance;
    int error = errno;

    /* A program that was started with it has not become a worker yet. */
    if (attached == NULL)
        return maitred_worker_variable("MAITRED_HANDOFF_FDS") == NULL;
    int is_it = attached->is_direct && fstat(fd, &status) == 0 &&
                fstat(attached->entrances[managed->listener], &entrance) == 0 && status.st_ino == entrance.st_ino;
    errno = error;
    return is_it;
}

/* ---- bind ----------------------------------------------------------------------------------------- */

/* The limit on the wait of an accept is the channel's. */
static void copy_timeout(int socket, int channel)
{
    struct timeval limit;
    socklen_t size = sizeof limit;

    if (REAL(getsockopt)(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, &size) == 0)
        REAL(setsockopt)(channel, SOL_SOCKET, SO_RCVTIMEO, &limit, size);
}

/* The address that the program asked for; a port that it left open is the one that clients use. */
static void set_address(struct managed *managed, const struct sockaddr *address, socklen_t length)
{
    struct sockaddr_storage known;
    in_port_t port = 0;

    managed->address_length = length < sizeof managed->address ? length : sizeof managed->address;
    memcpy(&managed->address, address, managed->address_length);
    if (listener_address(managed->listener, &known) == 0)
        return;
    if (known.ss_family == AF_INET)
        port = ((struct sockaddr_in *)(void *)&known)->sin_port;
    else if (known.ss_family == AF_INET6)
        port = ((struct sockaddr_in6 *)(void *)&known)->sin6_port;
    if (address->sa_family == AF_INET && ((struct sockaddr_in *)(void *)&managed->address)->sin_port == 0)
        ((struct sockaddr_in *)(void *)&managed->address)->sin_port = port;
    if (address->sa_family == AF_INET6 && ((struct sockaddr_in6 *)(void *)&managed->address)->sin6_port == 0)
        ((struct sockaddr_in6 *)(void *)&managed->address)->sin6_port = port;
}

/* Fills a managed socket from the program's own, which is kept. 0, or -1 with errno. */
static int describe(struct managed *managed, int fd)
{
    socklen_t size = sizeof managed->domain;

    if (REAL(getsockopt)(fd, SOL_SOCKET, SO_DOMAIN, &managed->domain, &size) < 0 ||
        REAL(getsockopt)(fd, SOL_SOCKET, SO_PROTOCOL, &managed->protocol, &size) < 0)
        return -1;
    int copy = REAL(fcntl64)(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return -1;
    managed->socket = keep_as_own(copy);
    return 0;
}

int manage(int fd, unsigned listener, const struct sockaddr *address, socklen_t length)
{
    if (become_worker() < 0)
        return -1;
    if (listener >= own_worker()->entrance_count) {
        errno = EADDRINUSE;
        return -1;
    }
    struct managed *managed = new_managed();
    if (managed == NULL) {
        errno = ENOBUFS;
        return -1;
    }
    managed->listener = listener;
    managed->owner = getpid();
    set_address(managed, address, length);
    int entrance = own_worker()->entrances[listener], status = REAL(fcntl64)(fd, F_GETFL);
    managed->is_nonblocking = status >= 0 && (status & O_NONBLOCK) != 0;
    if (!own_worker()->is_direct)
        set_nonblocking(entrance, managed->is_nonblocking);
    if (describe(managed, fd) < 0 || put_in_place(entrance, fd) < 0) {
        int error = errno;
        drop_managed(managed);
        errno = error;
        return -1;
    }
    if (!own_worker()->is_direct)
        copy_timeout(managed->socket, fd);
    descriptor_set_managed(fd, managed);
    return 0;
}

/* ---- Inherited ------------------------------------------------------------------------------------ */

/* The listener whose entrance a descriptor is by its inode, -1 when it is none, or the one that the master opened. */
static int entrance_of(int fd)
{
    struct stat status;
    const char *text = maitred_worker_variable("MAITRED_HANDOFF_FDS");
    unsigned listener;
    int number, used, was_moved = maitred_worker_variable(MOVED) != NULL;
    unsigned long long inode;

    if (text == NULL)
        text = maitred_worker_variable("MAITRED_LISTENER_FDS");
    if (text == NULL || fstat(fd, &status) < 0 || !S_ISSOCK(status.st_mode))
        return -1;
    while (sscanf(text, "%u:%d:%llu%n", &listener, &number, &inode, &used) == 3) {
        if (inode == status.st_ino)
            return number == fd && !was_moved ? -1 : (int)listener;
        text += used;
        if (*text++ != ',')
            break;
    }
    return -1;
}

/* What a program that was started with a managed socket knows of it: nothing but the number. */
static struct managed *adopt(int fd, unsigned listener)
{
    struct managed *managed = new_managed();
    if (managed == NULL)
        return NULL;
    managed->listener = listener;
    managed->address_length = listener_address(listener, &managed->address);
    managed->domain = managed->address_length > 0 ? managed->address.ss_family : AF_INET;
    managed->protocol = managed->domain == AF_UNIX ? 0 : IPPROTO_TCP;
    int socket_of_type = socket(managed->domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
    managed->socket = socket_of_type < 0 ? -1 : keep_as_own(socket_of_type);
    int status = REAL(fcntl64)(fd, F_GETFL);
    /* Of a listener that all share it says nothing about this program. Who does not wait says so again, as a rule. */
    managed->is_nonblocking = status >= 0 && (status & O_NONBLOCK) != 0 && !is_shared_listener(fd, managed);
    descriptor_set_managed(fd, managed);
    return managed;
}

struct managed *managed_or_inherited(int fd)
{
    struct managed *managed = managed_of(fd);

    if (managed != NULL || descriptor_entry(fd) != 0)
        return managed;
    int error = errno, listener = entrance_of(fd);
    errno = error;
    return listener < 0 ? NULL : adopt(fd, (unsigned)listener);
}

/* Numbers that a program is started with are low. */
#define MOST_INHERITED 256

void adopt_inherited(void)
{
    if (maitred_worker_variable("MAITRED_LISTENERS") == NULL)
        return;
    for (int fd = 3; fd < MOST_INHERITED; fd++)
        managed_or_inherited(fd);
}

/* ---- listen --------------------------------------------------------------------------------------- */

/* Where this process accepts by itself: a listener that all share listens already, with the master's backlog. */
static int open_listener(int fd, int backlog)
{
    int is_listening = 0;
    socklen_t size = sizeof is_listening;

    if (REAL(getsockopt)(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) < 0)
        return -1;
    return is_listening ? 0 : REAL(listen)(fd, backlog);
}

int begin_listening(int fd, struct managed *managed, int backlog)
{
    if (state_of(managed) == MANAGED_LISTENING)
        return 0;
    if (state_of(managed) != MANAGED_BOUND) {
        errno = EINVAL;
        return -1;
    }
    if (become_worker() < 0 || (own_worker()->is_direct && open_listener(fd, backlog) < 0))
        return -1;
    leave_environment();
    watch_master();
    __atomic_store_n(&managed->state, MANAGED_LISTENING, __ATOMIC_RELEASE);
    if (maitred_worker_listens(own_worker(), managed->listener, listeners_of(managed)) < 0) {
        errno = EADDRINUSE;
        return -1;
    }
    return 0;
}
