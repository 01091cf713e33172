/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A worker on the C SDK, for tests: a small HTTP server with one loop. `/hold` is answered and kept open until the
 * client closes, everything else is answered and closed.
 *
 *     maitred-test-c-worker [--processes N] [--nofile N]
 *
 * --processes  so many processes take from the same channels: all but one are forked
 * --nofile     sets the limit on descriptors before it attaches
 */
#include "maitred_worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MOST_CLIENTS 4096
#define MOST_SOURCES (MOST_CLIENTS + 33)

struct client {
    int is_held;
    struct maitred_connection connection;
};

static struct maitred_worker *worker;
static struct client clients[MOST_CLIENTS];
static unsigned client_count;

static void forget(unsigned index)
{
    close(clients[index].connection.fd);
    clients[index] = clients[--client_count];
    maitred_worker_closed(worker, 1);
}

static void peer_text(const struct maitred_connection *connection, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN];
    const struct sockaddr_in *v4 = (const void *)&connection->peer;
    const struct sockaddr_in6 *v6 = (const void *)&connection->peer;

    text[0] = '\0';
    if (connection->peer.ss_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host) != NULL)
        snprintf(text, size, "%s:%d", host, ntohs(v4->sin_port));
    if (connection->peer.ss_family == AF_INET6 && inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host) != NULL)
        snprintf(text, size, "[%s]:%d", host, ntohs(v6->sin6_port));
}

/* Reads what has come and answers. Returns whether the connection is to be closed. */
static int serve(struct client *client)
{
    char request[4096], body[256], answer[512], peer[80];
    ssize_t length = read(client->connection.fd, request, sizeof request - 1);

    if (length < 0)
        return errno != EAGAIN && errno != EINTR;
    if (length == 0)
        return 1;
    request[length] = '\0';
    client->is_held = strncmp(request, "GET /hold", 9) == 0;
    peer_text(&client->connection, peer, sizeof peer);
    snprintf(body, sizeof body, "id=%u slot=%u pid=%d listener=%u sequence=%llu peer=%s open=%llu\n",
             maitred_worker_id(worker), maitred_worker_slot(worker), (int)getpid(), client->connection.listener,
             (unsigned long long)client->connection.sequence, peer,
             (unsigned long long)maitred_worker_open_connections(worker));
    int count = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    if (send(client->connection.fd, answer, (size_t)count, MSG_NOSIGNAL) != count)
        maitred_worker_failed(worker, 1);
    else
        maitred_worker_served(worker, 1);
    return !client->is_held;
}

/* Takes one connection of a listener. Returns 0 when the master is gone. */
static int take(unsigned listener)
{
    if (client_count == MOST_CLIENTS)
        return 1;
    int error = maitred_worker_take(worker, listener, &clients[client_count].connection);
    if (error == 0)
        clients[client_count++].is_held = 0;
    return error != -EPIPE;
}

/* Whether the master wants this process to finish. */
static int hear(void)
{
    struct maitred_event event;
    int must_finish = 0;

    do {
        maitred_worker_receive(worker, &event, NULL, 0);
        must_finish |= event.type == MAITRED_EVENT_DRAIN || event.type == MAITRED_EVENT_MASTER_GONE;
    } while (event.type == MAITRED_EVENT_MESSAGE);
    return must_finish;
}

static void run(void)
{
    static struct pollfd sources[MOST_SOURCES];
    unsigned listeners = maitred_worker_listener_count(worker);
    int is_draining = 0;

    while (!is_draining || client_count > 0) {
        unsigned first = is_draining ? 0 : listeners + 1;
        for (unsigned i = 0; i + 1 < first; i++)
            sources[i] = (struct pollfd){.fd = maitred_worker_fd(worker, i), .events = POLLIN};
        if (first > 0)
            sources[listeners] = (struct pollfd){.fd = maitred_worker_control_fd(worker), .events = POLLIN};
        for (unsigned i = 0; i < client_count; i++)
            sources[first + i] = (struct pollfd){.fd = clients[i].connection.fd, .events = POLLIN};
        unsigned polled = client_count;
        /* A process beside the first may never hear of a drain: another one read it. The page tells all. */
        poll(sources, first + polled, 50);
        is_draining |= maitred_worker_is_draining(worker);
        maitred_worker_heartbeat(worker);
        /* From the last: forgetting one moves the last into its place. */
        for (unsigned i = polled; i-- > 0;)
            if (sources[first + i].revents != 0 && serve(&clients[i]))
                forget(i);
        if (first > 0 && sources[listeners].revents != 0)
            is_draining |= hear();
        for (unsigned i = 0; i + 1 < first && !is_draining; i++)
            if (sources[i].revents != 0 && !take(i))
                is_draining = 1;
    }
}

static unsigned number_behind(int argc, char **argv, const char *option, unsigned otherwise)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], option) == 0)
            return (unsigned)atoi(argv[i + 1]);
    return otherwise;
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = number_behind(argc, argv, "--nofile", (unsigned)limit.rlim_cur);
    setrlimit(RLIMIT_NOFILE, &limit);

    if (maitred_worker_open(&worker) < 0) {
        fprintf(stderr, "maitred-test-c-worker: %s\n", maitred_worker_problem());
        return 1;
    }
    for (unsigned i = number_behind(argc, argv, "--processes", 1); i > 1; i--)
        if (fork() == 0)
            break;
    if (maitred_worker_ready(worker) < 0)
        return 1;
    run();
    return 0;
}
