/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The C SDK: connections, counts and control of this process as a worker.
 *
 *  1. What is shared with the master is touched through the functions of maitred_wire.h alone.
 *  2. A row belongs to one process: whoever is not its owner (a child between vfork and exec) counts nothing.
 *  3. A receive at the process's descriptor limit would lose the connection, so near the limit nothing is received.
 */
#include "maitred_worker.h"

#include "maitred_wire.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
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

/* recvmsg with room for one descriptor; -errno. */
static ssize_t receive_packet(int channel, struct maitred_packet *packet, int flags, int *ret_fd)
{
    struct iovec part = {.iov_base = packet, .iov_len = sizeof *packet};
    union one_descriptor control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
    ssize_t length;

    *ret_fd = -1;
    do
        length = recvmsg(channel, &message, flags);
    while (length < 0 && ((errno == EINTR && (flags & MSG_DONTWAIT) != 0) || errno == ECONNRESET));
    if (length < 0)
        return -errno;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(ret_fd, CMSG_DATA(header), sizeof *ret_fd);
    return length;
}

/* Takes between two looks at the limit, which programs raise and lower, and at how much of it is used. */
#define TAKES_PER_LOOK 16

/*
 * Whether a take might lose the connection for want of a number for it. Numbers are given out lowest first: as long as
 * the last one before the spare ones is not open there is room, whatever other threads open meanwhile. That need not be
 * asked for each connection while the last one had a number in the lower half.
 */
static int is_near_limit(struct maitred_worker *worker, int any_fd)
{
    struct rlimit limit;

    if (__atomic_load_n(&worker->takes_until_look, __ATOMIC_RELAXED) > 0) {
        __atomic_sub_fetch(&worker->takes_until_look, 1, __ATOMIC_RELAXED);
        return 0;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    int most = limit.rlim_cur > INT32_MAX ? INT32_MAX : (int)limit.rlim_cur;
    int first_spare = most - (most / 4 < MAITRED_SPARE_DESCRIPTORS ? most / 4 : MAITRED_SPARE_DESCRIPTORS);
    __atomic_store_n(&worker->half_of_limit, most / 2, __ATOMIC_RELAXED);
    if (fcntl(first_spare - 1, F_GETFD) < 0)
        return 0;
    /* Somebody has it, perhaps because it was asked for: what would the next one be? */
    int next = fcntl(any_fd, F_DUPFD_CLOEXEC, 0);
    if (next >= 0)
        close(next);
    return next < 0 || next >= first_spare;
}

/* The next look is soon, unless this number says that there is plenty. Few descriptors are used up fast. */
static void note_number(struct maitred_worker *worker, int fd)
{
    int half = __atomic_load_n(&worker->half_of_limit, __ATOMIC_RELAXED);
    if (half < 512 || fd >= half)
        __atomic_store_n(&worker->takes_until_look, 0, __ATOMIC_RELAXED);
    else if (__atomic_load_n(&worker->takes_until_look, __ATOMIC_RELAXED) <= 0)
        __atomic_store_n(&worker->takes_until_look, TAKES_PER_LOOK, __ATOMIC_RELAXED);
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

/* A knock was taken: it counts, and it may be the proof that this program takes. */
static void note_knock(struct maitred_worker *worker, struct maitred_row *row)
{
    if (row != NULL)
        maitred_add(&row->knocks, 1);
    if (__atomic_load_n(&worker->must_prove, __ATOMIC_RELAXED) != 0 &&
        __atomic_exchange_n(&worker->must_prove, 0, __ATOMIC_ACQ_REL) != 0)
        maitred_worker_ready(worker);
}

int maitred_worker_take_as(struct maitred_worker *worker, int channel, int flags,
                           struct maitred_connection *ret_connection)
{
    struct maitred_packet packet;
    int fd;

    if (is_near_limit(worker, channel))
        return -EMFILE;
    for (;;) {
        ssize_t length = receive_packet(channel, &packet, flags, &fd);
        if (length < 0)
            return (int)length;
        /* The end is empty, and brings nothing. */
        if (length == 0 && fd < 0)
            return -EPIPE;
        /* Nobody takes between vfork and exec: that need not be asked. */
        struct maitred_row *row = worker->row;
        if (is_packet(&packet, length) && (packet.flags & MAITRED_PACKET_KNOCK) != 0 && fd < 0) {
            note_knock(worker, row);
            continue;
        }
        if (!is_packet(&packet, length) || fd < 0) {
            if (fd >= 0)
                close(fd);
            return -EPROTO;
        }
        note_number(worker, fd);
        if (row != NULL)
            maitred_page_took(worker->page, row, packet.accepted_ns, monotonic_ns());
        describe(ret_connection, &packet, fd);
        return 0;
    }
}

void maitred_worker_accepted(struct maitred_worker *worker)
{
    struct maitred_row *row = own_row(worker);
    if (row != NULL)
        maitred_row_took(row);
}

/* Where workers accept by themselves: the kernel gives a connection to whoever is first. */
static int accept_directly(struct maitred_worker *worker, unsigned listener, struct maitred_connection *ret_connection)
{
    struct sockaddr_storage peer;
    socklen_t length;
    int fd;

    if (is_near_limit(worker, worker->entrances[listener]))
        return -EMFILE;
    do {
        length = sizeof peer;
        fd = accept4(worker->entrances[listener], (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO));
    if (fd < 0)
        return errno == EAGAIN ? -EAGAIN : errno == EINVAL ? -EPIPE : -EMFILE;
    note_number(worker, fd);
    maitred_worker_accepted(worker);
    memset(ret_connection, 0, sizeof *ret_connection);
    ret_connection->fd = fd;
    ret_connection->listener = listener;
    ret_connection->sequence = __atomic_fetch_add(&worker->accepted, 1, __ATOMIC_RELAXED);
    ret_connection->accepted_ns = monotonic_ns();
    ret_connection->peer_length = length;
    memcpy(&ret_connection->peer, &peer, length < sizeof peer ? length : sizeof peer);
    return 0;
}

int maitred_worker_take(struct maitred_worker *worker, unsigned listener, struct maitred_connection *ret_connection)
{
    if (listener >= worker->entrance_count)
        return -EINVAL;
    if (worker->is_direct)
        return accept_directly(worker, listener, ret_connection);
    return maitred_worker_take_as(worker, worker->entrances[listener], MSG_DONTWAIT | MSG_CMSG_CLOEXEC, ret_connection);
}

/* ---- Counting ------------------------------------------------------------------------------------- */

void maitred_worker_closed(struct maitred_worker *worker, unsigned count)
{
    if (maitred_worker_is_own_process(worker))
        maitred_worker_count_closed(worker, count);
}

void maitred_worker_count_closed(struct maitred_worker *worker, unsigned count)
{
    struct maitred_row *row = worker->row;
    struct maitred_control_head bell = {.version = MAITRED_WIRE_VERSION, .type = MAITRED_CONTROL_BELL};

    if (row == NULL || count == 0 || !maitred_row_closed(worker->page, row, count))
        return;
    /* Best effort: a master that misses the bell looks again by itself. */
    send(worker->control, &bell, sizeof bell, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void maitred_worker_set_open(struct maitred_worker *worker, uint64_t count)
{
    struct maitred_row *row = own_row(worker);
    if (row != NULL)
        maitred_store(&row->holds, count);
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

/* Lets clients come to listeners that do not listen yet (strategy reuseport); the master sets the backlog later. */
static int open_listeners(struct maitred_worker *worker)
{
    for (unsigned index = 0; worker->is_direct && index < worker->entrance_count; index++) {
        int is_listening = 0;
        socklen_t size = sizeof is_listening;
        getsockopt(worker->entrances[index], SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size);
        if (!is_listening && listen(worker->entrances[index], 4096) < 0)
            return -errno;
    }
    return 0;
}

int maitred_worker_ready(struct maitred_worker *worker)
{
    int error = open_listeners(worker);
    if (error < 0)
        return error;
    struct maitred_control_head head = {.version = MAITRED_WIRE_VERSION, .type = MAITRED_CONTROL_READY};
    return send_packet(worker, &head, NULL, 0);
}

int maitred_worker_listens(struct maitred_worker *worker, unsigned listener, uint32_t listeners)
{
    struct maitred_control_head head = {.version = MAITRED_WIRE_VERSION, .type = MAITRED_CONTROL_LISTENS};
    struct maitred_listens body = {.entrance = listener, .listeners = listeners};
    __atomic_store_n(&worker->must_prove, 1, __ATOMIC_RELEASE);
    return send_packet(worker, &head, &body, sizeof body);
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
    return worker->entrance_count;
}

int maitred_worker_fd(const struct maitred_worker *worker, unsigned listener)
{
    return listener < worker->entrance_count ? worker->entrances[listener] : -1;
}

int maitred_worker_control_fd(const struct maitred_worker *worker)
{
    return worker->control;
}
