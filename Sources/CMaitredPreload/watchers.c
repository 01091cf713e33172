/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Epolls that watch a descriptor which becomes another file: a socket that was registered before it was bound (as by
 * Boost.Asio), an entrance that ends. A registration belongs to the open file, not to the number. The file lives on, since
 * we keep it, and would go on reporting, and nobody could take it out any more: so that is done before. The same before
 * the last descriptor of a listener is closed: then the kernel would have taken the registrations out.
 *
 *  1. /proc/self/fdinfo says what an epoll watches. A number there may be that of a file that had it earlier: only what
 *     could be taken out is put in again.
 *  2. All of it may happen in a signal handler, where servers shut their listeners down: no malloc, no stdio. Nor is it a
 *     place where a thread can be cancelled.
 */
#include "preload.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Room for so many; only as much of it as is used becomes memory. */
#define MOST_WATCHERS 4096

struct watcher {
    int epoll;
    uint32_t events;
    uint64_t data;
};

struct search {
    int fd;
    ino_t inode; /* of what it is */
    struct watcher *found;
    unsigned count, most;
};

/* ---- What watches --------------------------------------------------------------------------------- */

static int open_to_read(const char *path)
{
    return (int)REAL(syscall)(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
}

static int is_epoll(int directory, const char *name)
{
    static const char wanted[] = "anon_inode:[eventpoll]";
    char target[sizeof wanted];
    return readlinkat(directory, name, target, sizeof target) == sizeof wanted - 1 &&
           memcmp(target, wanted, sizeof wanted - 1) == 0;
}

/* Calls with the number of each epoll of this process, as text. */
static void for_each_epoll(void (*call)(const char *number, void *context), void *context)
{
    _Alignas(struct dirent64) char entries[2048];
    int directory = open_to_read("/proc/self/fd");
    long length;

    while (directory >= 0 && (length = REAL(syscall)(SYS_getdents64, directory, entries, sizeof entries)) > 0)
        for (long at = 0; at < length;) {
            const struct dirent64 *entry = (const void *)(entries + at);
            if (is_epoll(directory, entry->d_name))
                call(entry->d_name, context);
            at += entry->d_reclen;
        }
    if (directory >= 0)
        REAL(syscall)(SYS_close, directory);
}

static unsigned long long number_behind(const char *line, const char *name, int base)
{
    const char *found = strstr(line, name);
    return found == NULL ? 0 : strtoull(found + strlen(name), NULL, base);
}

/* A line "tfd: NUMBER events: HEX data: HEX … ino:HEX …" of an epoll, if it is about the descriptor that is searched. */
static void read_line(const char *line, int epoll, struct search *search)
{
    if (strncmp(line, "tfd:", 4) != 0 || strtol(line + 4, NULL, 10) != search->fd || search->count == search->most)
        return;
    unsigned long long inode = number_behind(line, "ino:", 16);
    if (inode != 0 && inode != search->inode)
        return;
    search->found[search->count++] = (struct watcher){
        .epoll = epoll,
        .events = (uint32_t)number_behind(line, "events:", 16),
        .data = number_behind(line, "data:", 16),
    };
}

static void find_in(const char *number, void *context)
{
    char path[64] = "/proc/self/fdinfo/", bytes[1024], line[256];
    size_t used = 0;
    long length;
    int file = open_to_read(strcat(path, number));

    while (file >= 0 && (length = REAL(syscall)(SYS_read, file, bytes, sizeof bytes)) > 0)
        for (long at = 0; at < length; at++) {
            if (bytes[at] != '\n') {
                if (used < sizeof line - 1)
                    line[used++] = bytes[at];
                continue;
            }
            line[used] = '\0';
            used = 0;
            read_line(line, atoi(number), context);
        }
    if (file >= 0)
        REAL(syscall)(SYS_close, file);
}

/* The epolls of this process that watch a descriptor. How many; *ret_watchers is NULL when there is no memory. */
static unsigned find_watchers(int fd, struct watcher **ret_watchers)
{
    struct stat status;
    int error = errno;
    void *room = mmap(NULL, MOST_WATCHERS * sizeof **ret_watchers, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct search search = {.fd = fd, .found = room == MAP_FAILED ? NULL : room};

    if (search.found != NULL && fstat(fd, &status) == 0) {
        search.inode = status.st_ino;
        search.most = MOST_WATCHERS;
        for_each_epoll(find_in, &search);
    }
    *ret_watchers = search.found;
    errno = error;
    return search.count;
}

static void take_out(const char *number, void *context)
{
    struct epoll_event none = {0};
    epoll_ctl(atoi(number), EPOLL_CTL_DEL, *(const int *)context, &none);
}

void forget_watchers(int fd)
{
    int error = errno;
    for_each_epoll(take_out, &fd);
    errno = error;
}

/* ---- Another file --------------------------------------------------------------------------------- */

/* Before it becomes another file: they do not watch what it is now any more. How many that did are left. */
static unsigned stop_watching(int fd, struct watcher *watchers, unsigned count)
{
    int error = errno;
    unsigned left = 0;
    struct epoll_event none = {0};

    for (unsigned i = 0; i < count; i++)
        if (epoll_ctl(watchers[i].epoll, EPOLL_CTL_DEL, fd, &none) == 0)
            watchers[left++] = watchers[i];
    errno = error;
    return left;
}

/* Makes them watch what has that number now. */
static void watch_again(int fd, const struct watcher *watchers, unsigned count)
{
    int error = errno; /* that of a dup3 that failed */
    for (unsigned i = 0; i < count; i++) {
        struct epoll_event event = {.events = watchers[i].events, .data.u64 = watchers[i].data};
        epoll_ctl(watchers[i].epoll, EPOLL_CTL_ADD, fd, &event);
    }
    errno = error;
}

int put_in_place(int replacement, int fd)
{
    struct watcher *watchers;
    int flags = REAL(fcntl64)(fd, F_GETFD);

    if (flags < 0)
        return -1;
    unsigned count = find_watchers(fd, &watchers);
    count = stop_watching(fd, watchers, count);
    int result = REAL(dup3)(replacement, fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0);
    watch_again(fd, watchers, count);
    if (watchers != NULL)
        munmap(watchers, MOST_WATCHERS * sizeof *watchers);
    return result < 0 ? -1 : 0;
}

void set_nonblocking(int fd, int is_nonblocking)
{
    int error = errno, status = REAL(fcntl64)(fd, F_GETFL);
    int wanted = is_nonblocking ? status | O_NONBLOCK : status & ~O_NONBLOCK;

    if (status >= 0 && wanted != status)
        REAL(fcntl64)(fd, F_SETFL, wanted);
    errno = error;
}
