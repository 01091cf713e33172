/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which address of the program is which listener of the master.
 *
 *  1. The port decides, whatever the address: a program that binds 0.0.0.0:8080 means the listener of that port, and
 *     which addresses clients may use was decided by who started the master. Of several with that port it means the one
 *     with its address, or else the first whose clients its socket would have; and it has the clients of all of those:
 *     [::] has IPv4's too. A Unix socket is decided by its file.
 *  2. --app-port PORT makes one more port mean the first listener. --app-port any makes the first port that the program
 *     binds mean the first listener that nothing else means, the next port the next one.
 *  3. Only stream sockets: a program may use the same port for UDP.
 */
#include "preload.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#define ADDRESS_SIZE 256

/* Reads one entry of MAITRED_LISTENERS, its escapes undone. Returns the entry behind it, NULL at the end. */
static const char *next_listener(const char *text, char *ret_address)
{
    size_t length = 0;
    const char *start = strchr(text, '=');

    ret_address[0] = '\0';
    if (start == NULL)
        return NULL;
    for (start++; *start != '\0' && *start != ',' && length + 1 < ADDRESS_SIZE; start++) {
        if (*start == '%' && isxdigit((unsigned char)start[1]) && isxdigit((unsigned char)start[2])) {
            const char digits[] = {start[1], start[2], '\0'};
            ret_address[length++] = (char)strtol(digits, NULL, 16);
            start += 2;
        } else {
            ret_address[length++] = *start;
        }
    }
    ret_address[length] = '\0';
    return *start == ',' ? start + 1 : NULL;
}

/* The address of a listener as text. 1, or 0 when there is no such listener. */
static int listener_text(unsigned listener, char *ret_address)
{
    const char *text = maitred_worker_variable("MAITRED_LISTENERS");

    for (unsigned index = 0; text != NULL; index++) {
        text = next_listener(text, ret_address);
        if (ret_address[0] != '\0' && index == listener)
            return 1;
    }
    return 0;
}

static const char *unix_path(const char *address)
{
    return strncmp(address, "unix:", 5) == 0 ? address + 5 : NULL;
}

socklen_t listener_address(unsigned listener, struct sockaddr_storage *ret_address)
{
    char text[ADDRESS_SIZE];

    memset(ret_address, 0, sizeof *ret_address);
    if (!listener_text(listener, text))
        return 0;
    if (unix_path(text) != NULL) {
        struct sockaddr_un *address = (void *)ret_address;
        address->sun_family = AF_UNIX;
        memcpy(address->sun_path, unix_path(text), strnlen(unix_path(text), sizeof address->sun_path - 1));
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(address->sun_path) + 1);
    }
    char *colon = strrchr(text, ':');
    if (colon == NULL)
        return 0;
    *colon = '\0';
    in_port_t port = htons((uint16_t)atoi(colon + 1));
    if (text[0] == '[') {
        struct sockaddr_in6 *address = (void *)ret_address;
        text[strcspn(text, "]%")] = '\0';
        address->sin6_family = AF_INET6;
        address->sin6_port = port;
        return inet_pton(AF_INET6, text + 1, &address->sin6_addr) == 1 ? sizeof *address : 0;
    }
    struct sockaddr_in *address = (void *)ret_address;
    address->sin_family = AF_INET;
    address->sin_port = port;
    return inet_pton(AF_INET, text, &address->sin_addr) == 1 ? sizeof *address : 0;
}

/* ---- TCP ------------------------------------------------------------------------------------------ */

static int port_of(const struct sockaddr *address, socklen_t length)
{
    if (address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in))
        return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    if (address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6))
        return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    return -1;
}

/* How well a socket's address, as it was bound, stands for a listener with the same port. */
enum match {
    PORT_ALONE,
    CLIENTS, /* the kernel would give it that listener's clients */
    ADDRESS,
};

static enum match match_v4(const struct sockaddr_in *bound, const struct sockaddr_storage *listener)
{
    const struct sockaddr_in *other = (const void *)listener;

    if (listener->ss_family != AF_INET)
        return PORT_ALONE;
    if (bound->sin_addr.s_addr == other->sin_addr.s_addr)
        return ADDRESS;
    return bound->sin_addr.s_addr == htonl(INADDR_ANY) ? CLIENTS : PORT_ALONE;
}

static enum match match_v6(const struct sockaddr_in6 *bound, int is_v6_only, const struct sockaddr_storage *listener)
{
    const struct sockaddr_in6 *other = (const void *)listener;
    int is_any = IN6_IS_ADDR_UNSPECIFIED(&bound->sin6_addr);

    if (listener->ss_family == AF_INET)
        return is_any && !is_v6_only ? CLIENTS : PORT_ALONE;
    if (listener->ss_family != AF_INET6)
        return PORT_ALONE;
    if (IN6_ARE_ADDR_EQUAL(&bound->sin6_addr, &other->sin6_addr))
        return ADDRESS;
    return is_any ? CLIENTS : PORT_ALONE;
}

static enum match match(int fd, const struct sockaddr *bound, const struct sockaddr_storage *listener)
{
    int is_v6_only = 0;
    socklen_t size = sizeof is_v6_only;

    if (bound->sa_family == AF_INET)
        return match_v4((const void *)bound, listener);
    if (bound->sa_family != AF_INET6)
        return PORT_ALONE;
    REAL(getsockopt)(fd, IPPROTO_IPV6, IPV6_V6ONLY, &is_v6_only, &size);
    return match_v6((const void *)bound, is_v6_only, listener);
}

/* The listener of a port by itself that suits a socket best, -1 when there is none. */
static int listener_of_port(int fd, const struct sockaddr *bound, int port)
{
    struct sockaddr_storage address;
    socklen_t length;
    int best = -1, best_match = -1;

    for (unsigned index = 0; port > 0 && index < MAITRED_LISTENER_MAX; index++) {
        if ((length = listener_address(index, &address)) == 0 ||
            port_of((const struct sockaddr *)&address, length) != port)
            continue;
        int found = (int)match(fd, bound, &address);
        if (found > best_match) {
            best = (int)index;
            best_match = found;
        }
    }
    return best;
}

uint32_t listeners_of(const struct managed *managed)
{
    struct sockaddr_storage own, other;
    uint32_t listeners = 1U << managed->listener;
    socklen_t length = listener_address(managed->listener, &own);
    /* By the listener's port: the program's own may be another (--app-port). */
    int port = length == 0 ? -1 : port_of((const struct sockaddr *)&own, length);

    for (unsigned index = 0; port > 0 && index < MAITRED_LISTENER_MAX; index++) {
        length = listener_address(index, &other);
        if (length > 0 && port_of((const struct sockaddr *)&other, length) == port &&
            match(managed->socket, (const struct sockaddr *)&managed->address, &other) != PORT_ALONE)
            listeners |= 1U << index;
    }
    return listeners;
}

/* Which listener a port means that is none of theirs: the one that it was given before, or the next free one. */
static int listener_of_any_port(int port)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int given[MAITRED_LISTENER_MAX]; /* by listener, under the lock: its port + 1; 0: free */
    char text[ADDRESS_SIZE];
    int found = -1;

    pthread_mutex_lock(&lock);
    for (int index = 0; found < 0 && port > 0 && index < MAITRED_LISTENER_MAX; index++)
        if (given[index] == port + 1)
            found = index;
    for (unsigned index = 0; found < 0 && index < MAITRED_LISTENER_MAX && listener_text(index, text); index++)
        if (given[index] == 0) {
            given[index] = port + 1;
            found = (int)index;
        }
    pthread_mutex_unlock(&lock);
    return found;
}

static int listener_for_port(int fd, const struct sockaddr *bound, int port)
{
    const char *app_port = maitred_worker_variable("MAITRED_APP_PORT");
    int listener = listener_of_port(fd, bound, port);

    if (listener >= 0 || app_port == NULL || port < 0)
        return listener;
    if (strcmp(app_port, "any") == 0)
        return listener_of_any_port(port);
    return atoi(app_port) == port ? 0 : -1;
}

/* ---- Unix ----------------------------------------------------------------------------------------- */

/* Whether two paths are the same file, for who names it another way than the master. */
static int is_same_file(int directory, const char *path, const char *listener)
{
    struct stat own, theirs;

    return strcmp(path, listener) == 0 ||
           (fstatat(directory, path, &own, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(own.st_mode) &&
            stat(listener, &theirs) == 0 && own.st_dev == theirs.st_dev && own.st_ino == theirs.st_ino);
}

static int listener_of_path(int directory, const char *path)
{
    char text[ADDRESS_SIZE];
    int error = errno, found = -1;

    for (unsigned index = 0; found < 0 && index < MAITRED_LISTENER_MAX && listener_text(index, text); index++)
        if (unix_path(text) != NULL && is_same_file(directory, path, unix_path(text)))
            found = (int)index;
    errno = error;
    return found;
}

int is_listener_path(int directory, const char *path)
{
    const char *listeners = maitred_worker_variable("MAITRED_LISTENERS");
    /* Nearly everybody listens on TCP only. */
    return path != NULL && listeners != NULL && strstr(listeners, "=unix:") != NULL &&
           listener_of_path(directory, path) >= 0;
}

/* ---- Either --------------------------------------------------------------------------------------- */

int listener_for(int fd, const struct sockaddr *address, socklen_t length)
{
    int type = 0;
    socklen_t size = sizeof type;

    if (address == NULL || length < sizeof(sa_family_t) || maitred_worker_variable("MAITRED_LISTENERS") == NULL)
        return -1;
    if (address->sa_family != AF_INET && address->sa_family != AF_INET6 && address->sa_family != AF_UNIX)
        return -1;
    if (REAL(getsockopt)(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM)
        return -1;
    if (address->sa_family == AF_UNIX) {
        char path[sizeof((struct sockaddr_un *)0)->sun_path + 1];
        size_t room = length - offsetof(struct sockaddr_un, sun_path);
        const struct sockaddr_un *file = (const void *)address;
        if (length <= offsetof(struct sockaddr_un, sun_path) || file->sun_path[0] == '\0')
            return -1;
        size_t count = strnlen(file->sun_path, room < sizeof path ? room : sizeof path - 1);
        memcpy(path, file->sun_path, count);
        path[count] = '\0';
        return listener_of_path(AT_FDCWD, path);
    }
    return listener_for_port(fd, address, port_of(address, length));
}
