/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the Swift toolchain cannot import from Linux, as plain functions.
 *
 * Every function keeps the C library's convention: a result >= 0, or -1 with errno set. None retries
 * EINTR (MaitredSystem does, in one place), none prints, none keeps state.
 */
#ifndef MAITRED_LINUX_H
#define MAITRED_LINUX_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

/* accept4(2) with SOCK_NONBLOCK | SOCK_CLOEXEC. `address` may be NULL. */
int maitred_linux_accept(int listener, void *address, uint32_t *address_length);

/* bind(2) and connect(2) without the transparent union that hides sockaddr from Swift. */
int maitred_linux_bind(int socket, const void *address, uint32_t address_length);
int maitred_linux_connect(int socket, const void *address, uint32_t address_length);
int maitred_linux_getsockname(int socket, void *address, uint32_t *address_length);

/* Sends one packet, with `descriptor` attached unless it is negative. MSG_DONTWAIT | MSG_NOSIGNAL. */
ssize_t maitred_linux_send(int socket, const void *packet, size_t length, int descriptor);

/* The same with several descriptors: 1 to MAITRED_LINUX_DESCRIPTORS_MAX of them. */
ssize_t maitred_linux_send_descriptors(int socket, const void *packet, size_t length, const int *descriptors,
                                       size_t count);
#define MAITRED_LINUX_DESCRIPTORS_MAX 64

/*
 * A SOCK_SEQPACKET listener with an abstract name that the kernel chooses, non-blocking and close-on-exec (unix(7),
 * autobind). The name, at most `capacity` bytes with its end, has "@" in the place of the null byte it begins with.
 */
int maitred_linux_listen_unnamed(int backlog, char *ret_name, size_t capacity);

/* Sends one datagram to an address, or to the connected peer when `address` is NULL. Never waits. */
ssize_t maitred_linux_send_to(int socket, const void *data, size_t length, const void *address,
                              uint32_t address_length);

/* The close of a socket that lingers waits until what was sent has arrived: this makes it not wait. */
int maitred_linux_stop_lingering(int socket);

/*
 * Receives one packet and at most one descriptor, close-on-exec. `flags` are recvmsg(2)'s: MSG_DONTWAIT, MSG_PEEK.
 *
 * *ret_descriptor is -1 when none came. *ret_flags is the kernel's msg_flags: MSG_TRUNC when the packet
 * was longer than `capacity`, MSG_CTRUNC when a descriptor came but could not be kept (more than one was
 * sent, or the process is at its limit). Descriptors beyond the first are closed.
 */
ssize_t maitred_linux_receive(int socket, void *packet, size_t capacity, int flags, int *ret_descriptor,
                              int *ret_flags);

/* The bytes that wait in a socket: FIONREAD. On a SOCK_SEQPACKET pair the sum of all packets. */
int maitred_linux_waiting_bytes(int socket);

/* A memfd of `size` zero bytes, sealed so that nobody can shrink or grow it or change its seals. */
int maitred_linux_sealed_memory(const char *name, size_t size);

/* 1 when nobody can shrink or grow a memfd or change its seals, 0 when somebody can, -1 when it has no seals at all. */
int maitred_linux_has_size_seals(int descriptor);

int maitred_linux_pidfd_open(pid_t pid);
int maitred_linux_pidfd_send_signal(int pidfd, int signal);

/*
 * The result of a child in wait(2) terms, taken without waiting.
 * Returns 1 and fills *ret_pid, *ret_code, *ret_signal (0 when it exited by itself), 0 when no child has
 * a result, -1 with errno (ECHILD: no such child). `pidfd` < 0 means any child.
 */
int maitred_linux_reap(int pidfd, pid_t *ret_pid, int *ret_code, int *ret_signal);

/* 1 while the process group has a member that is our child or was left to us, 0 when not. Reaps none. */
int maitred_linux_group_exists(pid_t group);

/* What of a start failed: maitred_linux_spawn's *ret_step. */
enum maitred_linux_spawn_step {
    MAITRED_LINUX_SPAWN_DESCRIPTORS, /* to duplicate, place or close descriptors */
    MAITRED_LINUX_SPAWN_PROCESS,     /* to create the process, its pidfd or its process group */
    MAITRED_LINUX_SPAWN_LIMIT,       /* to set RLIMIT_NOFILE */
    MAITRED_LINUX_SPAWN_USER,        /* to change groups and user */
    MAITRED_LINUX_SPAWN_PRIVILEGE,   /* the process could have changed back */
    MAITRED_LINUX_SPAWN_EXECUTE,     /* execve(2) */
    MAITRED_LINUX_SPAWN_TIME,        /* it did not get as far as execve(2) in time */
};

/* What a child is made of besides strings and lists. */
struct maitred_linux_child {
    int standard_output;            /* -1: inherited */
    int standard_error;             /* -1: inherited */
    size_t source_count;            /* at most 64 */
    struct rlimit descriptor_limit; /* RLIMIT_NOFILE */
    int changes_user;               /* 0: the rest is not looked at */
    uid_t user;
    gid_t group;
    size_t group_count;
};

/*
 * Starts `path` with exactly the wanted descriptors: standard input from /dev/null, output and error as given or
 * inherited, sources[i] as descriptor 3 + i, everything else closed; own process group, no signal blocked, every
 * disposition default, RLIMIT_NOFILE and, if asked for, user, group and supplementary `groups` as given.
 *
 * Returns when the program runs: its pidfd, close-on-exec, and *ret_pid. Otherwise -1 with *ret_step and the errno of
 * that step, and no child is left but one that needed too long: that is killed and left to be reaped.
 */
int maitred_linux_spawn(const struct maitred_linux_child *child, const char *path, char *const arguments[],
                        char *const environment[], const int *sources, const gid_t *groups, pid_t *ret_pid,
                        enum maitred_linux_spawn_step *ret_step);

/* Sets close-on-exec on every open descriptor from `first` up: close_range(2). */
int maitred_linux_close_on_exec_from(int first);

/* The symbolic name of an errno value ("EMFILE"), or NULL. */
const char *maitred_linux_errno_name(int error);

/* The name of a signal without its prefix ("KILL"), or NULL. */
const char *maitred_linux_signal_name(int signal);

/* The processors this process may run on: sched_getaffinity(2). -1 with EINVAL on machines of more than 1,024. */
int maitred_linux_processor_count(void);

/* prctl(2) PR_SET_CHILD_SUBREAPER: orphans of our descendants become our children. */
int maitred_linux_become_subreaper(void);

/* prctl(2) PR_GET_NO_NEW_PRIVS: 1 when no program that is executed gains anything by its file's bits, 0 when it may. */
int maitred_linux_has_no_new_privileges(void);

/* 1 when a file gives whoever executes it capabilities(7), 0 when not or nobody knows. */
int maitred_linux_has_file_capabilities(int descriptor);

/* A TCP socket that listens: its inode, and its address and port in the byte order of the network. */
struct maitred_linux_listener {
    uint64_t inode;
    uint8_t address[16]; /* of AF_INET the first four */
    uint16_t port;
};

/*
 * The TCP sockets of a family (AF_INET, AF_INET6) that listen in this process's network: sock_diag(7), which looks at no
 * connection, however many there are. Never waits.
 *
 * Returns how many, at most `capacity`, or -1 with errno: ENOENT or EPROTONOSUPPORT from a kernel that has it not.
 */
ssize_t maitred_linux_listeners(int family, struct maitred_linux_listener *ret_listeners, size_t capacity);

/* prctl(2) PR_SET_TIMERSLACK: by how much the calling thread's waits may end late. 0 is the thread's default. */
int maitred_linux_set_timer_slack(unsigned long nanoseconds);

/* fork(2), for worker programs and tests: Swift refuses to import it. */
pid_t maitred_linux_fork(void);

#endif
