/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The leanest worker there is: takes a connection, reads once, answers 200, closes. Speaks the ABI by hand, so it
 * serves behind maitred and behind the bare loop (floor.c) alike, and neither comparison measures the worker.
 */
#include "maitred_wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

/* The number behind so many colons: in "fd:inode", or in the first entry of "index:fd:inode,…". -1: not set. */
static int descriptor_from(const char *variable, int fields_before)
{
    const char *text = getenv(variable);
    while (text != NULL && fields_before-- > 0) {
        text = strchr(text, ':');
        if (text != NULL)
            text++;
    }
    return text == NULL ? -1 : atoi(text);
}

/* The next connection, -1 when there is none (or a knock was all there was). Ends the worker when the master has. */
static int take(int channel, struct maitred_packet *packet)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_base = packet, .iov_len = sizeof *packet};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
    int connection = -1;

    ssize_t length = recvmsg(channel, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (length == 0)
        exit(0);
    if (length == sizeof *packet && (packet->flags & MAITRED_PACKET_KNOCK) == 0 && CMSG_FIRSTHDR(&message) != NULL)
        memcpy(&connection, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof connection);
    return connection;
}

static void serve(int connection)
{
    char request[4096];
    struct pollfd readable = {.fd = connection, .events = POLLIN};

    while (read(connection, request, sizeof request) < 0 && errno == EAGAIN)
        if (poll(&readable, 1, 5000) <= 0)
            break;
    /* A client that has gone is not the worker's business, and must not end it. */
    send(connection, answer, sizeof answer - 1, MSG_NOSIGNAL);
    close(connection);
}

int main(void)
{
    int channel = descriptor_from("MAITRED_HANDOFF_FDS", 1);
    int control = descriptor_from("MAITRED_CONTROL_FD", 0);
    int load = descriptor_from("MAITRED_LOAD_FD", 0);
    void *page = NULL;
    struct maitred_row *row = NULL;

    if (channel < 0) {
        fputs("floor-worker: MAITRED_HANDOFF_FDS is not set\n", stderr);
        return 64;
    }
    if (load >= 0) {
        page = mmap(NULL, MAITRED_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, load, 0);
        int index = page == MAP_FAILED ? -1 : maitred_page_claim(page, (uint64_t)getpid(), 0, 0);
        if (index < 0) {
            fputs("floor-worker: there is no row for it in the load page\n", stderr);
            return 1;
        }
        row = maitred_page_row(page, (uint32_t)index);
    }
    struct maitred_control_head head = {.version = MAITRED_WIRE_VERSION, .type = MAITRED_CONTROL_READY};
    if (control >= 0 && send(control, &head, sizeof head, 0) < 0)
        return 1;

    struct pollfd sources[2] = {{.fd = channel, .events = POLLIN}, {.fd = control, .events = POLLIN}};
    for (;;) {
        poll(sources, control >= 0 ? 2 : 1, -1);
        /* Whatever the master says to a worker that holds nothing ends in its exit: drain, or its own end. */
        if (control >= 0 && sources[1].revents != 0)
            return 0;
        struct maitred_packet packet;
        int connection = take(channel, &packet);
        if (connection < 0)
            continue;
        if (row != NULL)
            maitred_row_took(row);
        serve(connection);
        if (row != NULL && maitred_row_closed(page, row, 1)) {
            head.type = MAITRED_CONTROL_BELL;
            send(control, &head, sizeof head, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
    }
}
