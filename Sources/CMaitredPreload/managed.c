/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sockets of the program that stand for a listener of the master.
 *
 *      socket ──bind to an address of the master's──> managed ──listen──> the channel, under the same number
 *
 *  1. The kernel is not asked to bind: the master has the address.
 *  2. The channel takes the socket's place with dup3, so that every way of waiting for a listener (blocking accept,
 *     poll, epoll, select) works on it as it is: readable means that a connection waits.
 *  3. This process becomes a worker at its first listen, not before: programs between it and the master (a shell, npm)
 *     have the library too, and must keep their hands off the descriptors.
 */
#include "preload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static struct maitred_worker *worker; /* atomic */
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

struct maitred_worker *own_worker(void)
{
    return __atomic_load_n(&worker, __ATOMIC_ACQUIRE);
}

struct managed *managed_of(int fd)
{
    return descriptor_managed(fd);
}

/* ---- Which listener ------------------------------------------------------------------------------- */

/* The address of one entry of MAITRED_LISTENERS, its escapes undone. Returns the entry behind it, NULL at the end. */
static const char *next_listener(const char *text, char *address, size_t size)
{
    size_t length = 0;
    const char *start = strchr(text, '=');

    address[0] = '\0';
    if (start == NULL)
        return NULL;
    for (start++; *start != '\0' && *start != ',' && length + 1 < size; start++) {
        unsigned code;
        if (*start == '%' && sscanf(start + 1, "%2x", &code) == 1) {
            address[length++] = (char)code;
            start += 2;
        } else {
            address[length++] = *start;
        }
    }
    address[length] = '\0';
    return *start == ',' ? start + 1 : NULL;
}

/* The port behind the last colon, -1 when there is none. */
static int port_of(const char *address)
{
    const char *colon = strrchr(address, ':');
    return colon == NULL ? -1 : atoi(colon + 1);
}

static int asked_port(const struct sockaddr *address, socklen_t length)
{
    if (address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in))
        return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    if (address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6))
        return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    return -1;
}

/*
 * The port decides, whatever the address: a program that binds 0.0.0.0:8080 means the listener of that port, and which
 * addresses clients may use was decided by who started the master.
 */
int listener_for(const struct sockaddr *address, socklen_t length)
{
    const char *text = getenv("MAITRED_LISTENERS");
    char listener[256];
    int port = asked_port(address, length);

    for (int index = 0; text != NULL; index++) {
        text = next_listener(text, listener, sizeof listener);
        if (address->sa_family == AF_UNIX) {
            const struct sockaddr_un *path = (const void *)address;
            if (strncmp(listener, "unix:", 5) == 0 && length > offsetof(struct sockaddr_un, sun_path) &&
                strncmp(listener + 5, path->sun_path, sizeof path->sun_path) == 0)
                return index;
        } else if (port > 0 && strncmp(listener, "unix:", 5) != 0 && port_of(listener) == port) {
            return index;
        }
    }
    return -1;
}

/* ---- bind ----------------------------------------------------------------------------------------- */

int manage(int fd, unsigned listener, const struct sockaddr *address, socklen_t length)
{
    struct managed *managed = calloc(1, sizeof *managed);
    socklen_t size = sizeof managed->domain;

    if (managed == NULL)
        return -1;
    managed->listener = listener;
    managed->address_length = length < sizeof managed->address ? length : sizeof managed->address;
    memcpy(&managed->address, address, managed->address_length);
    if (REAL(getsockopt)(fd, SOL_SOCKET, SO_DOMAIN, &managed->domain, &size) < 0 ||
        REAL(getsockopt)(fd, SOL_SOCKET, SO_PROTOCOL, &managed->protocol, &size) < 0) {
        free(managed);
        return -1;
    }
    descriptor_set_managed(fd, managed);
    return 0;
}

/* ---- listen --------------------------------------------------------------------------------------- */

/* Takes our name out of LD_PRELOAD: what the program starts from now on is its own business. */
static void leave_environment(void)
{
    const char *list = getenv("LD_PRELOAD"), *own = getenv("MAITRED_PRELOAD");
    char rest[4096];
    size_t used = 0;

    if (list == NULL || own == NULL || strlen(list) >= sizeof rest)
        return;
    while (*list != '\0') {
        size_t length = strcspn(list, ": ");
        if (length > 0 && (strncmp(list, own, length) != 0 || own[length] != '\0')) {
            if (used > 0)
                rest[used++] = ':';
            memcpy(rest + used, list, length);
            used += length;
        }
        list += length + (list[length] != '\0');
    }
    rest[used] = '\0';
    if (used > 0)
        setenv("LD_PRELOAD", rest, 1);
    else
        unsetenv("LD_PRELOAD");
}

/* Becomes a worker. 0, or -1 after saying why on standard error: the program is going to fail, and somebody will ask. */
static int become_worker(void)
{
    struct maitred_worker *opened = NULL;
    int error = 0;

    pthread_mutex_lock(&opening);
    if (own_worker() == NULL) {
        error = maitred_worker_open(&opened);
        if (error == 0) {
            leave_environment();
            __atomic_store_n(&worker, opened, __ATOMIC_RELEASE);
        }
    }
    pthread_mutex_unlock(&opening);
    if (error < 0) {
        fprintf(stderr, "maitred: this program cannot be a worker: %s\n", maitred_worker_problem());
        errno = EADDRINUSE;
    }
    return error < 0 ? -1 : 0;
}

int begin_listening(int fd, struct managed *managed)
{
    if (managed->is_listening)
        return 0;
    if (become_worker() < 0)
        return -1;
    int channel = maitred_worker_fd(own_worker(), managed->listener);
    int status = fcntl(fd, F_GETFL), flags = fcntl(fd, F_GETFD);
    if (channel < 0 || status < 0 || flags < 0) {
        errno = EADDRINUSE;
        return -1;
    }
    /* The status flags belong to the open file, which all processes of the worker share; the master does not mind. */
    int channel_status = fcntl(channel, F_GETFL);
    if (fcntl(channel, F_SETFL, (channel_status & ~O_NONBLOCK) | (status & O_NONBLOCK)) < 0)
        return -1;
    if (REAL(dup3)(channel, fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0) < 0)
        return -1;
    managed->is_listening = 1;
    return maitred_worker_listens(own_worker()) < 0 ? (errno = EPIPE, -1) : 0;
}

/* ---- The end of the master ------------------------------------------------------------------------ */

void end_listening(int fd)
{
    static int has_asked; /* atomic */
    int ends[2];

    /* One end of a pair of which the other stays open: never readable, and no reason to spin. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0) {
        REAL(dup3)(ends[0], fd, 0);
        REAL(close)(ends[0]);
    }
    if (__atomic_exchange_n(&has_asked, 1, __ATOMIC_ACQ_REL) == 0)
        kill(getpid(), SIGTERM);
}
