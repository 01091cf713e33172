/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The worker's side of the worker socket: for a process whose descriptors were closed on the way to it, by npm, by
 * Python's subprocess, or by a program that closes all it does not know.
 *
 * Both SDKs do it the same way, so it stands beside the wire.
 */
#ifndef MAITRED_FETCH_H
#define MAITRED_FETCH_H

#include "maitred_wire.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Entrances of a worker at most, and with them its control channel and its page. */
#define MAITRED_FETCH_ENTRANCES_MAX 32
#define MAITRED_FETCH_DESCRIPTORS_MAX (MAITRED_FETCH_ENTRANCES_MAX + 2)

/* A master that is at work answers within a turn of its loop. */
#define MAITRED_FETCH_SECONDS 5

/* "@name" as it stands in MAITRED_WORKER_SOCKET, an abstract name (unix(7)). Its length, 0 when it is none. */
static inline socklen_t maitred_fetch_address(const char *name, struct sockaddr_un *ret_address)
{
    size_t length = strlen(name);

    memset(ret_address, 0, sizeof *ret_address);
    ret_address->sun_family = AF_UNIX;
    if (length < 2 || length > sizeof ret_address->sun_path || name[0] != '@')
        return 0;
    memcpy(ret_address->sun_path + 1, name + 1, length - 1);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

/* Whether root or our own user listens there: after the master's end the name is anybody's. */
static inline int maitred_fetch_is_trusted(int fd)
{
    /* struct ucred, which only _GNU_SOURCE shows: process, user, group. */
    uint32_t peer[3];
    socklen_t size = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &size) == 0 && (peer[1] == 0 || peer[1] == geteuid());
}

static inline int maitred_fetch_receive(int fd, struct maitred_fetch *ret_head, int *ret_descriptors)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * MAITRED_FETCH_DESCRIPTORS_MAX)];
    } control;
    struct iovec part = {.iov_base = ret_head, .iov_len = sizeof *ret_head};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes};
    ssize_t length;
    size_t count = 0;

    do
        length = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (length < 0 && errno == EINTR);
    if (length < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(ret_descriptors, CMSG_DATA(header), count * sizeof(int));
    }
    int is_whole = length == (ssize_t)sizeof *ret_head && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 &&
                   ret_head->magic == MAITRED_FETCH_MAGIC && ret_head->version == MAITRED_WIRE_VERSION;
    if (is_whole && ret_head->worker == 0 && count == 0)
        return -EACCES;
    if (is_whole && ret_head->entrances > 0 && ret_head->entrances <= MAITRED_FETCH_ENTRANCES_MAX &&
        count == ret_head->entrances + 2)
        return (int)count;
    for (size_t i = 0; i < count; i++)
        close(ret_descriptors[i]);
    return (message.msg_flags & MSG_CTRUNC) != 0 ? -EMFILE : -EPROTO;
}

/*
 * Fetches the descriptors of the worker that this process belongs to, close-on-exec.
 *
 * name             the value of MAITRED_WORKER_SOCKET
 * ret_descriptors  room for MAITRED_FETCH_DESCRIPTORS_MAX
 *
 * How many came: entrances, control channel, page. -EACCES: the master does not take this process for a worker's.
 * -EMFILE: at the limit on descriptors. -ECONNREFUSED: the master is gone. -ETIMEDOUT: it does not answer.
 */
static inline int maitred_fetch_descriptors(const char *name, struct maitred_fetch *ret_head, int *ret_descriptors)
{
    struct sockaddr_un address;
    struct timeval limit = {.tv_sec = MAITRED_FETCH_SECONDS};
    socklen_t length = maitred_fetch_address(name, &address);

    if (length == 0)
        return -EINVAL;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    int result = connect(fd, (const struct sockaddr *)&address, length) < 0 ? (errno == EAGAIN ? -ETIMEDOUT : -errno)
                 : !maitred_fetch_is_trusted(fd)                            ? -EPERM
                                                 : maitred_fetch_receive(fd, ret_head, ret_descriptors);
    close(fd);
    return result;
}

#endif
