/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A server as people write them, which knows nothing of maitred: the modes are the ways to wait for a connection. It
 * answers `/` at once and `/slow` after 300 ms, one connection at a time unless the mode gives each somebody of its own.
 *
 *      blocking     accept waits
 *      poll select  one of them waits, accept does not
 *      epoll        edge-triggered: accept until it would wait
 *      early        the same, but epoll gets the socket before bind and listen, as Boost.Asio does it
 *      threads      a thread for each connection
 *      forks        a process for each connection
 *      shared       two processes, forked after listen, that both wait in accept
 */
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOW_BYTES 100000

/* ---- One connection ------------------------------------------------------------------------------- */

static void send_all(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        count -= (size_t)sent;
    }
}

/* Reads until the end of the head. 0 when the client ended before. */
static int read_head(int fd, char *head, size_t size)
{
    size_t length = 0;

    head[0] = '\0';
    while (strstr(head, "\r\n\r\n") == NULL) {
        ssize_t count = recv(fd, head + length, size - 1 - length, 0);
        if (count <= 0)
            return 0;
        length += (size_t)count;
        head[length] = '\0';
    }
    return 1;
}

static void serve(int fd)
{
    static const char ending[] = "\nwhole\n";
    static char filler[SLOW_BYTES];
    char head[4096], id[64], start[256];

    if (read_head(fd, head, sizeof head)) {
        int is_slow = strncmp(head, "GET /slow ", 10) == 0;
        int length = snprintf(id, sizeof id, "id=%s\n", getenv("MAITRED_WORKER_ID"));
        if (is_slow)
            length += SLOW_BYTES + (int)strlen(ending);
        snprintf(start, sizeof start, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", length, id);
        if (is_slow)
            usleep(300000);
        send_all(fd, start, strlen(start));
        if (is_slow) {
            memset(filler, '.', sizeof filler);
            send_all(fd, filler, sizeof filler);
            send_all(fd, ending, strlen(ending));
        }
    }
    close(fd);
}

static void *serve_in_thread(void *argument)
{
    serve((int)(intptr_t)argument);
    return NULL;
}

static void serve_in_child(int listener, int fd)
{
    pid_t child = fork();
    if (child < 0)
        err(1, "fork");
    if (child == 0) {
        close(listener);
        serve(fd);
        _exit(0);
    }
    close(fd);
}

/* ---- The ways to wait ----------------------------------------------------------------------------- */

static int new_socket(int flags)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        err(1, "socket");
    return fd;
}

/* Takes as long as the test wants: until it makes a file. Or fails. Clients could connect already. */
static void load(void)
{
    const char *directory = getenv("LOAD_DIRECTORY");
    char path[4096];

    if (getenv("LOAD_FAILS") != NULL)
        errx(1, "the application cannot be loaded");
    if (directory == NULL)
        return;
    snprintf(path, sizeof path, "%s/loading.%s", directory, getenv("MAITRED_WORKER_ID"));
    FILE *file = fopen(path, "w");
    if (file == NULL || fclose(file) != 0)
        err(1, "%s", path);
    snprintf(path, sizeof path, "%s/go", directory);
    while (access(path, F_OK) != 0)
        usleep(10000);
}

static void bind_and_listen(int fd)
{
    const char *port = getenv("PORT");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};

    address.sin_port = htons((uint16_t)(port == NULL ? 0 : atoi(port)));
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        err(1, "bind");
    if (listen(fd, SOMAXCONN) < 0)
        err(1, "listen");
    load();
}

/* The next connection; -1 when there was none after all, and waiting goes on. */
static int next_connection(int listener)
{
    int fd = accept(listener, NULL, NULL);
    if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        err(1, "accept");
    return fd;
}

static void serve_next(int listener)
{
    int fd = next_connection(listener);
    if (fd >= 0)
        serve(fd);
}

static void run_blocking(const char *mode)
{
    int listener = new_socket(0);

    signal(SIGCHLD, SIG_IGN);
    bind_and_listen(listener);
    if (strcmp(mode, "shared") == 0 && fork() < 0)
        err(1, "fork");
    for (;;) {
        int fd = next_connection(listener);
        pthread_t thread;
        if (fd < 0)
            continue;
        if (strcmp(mode, "forks") == 0)
            serve_in_child(listener, fd);
        else if (strcmp(mode, "threads") != 0)
            serve(fd);
        else if (pthread_create(&thread, NULL, serve_in_thread, (void *)(intptr_t)fd) != 0)
            errx(1, "pthread_create");
        else
            pthread_detach(thread);
    }
}

static void run_poll(int uses_select)
{
    int listener = new_socket(SOCK_NONBLOCK);

    bind_and_listen(listener);
    for (;;) {
        struct pollfd entry = {.fd = listener, .events = POLLIN};
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(listener, &readable);
        int count = uses_select ? select(listener + 1, &readable, NULL, NULL, NULL) : poll(&entry, 1, -1);
        if (count < 0 && errno != EINTR)
            err(1, "wait");
        if (count > 0)
            serve_next(listener);
    }
}

static void run_epoll(int is_early)
{
    int listener = new_socket(SOCK_NONBLOCK), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = listener};

    if (epoll < 0)
        err(1, "epoll_create1");
    if (is_early) {
        /* A socket that is nothing yet reports EPOLLHUP once, and that edge is gone. */
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0)
            err(1, "epoll_ctl");
        bind_and_listen(listener);
    } else {
        bind_and_listen(listener);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0)
            err(1, "epoll_ctl");
    }
    for (;;) {
        int count = epoll_wait(epoll, &event, 1, -1);
        if (count < 0 && errno != EINTR)
            err(1, "epoll_wait");
        if (count <= 0)
            continue;
        for (int fd = next_connection(listener); fd >= 0; fd = next_connection(listener))
            serve(fd);
    }
}

int main(int count, char **arguments)
{
    const char *mode = count > 1 ? arguments[1] : "blocking";

    if (strcmp(mode, "poll") == 0 || strcmp(mode, "select") == 0)
        run_poll(strcmp(mode, "select") == 0);
    else if (strcmp(mode, "epoll") == 0 || strcmp(mode, "early") == 0)
        run_epoll(strcmp(mode, "early") == 0);
    else
        run_blocking(mode);
    return 0;
}
