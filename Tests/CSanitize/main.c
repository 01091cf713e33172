/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A server that knows nothing of maitred, for runs under sanitizers: one loop that calls whatever the preload library
 * stands before. The path of a request says what is done with its connection, before or instead of the plain answer.
 *
 *     maitred-sanitized-server [--path FILE] [--nofile N]
 *
 * --path    listens on a socket file, which it removes before and afterwards, instead of on PORT
 * --nofile  sets the limit on descriptors
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_CLIENTS 512

static int listener;
static int clients[MOST_CLIENTS];
static unsigned client_count;
static volatile sig_atomic_t must_stop;

/* ---- One connection ------------------------------------------------------------------------------- */

static void answer(int fd)
{
    char body[128], text[256];

    snprintf(body, sizeof body, "id=%s pid=%d\n", getenv("MAITRED_WORKER_ID"), (int)getpid());
    int length = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    if (send(fd, text, (size_t)length, MSG_NOSIGNAL) != length)
        warn("send");
}

/* The child answers; it ends by _exit, by exit, or as another program. */
static void answer_in_child(int fd, const char *way)
{
    char *arguments[] = {"true", NULL}, *nothing[] = {NULL};
    pid_t child = fork();

    if (child < 0)
        err(1, "fork");
    if (child > 0)
        return;
    close(listener);
    answer(fd);
    if (strcmp(way, "/exit") == 0)
        exit(0);
    close(fd);
    if (strcmp(way, "/exec") == 0) {
        execv("/does/not/exist", arguments);
        execve("/bin/true", arguments, nothing);
    }
    _exit(0);
}

/* Copies of all kinds; the last one answers. */
static void answer_as_copy(int fd)
{
    int copies[] = {dup(fd), fcntl(fd, F_DUPFD_CLOEXEC, 100), dup2(fd, 90), dup3(fd, 91, O_CLOEXEC),
                    (int)syscall(SYS_dup, fd)};

    close(fd);
    for (unsigned i = 0; i + 1 < sizeof copies / sizeof copies[0]; i++)
        close(copies[i]);
    answer(copies[4]);
    close(copies[4]);
}

static void answer_by_stream(int fd)
{
    FILE *stream = fdopen(fd, "r+");

    if (stream == NULL)
        err(1, "fdopen");
    fputs("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nid=any\n", stream);
    fclose(stream);
}

/* A fault that a sanitizer must see: the library is told of more room than there is. */
static void misuse(void)
{
    char *room = malloc(4);
    socklen_t length = sizeof(struct sockaddr_in);
    getsockname(listener, (struct sockaddr *)(void *)room, &length);
    free(room);
}

/* Reads what has come and does it. 0 when the connection stays open. */
static int serve(int fd)
{
    char head[4096], path[64] = "";
    ssize_t length = recv(fd, head, sizeof head - 1, MSG_DONTWAIT);

    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    head[length > 0 ? length : 0] = '\0';
    if (length <= 0 || sscanf(head, "GET %63s", path) != 1) {
        close(fd);
        return 1;
    }
    if (strcmp(path, "/copy") == 0) {
        answer_as_copy(fd);
        return 1;
    }
    if (strcmp(path, "/stream") == 0) {
        answer_by_stream(fd);
        return 1;
    }
    if (strcmp(path, "/misuse") == 0)
        misuse();
    if (strcmp(path, "/fork") == 0 || strcmp(path, "/exit") == 0 || strcmp(path, "/exec") == 0)
        answer_in_child(fd, path);
    else
        answer(fd);
    if (strcmp(path, "/hold") == 0)
        return 0;
    if (strcmp(path, "/number") == 0)
        syscall(SYS_close, fd);
    else if (strcmp(path, "/range") == 0)
        close_range((unsigned)fd, (unsigned)fd, 0);
    else
        close(fd);
    return 1;
}

/* ---- Listening ------------------------------------------------------------------------------------ */

static void check(int is_true, const char *what)
{
    if (!is_true)
        errx(1, "%s: %s", what, strerror(errno));
}

static void bind_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    check(unlink(path) == 0 && access(path, F_OK) == 0, "a socket file that is not ours is left alone");
    check(bind(listener, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    check(bind(listener, (struct sockaddr *)&address, sizeof address) < 0 && errno == EINVAL, "bind again");
    address.sun_path[strlen(path) - 1]++;
    check(bind(listener, (struct sockaddr *)&address, sizeof address) < 0 && errno == EINVAL, "bind elsewhere");
}

static void bind_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)}, own;
    socklen_t length = sizeof own;
    const char *port = getenv("PORT");
    int on = 1;

    address.sin_port = htons((uint16_t)(port == NULL ? 0 : atoi(port)));
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    check(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0, "SO_REUSEADDR");
    check(bind(listener, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    check(setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
    check(getsockname(listener, (struct sockaddr *)&own, &length) == 0 && length == sizeof own &&
              own.sin_port == address.sin_port, "getsockname");
}

/* What a program may ask of its listener, and do to its number. */
static void start_listening(void)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer, size = sizeof(int);
    struct timeval limit = {.tv_sec = 1};
    int is_listening = 0;

    check(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0, "SO_RCVTIMEO");
    check(getpeername(listener, (struct sockaddr *)&peer, &length) < 0 && errno == ENOTCONN, "getpeername");
    check(listen(listener, SOMAXCONN) == 0 && listen(listener, 10) == 0, "listen");
    check(getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) == 0 && is_listening, "SO_ACCEPTCONN");
    int moved = fcntl(listener, F_DUPFD_CLOEXEC, 20);
    check(moved >= 20 && close(listener) == 0, "a listener moves");
    listener = moved;
    /* What the library keeps for itself survives a program that closes all it does not know. */
    closefrom(moved + 1);
}

/* Takes what waits. Whether there may be more, for which there is no descriptor. */
static int take_all(void)
{
    struct sockaddr_storage peer;

    while (client_count < MOST_CLIENTS) {
        socklen_t length = sizeof peer;
        int fd = accept4(listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
        if (fd < 0)
            return errno == EMFILE;
        clients[client_count++] = fd;
    }
    return 1;
}

static void run(void)
{
    struct pollfd sources[MOST_CLIENTS + 1];
    int is_full = 0;

    while (!must_stop) {
        unsigned polled = client_count;
        sources[0] = (struct pollfd){.fd = is_full ? -1 : listener, .events = POLLIN};
        for (unsigned i = 0; i < polled; i++)
            sources[i + 1] = (struct pollfd){.fd = clients[i], .events = POLLIN};
        if (poll(sources, polled + 1, 100) < 0)
            continue;
        /* From the last: one that ends has its place taken by the last. */
        for (unsigned i = polled; i-- > 0;)
            if (sources[i + 1].revents != 0 && serve(clients[i]))
                clients[i] = clients[--client_count], is_full = 0;
        if (sources[0].revents != 0)
            is_full = take_all() && client_count > 0;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
}

static void stop(int signal)
{
    (void)signal;
    must_stop = 1;
}

static const char *value_behind(int count, char **arguments, const char *option)
{
    for (int i = 1; i + 1 < count; i++)
        if (strcmp(arguments[i], option) == 0)
            return arguments[i + 1];
    return NULL;
}

int main(int count, char **arguments)
{
    const char *path = value_behind(count, arguments, "--path");
    const char *most = value_behind(count, arguments, "--nofile");
    struct rlimit limit;

    if (most != NULL && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = (rlim_t)atoi(most);
        check(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
    }
    signal(SIGTERM, stop);
    if (path != NULL)
        bind_path(path);
    else
        bind_port();
    start_listening();
    run();
    shutdown(listener, SHUT_RDWR);
    close(listener);
    if (path != NULL)
        check(unlink(path) == 0, "unlink");
    return 0;
}
