/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The C SDK: connections, counts and control of this process as a worker.
 *
 *  1. What is shared with the master is touched through the functions of maitred_wire.h alone.
 *  2. A row belongs to one process: whoever is not its owner (a child between vfork and exec) counts nothing.
 *  3. A receive at the process's descriptor limit would lose the connection, so near the limit it is looked at first.
 */
#include "maitred_worker.h"

#include "maitred_wire.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* One descriptor, aligned as cmsg(3) asks; a second one of a faulty sender does not fit and is never received. */
union one_descriptor {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* The row to count on; NULL in a process that is not its owner, or when there was none left. */
static struct maitred_row *own_row(const struct maitred_worker *worker)
{
    return worker->row != NULL && getpid() == worker->pid ? worker->row : NULL;
}

/* ---- Taking --------------------------------------------------------------------------------------- */

/* recvmsg with room for one descriptor; -errno. What the kernel says of the packet is in ret_flags. */
static ssize_t receive_packet(int channel, struct maitred_packet *packet, int flags, int *ret_fd, int *ret_flags)
{
    struct iovec part = {.iov_base = packet, .iov_len = sizeof *packet};
    union one_descriptor control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
    ssize_t length;

    do
        length = recvmsg(channel, &message, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (length < 0 && (errno == EINTR || errno == ECONNRESET));
    if (length < 0)
        return -errno;
    *ret_fd = -1;
    *ret_flags = message.msg_flags;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(ret_fd, CMSG_DATA(header), sizeof *ret_fd);
    return length;
}

/*
 * Whether the next packet's descriptor would be lost. Numbers are given out lowest first: as long as the last one that
 * this process can have is not open, there is room, and that costs one call instead of a look.
 */
static int is_at_limit(const struct maitred_worker *worker, int channel)
{
    struct maitred_packet packet;
    int fd, flags;

    if (fcntl(worker->last_fd, F_GETFD) < 0)
        return 0;
    /* A look shows a descriptor too, by receiving it: one that fits is closed, and stays in the packet. */
    ssize_t length = receive_packet(channel, &packet, MSG_PEEK, &fd, &flags);
    if (length >= 0 && fd >= 0)
        close(fd);
    return length > 0 && (flags & MSG_CTRUNC) != 0;
}

static int is_packet(const struct maitred_packet *packet, ssize_t length)
{
    return length == (ssize_t)sizeof *packet && packet->magic == MAITRED_PACKET_MAGIC &&
           packet->version == MAITRED_WIRE_VERSION;
}

static void describe(struct maitred_connection *connection, const struct maitred_packet *packet, int fd)
{
    socklen_t length = packet->peer_length < MAITRED_PEER_CAPACITY ? packet->peer_length : MAITRED_PEER_CAPACITY;

    memset(connection, 0, sizeof *connection);
    connection->fd = fd;
    connection->listener = packet->listener;
    connection->sequence = packet->sequence;
    connection->accepted_ns = packet->accepted_ns;
    connection->peer_length = length;
    memcpy(&connection->peer, packet->peer, length);
}

int maitred_worker_take(struct maitred_worker *worker, unsigned listener, struct maitred_connection *ret_connection)
{
    struct maitred_packet packet;
    struct maitred_row *row;
    int fd, flags;

    if (listener >= worker->channel_count)
        return -EINVAL;
    int channel = worker->channels[listener];
    for (;;) {
        if (is_at_limit(worker, channel))
            return -EMFILE;
        ssize_t length = receive_packet(channel, &packet, 0, &fd, &flags);
        if (length < 0)
            return length == -EAGAIN ? -EAGAIN : -EPIPE;
        if (length == 0)
            return -EPIPE;
        row = own_row(worker);
        if (is_packet(&packet, length) && (packet.flags & MAITRED_PACKET_KNOCK) != 0 && fd < 0) {
            if (row != NULL)
                maitred_add(&row->knocks, 1);
            if (__atomic_load_n(&worker->must_prove, __ATOMIC_RELAXED) != 0 &&
                __atomic_exchange_n(&worker->must_prove, 0, __ATOMIC_ACQ_REL) != 0)
                maitred_worker_ready(worker);
            continue;
        }
        break;
    }
    if (!is_packet(&packet, (ssize_t)sizeof packet) || fd < 0) {
        if (fd >= 0)
            close(fd);
        return -EPROTO;
    }
    if (row != NULL)
        maitred_page_took(worker->page, row, packet.accepted_ns, monotonic_ns());
    describe(ret_connection, &packet, fd);
    return 0;
}

/* ---- Counting ------------------------------------------------------------------------------------- */

void maitred_worker_closed(struct maitred_worker *worker, unsigned count)
{
    struct maitred_row *row = own_row(worker);
    struct maitred_control_head bell = {.version = MAITRED_WIRE_VERSION, .type = MAITRED_CONTROL_BELL};

    if (row == NULL || count == 0 || !maitred_row_closed(worker->page, row, count))
        return;
    /* Best effort: a master that misses the bell looks again by itself. */
    send(worker->control, &bell, sizeof bell, MSG_DONTWAIT | MSG_NOSIGNAL);
}

uint64_t maitred_worker_open_connections(const struct maitred_worker *worker)
{
    const struct maitred_row *row = own_row(worker);
    return row == NULL ? 0 : maitred_load(&row->holds);
}

void maitred_worker_served(struct maitred_worker *worker, unsigned count)
{
    struct maitred_row *row = own_row(worker);
    if (row != NULL)
        maitred_add(&row->requests, count);
}

void maitred_worker_failed(struct maitred_worker *worker, unsigned count)
{
    struct maitred_row *row = own_row(worker);
    if (row != NULL)
        maitred_add(&row->errors, count);
}

void maitred_worker_heartbeat(struct maitred_worker *worker)
{
    struct maitred_row *row = own_row(worker);
    if (row != NULL)
        maitred_store(&row->heartbeat_ns, monotonic_ns());
}

void maitred_worker_report_memory(struct maitred_worker *worker, uint64_t bytes)
{
    struct maitred_row *row = own_row(worker);
    if (row != NULL)
        maitred_store(&row->memory, bytes);
}

/* ---- Control -------------------------------------------------------------------------------------- */

/* Sends one packet, waiting for room: head and body in one. */
static int send_packet(struct maitred_worker *worker, const struct maitred_control_head *head, const void *body,
                       size_t length)
{
    struct iovec parts[2] = {{.iov_base = (void *)(uintptr_t)head, .iov_len = sizeof *head},
                             {.iov_base = (void *)(uintptr_t)body, .iov_len = length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = length > 0 ? 2 : 1};

    while (sendmsg(worker->control, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != ENOBUFS)
            return -EPIPE;
        struct pollfd room = {.fd = worker->control, .events = POLLOUT};
        poll(&room, 1, 1000);
    }
    return 0;
}

int maitred_worker_ready(struct maitred_worker *worker)
{
    struct maitred_control_head head = {.version = MAITRED_WIRE_VERSION, .type = MAITRED_CONTROL_READY};
    return send_packet(worker, &head, NULL, 0);
}

int maitred_worker_listens(struct maitred_worker *worker)
{
    struct maitred_control_head head = {.version = MAITRED_WIRE_VERSION, .type = MAITRED_CONTROL_LISTENS};
    __atomic_store_n(&worker->must_prove, 1, __ATOMIC_RELEASE);
    return send_packet(worker, &head, NULL, 0);
}

int maitred_worker_send(struct maitred_worker *worker, const void *bytes, size_t length)
{
    const char *next = bytes;
    struct maitred_control_head head = {.version = MAITRED_WIRE_VERSION, .type = MAITRED_CONTROL_MESSAGE};

    if (length > MAITRED_MESSAGE_MAX)
        return -EMSGSIZE;
    /* Other processes of this worker send on the same socket: the pid keeps their streams apart. */
    uint64_t number = __atomic_fetch_add(&worker->next_stream, 1, __ATOMIC_RELAXED);
    head.stream = (uint64_t)(uint32_t)getpid() << 32 | (uint32_t)number;
    do {
        size_t part = length < MAITRED_MESSAGE_PART_MAX ? length : MAITRED_MESSAGE_PART_MAX;
        head.flags = length > part ? MAITRED_CONTROL_MORE : 0;
        int error = send_packet(worker, &head, next, part);
        if (error < 0)
            return error;
        next += part;
        length -= part;
    } while (length > 0);
    return 0;
}

int maitred_worker_receive(struct maitred_worker *worker, struct maitred_event *ret_event, void *buffer,
                           size_t capacity)
{
    struct maitred_control_head head;
    struct iovec parts[2] = {{.iov_base = &head, .iov_len = sizeof head}, {.iov_base = buffer, .iov_len = capacity}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = capacity > 0 ? 2 : 1};

    *ret_event = (struct maitred_event){.type = MAITRED_EVENT_NONE};
    for (;;) {
        ssize_t length = recvmsg(worker->control, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (length < 0 && (errno == EINTR || errno == ECONNRESET))
            continue;
        if (length < 0 && errno == EAGAIN)
            return 0;
        if (length <= 0) {
            ret_event->type = MAITRED_EVENT_MASTER_GONE;
            return 0;
        }
        if ((size_t)length < sizeof head || head.version != MAITRED_WIRE_VERSION)
            continue;
        if (head.type != MAITRED_CONTROL_DRAIN && head.type != MAITRED_CONTROL_MESSAGE)
            continue;
        ret_event->type = head.type == MAITRED_CONTROL_DRAIN ? MAITRED_EVENT_DRAIN : MAITRED_EVENT_MESSAGE;
        ret_event->stream = head.stream;
        ret_event->more = (head.flags & MAITRED_CONTROL_MORE) != 0;
        ret_event->length = (size_t)length - sizeof head;
        return 0;
    }
}

int maitred_worker_is_draining(const struct maitred_worker *worker)
{
    return maitred_load_word(&worker->page->drain) != 0;
}

int maitred_worker_is_own_process(const struct maitred_worker *worker)
{
    return getpid() == worker->pid;
}

/* ---- Facts ---------------------------------------------------------------------------------------- */

unsigned maitred_worker_id(const struct maitred_worker *worker)
{
    return worker->id;
}

unsigned maitred_worker_slot(const struct maitred_worker *worker)
{
    return worker->slot;
}

unsigned maitred_worker_listener_count(const struct maitred_worker *worker)
{
    return worker->channel_count;
}

int maitred_worker_fd(const struct maitred_worker *worker, unsigned listener)
{
    return listener < worker->channel_count ? worker->channels[listener] : -1;
}

int maitred_worker_control_fd(const struct maitred_worker *worker)
{
    return worker->control;
}
