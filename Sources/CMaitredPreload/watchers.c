/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Epolls that watch a descriptor which becomes another file: a socket that was registered before it was bound (as by
 * Boost.Asio), an entrance that ends. A registration belongs to the open file, not to the number. The file lives on, since
 * we keep it, and would go on reporting, and nobody could take it out any more: so that is done before.
 * /proc/self/fdinfo says what an epoll watches.
 */
#include "preload.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define MOST_WATCHERS 8

struct watcher {
    int epoll;
    uint32_t events;
    uint64_t data;
};

static int is_epoll(int number)
{
    char path[64], target[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", number);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0)
        return 0;
    target[length] = '\0';
    return strcmp(target, "anon_inode:[eventpoll]") == 0;
}

/* The lines "tfd: NUMBER events: HEX data: HEX …" of an epoll that are about a descriptor. */
static int find_in(int epoll, int fd, struct watcher *ret_watchers, int most)
{
    char path[64], line[256];
    int count = 0;

    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", epoll);
    FILE *file = fopen(path, "re");
    while (file != NULL && count < most && fgets(line, sizeof line, file) != NULL) {
        int watched;
        unsigned events;
        unsigned long long data;
        if (sscanf(line, "tfd: %d events: %x data: %llx", &watched, &events, &data) == 3 && watched == fd)
            ret_watchers[count++] = (struct watcher){.epoll = epoll, .events = events, .data = data};
    }
    if (file != NULL)
        fclose(file);
    return count;
}

/* The epolls of this process that watch a descriptor. How many. */
static int find_watchers(int fd, struct watcher *ret_watchers)
{
    int error = errno, count = 0;
    DIR *directory = opendir("/proc/self/fd");
    const struct dirent *entry;

    while (directory != NULL && count < MOST_WATCHERS && (entry = readdir(directory)) != NULL) {
        int number = entry->d_name[0] == '.' ? -1 : atoi(entry->d_name);
        if (number >= 0 && is_epoll(number))
            count += find_in(number, fd, ret_watchers + count, MOST_WATCHERS - count);
    }
    if (directory != NULL)
        closedir(directory);
    errno = error;
    return count;
}

/* Before it becomes another file: they do not watch what it is now any more. */
static void stop_watching(int fd, const struct watcher *watchers, int count)
{
    int error = errno;
    struct epoll_event none = {0};
    for (int i = 0; i < count; i++)
        epoll_ctl(watchers[i].epoll, EPOLL_CTL_DEL, fd, &none);
    errno = error;
}

/* Makes them watch what has that number now. */
static void watch_again(int fd, const struct watcher *watchers, int count)
{
    int error = errno; /* the dup3's */
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = watchers[i].events, .data.u64 = watchers[i].data};
        epoll_ctl(watchers[i].epoll, EPOLL_CTL_ADD, fd, &event);
    }
    errno = error;
}

int put_in_place(int replacement, int fd)
{
    struct watcher watchers[MOST_WATCHERS];
    int flags = fcntl(fd, F_GETFD);

    if (flags < 0)
        return -1;
    int count = find_watchers(fd, watchers);
    stop_watching(fd, watchers, count);
    int result = REAL(dup3)(replacement, fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0);
    watch_again(fd, watchers, count);
    return result < 0 ? -1 : 0;
}
