/* SPDX-License-Identifier: Apache-2.0 */

/* Packets from a peer that may say anything, with and without descriptors. */
#include "fuzz.h"

#include "maitred_linux.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Packets that an input can have: they are too long for more. */
#define MOST_PACKETS 4096

/* A worker of one channel, on the stage's page. */
static struct maitred_worker new_worker(void)
{
    struct maitred_worker worker = {
        .entrances = {stage.channels[0]}, .entrance_count = 1, .control = stage.control, .page = stage_page,
        .id = 1, .pid = getpid(), .must_prove = 1};

    worker.row = maitred_page_row(stage_page, (uint32_t)maitred_page_claim(stage_page, (uint64_t)getpid(), 0, 0));
    return worker;
}

/*
 * A first byte (1: asks for credentials beside each packet, 2: without close-on-exec, 4: it is the socket that does not
 * wait, not the call), then packets.
 */
void fuzz_take(struct input *input)
{
    struct maitred_worker worker = new_worker();
    struct maitred_connection connection;
    uint64_t options = input_number(input, 1), taken = 0;
    int on = options & 1, close_on_exec = options & 2 ? 0 : MSG_CMSG_CLOEXEC, error = 0;
    int flags = close_on_exec | (options & 4 ? 0 : MSG_DONTWAIT);

    setsockopt(stage.channels[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    fcntl(stage.channels[0], F_SETFL, options & 4 ? O_NONBLOCK : 0);
    stage_send(input, stage.channel_peers[0], 3);
    for (unsigned i = 0; i < MOST_PACKETS && error != -EAGAIN && error != -EPIPE; i++) {
        error = maitred_worker_take_as(&worker, stage.channels[0], flags, &connection);
        require(error <= 0, "an error is negative");
        if (error < 0)
            continue;
        taken++;
        require(connection.peer_length <= MAITRED_PEER_CAPACITY, "an address has no more than came");
        require(fcntl(connection.fd, F_GETFD) == (close_on_exec ? FD_CLOEXEC : 0), "close-on-exec as asked for");
        close(connection.fd);
    }
    /* A packet of length 0 looks like the end, for good: nobody but the master has the other side. */
    require(error == -EAGAIN || error == -EPIPE, "everything is taken");
    require(maitred_worker_open_connections(&worker) == taken, "what was taken is counted");
}

/* A capacity (2 bytes), then packets. */
void fuzz_receive(struct input *input)
{
    struct maitred_worker worker = new_worker();
    struct maitred_event event;
    size_t capacity = (size_t)input_number(input, 2);
    uint8_t *buffer = malloc(capacity > 0 ? capacity : 1);

    require(buffer != NULL, "no memory");
    stage_send(input, stage.control_peer, 3);
    for (unsigned i = 0; i < MOST_PACKETS; i++) {
        require(maitred_worker_receive(&worker, &event, buffer, capacity) == 0, "receiving cannot fail");
        require(event.length <= capacity, "no more bytes than there is room for");
        if (event.type == MAITRED_EVENT_NONE || event.type == MAITRED_EVENT_MASTER_GONE)
            break;
    }
    free(buffer);
}

/* Packets, of which the first is the answer. */
void fuzz_fetch(struct input *input)
{
    struct maitred_fetch head;
    int *descriptors = malloc(MAITRED_FETCH_DESCRIPTORS_MAX * sizeof *descriptors);

    require(descriptors != NULL, "no memory");
    stage_send(input, stage.channel_peers[0], 40);
    shutdown(stage.channel_peers[0], SHUT_WR);
    int count = maitred_fetch_receive(stage.channels[0], &head, descriptors);
    require(count != 0 && count <= MAITRED_FETCH_DESCRIPTORS_MAX, "descriptors, or an error");
    for (int i = 0; i < count; i++)
        require(fcntl(descriptors[i], F_GETFD) == FD_CLOEXEC && close(descriptors[i]) == 0, "each is one of ours");
    free(descriptors);
}

/* What the master reads with. Capacity (2 bytes), a byte (1: credentials beside each packet), then packets. */
void fuzz_linux_receive(struct input *input)
{
    size_t capacity = (size_t)input_number(input, 2);
    int on = (int)input_number(input, 1) & 1, descriptor = -1, flags;
    uint8_t *buffer = malloc(capacity > 0 ? capacity : 1);

    require(buffer != NULL, "no memory");
    setsockopt(stage.channels[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    stage_send(input, stage.channel_peers[0], 64);
    for (unsigned i = 0; i < MOST_PACKETS; i++) {
        ssize_t length = maitred_linux_receive(stage.channels[0], buffer, capacity, MSG_DONTWAIT, &descriptor, &flags);
        if (length < 0)
            break;
        require((size_t)length <= capacity, "no more bytes than there is room for");
        if (descriptor >= 0)
            require(close(descriptor) == 0, "a descriptor is one of ours");
    }
    free(buffer);
}
