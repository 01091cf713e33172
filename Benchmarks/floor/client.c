/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A closed-loop client that costs little: CONNECTIONS at a time, each one request on a new connection, until REQUESTS
 * were answered. Prints "requests N failed N seconds S".
 *
 *     client PORT CONNECTIONS REQUESTS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

static struct sockaddr_in address;
static int loop;
static long started, wanted, answered, failed;

static void begin(void)
{
    if (started == wanted)
        return;
    started++;
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = connection};
    if (connection < 0 ||
        (connect(connection, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) ||
        epoll_ctl(loop, EPOLL_CTL_ADD, connection, &event) < 0) {
        perror("connect");
        exit(1);
    }
}

/* Ends a connection and begins the next. `problem` is NULL when it was answered; the first one is told. */
static void finish(int connection, const char *problem)
{
    if (problem != NULL && failed == 0)
        fprintf(stderr, "client: request %ld: %s\n", started, problem);
    /* A reset instead of a FIN: the client's ports do not pile up in TIME_WAIT. */
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(connection);
    if (problem == NULL)
        answered++;
    else
        failed++;
    begin();
}

static void step(int connection, unsigned events)
{
    char bytes[1024];

    if (events & EPOLLOUT) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = connection};
        if (send(connection, request, sizeof request - 1, MSG_NOSIGNAL) < 0 ||
            epoll_ctl(loop, EPOLL_CTL_MOD, connection, &event) < 0)
            finish(connection, strerror(errno));
        return;
    }
    ssize_t length = read(connection, bytes, sizeof bytes);
    if (length < 0 && errno == EAGAIN)
        return;
    if (length < 0)
        finish(connection, strerror(errno));
    else if (length == 0)
        finish(connection, "closed without an answer");
    else
        finish(connection, length > 12 && bytes[9] == '2' ? NULL : "answered, but not with 2xx");
}

int main(int argc, char **argv)
{
    struct timespec from, to;
    struct epoll_event events[256];

    if (argc != 4) {
        fprintf(stderr, "usage: client PORT CONNECTIONS REQUESTS\n");
        return 64;
    }
    address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    wanted = atol(argv[3]);
    loop = epoll_create1(EPOLL_CLOEXEC);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = atoi(argv[2]); i > 0; i--)
        begin();
    while (answered + failed < wanted) {
        int count = epoll_wait(loop, events, 256, 10000);
        if (count <= 0) {
            fprintf(stderr, "client: nothing happened for 10 s\n");
            return 1;
        }
        for (int i = 0; i < count; i++)
            step(events[i].data.fd, events[i].events);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);

    double seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    printf("requests %ld failed %ld seconds %.3f\n", answered, failed, seconds);
    return failed == 0 ? 0 : 1;
}
