/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The floor: what handing a connection over costs when nothing else is done. Accepts, sends the descriptor to the
 * next worker, closes its copy; no choice, no supervision, no bound, nothing taken back. What maitred's master
 * costs more than this is the price of everything it does.
 *
 *     floor [--epoll] PORT WORKERS WORKER-PROGRAM
 *
 * Waits in accept4 itself, which only a program can that watches nothing else. With --epoll it waits in an epoll
 * before each accept, as whoever has a second descriptor must: the floor under every master with signals and children.
 *
 * Port 0 takes a free one. Prints "listening on 127.0.0.1:PORT" once connections may come. The workers end with it.
 */
#include "maitred_wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_WORKERS 64

/* Starts a worker with its end of a channel. Returns the other end, or -1. */
static int start_worker(const char *program)
{
    int ends[2];
    char variable[32];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        int inherited = dup(ends[1]);
        snprintf(variable, sizeof variable, "0:%d:0", inherited);
        setenv("MAITRED_HANDOFF_FDS", variable, 1);
        execl(program, program, (char *)NULL);
        perror(program);
        _exit(127);
    }
    close(ends[1]);
    return pid < 0 ? -1 : ends[0];
}

static void hand_over(int channel, int connection, struct maitred_packet *packet)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_base = packet, .iov_len = sizeof *packet};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};

    memset(&control, 0, sizeof control);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &connection, sizeof connection);
    if (sendmsg(channel, &message, MSG_NOSIGNAL) < 0)
        perror("sendmsg");
    close(connection);
}

/* A listening socket on the loopback address, its port printed. `kind` is added to its type. -1 when there is none. */
static int open_listener(uint16_t port, int kind)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | kind, 0), on = 1;

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 4096) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        return -1;
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

/* An epoll that watches a listener, level-triggered as maitred does it. -1 when there is none. */
static int watch(int listener)
{
    struct epoll_event event = {.events = EPOLLIN};
    int loop = epoll_create1(EPOLL_CLOEXEC);

    return loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event) < 0 ? -1 : loop;
}

/* Accepts and hands over for ever. Waits in `loop` before each accept, or in the accept if `loop` is negative. */
static void serve(int listener, int loop, const int *channels, unsigned workers)
{
    struct maitred_packet packet = {.magic = MAITRED_PACKET_MAGIC, .version = MAITRED_WIRE_VERSION};
    struct epoll_event event;

    for (;;) {
        if (loop >= 0)
            epoll_wait(loop, &event, 1, -1);
        socklen_t length = sizeof packet.peer;
        int connection = accept4(listener, (struct sockaddr *)packet.peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (connection < 0)
            continue;
        packet.peer_length = length;
        hand_over(channels[packet.sequence++ % workers], connection, &packet);
    }
}

int main(int argc, char **argv)
{
    int channels[MOST_WORKERS];

    int waits_in_epoll = argc > 1 && strcmp(argv[1], "--epoll") == 0;
    char **arguments = argv + waits_in_epoll;
    int workers = argc - waits_in_epoll == 4 ? atoi(arguments[2]) : 0;
    if (workers < 1 || workers > MOST_WORKERS) {
        fprintf(stderr, "usage: floor [--epoll] PORT WORKERS WORKER-PROGRAM (1 to %d workers)\n", MOST_WORKERS);
        return 64;
    }
    for (int i = 0; i < workers; i++)
        if ((channels[i] = start_worker(arguments[3])) < 0) {
            perror("floor: cannot start a worker");
            return 1;
        }
    int listener = open_listener((uint16_t)atoi(arguments[1]), waits_in_epoll ? SOCK_NONBLOCK : 0);
    int loop = waits_in_epoll ? watch(listener) : -1;
    if (listener < 0 || (waits_in_epoll && loop < 0)) {
        perror("floor: cannot listen");
        return 1;
    }
    serve(listener, loop, channels, (unsigned)workers);
}
