/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libmaitred_preload.so: makes any dynamically linked program a worker, unmodified.
 *
 *      load.c         what happens when the library is loaded, and which functions it stands before
 *      listening.c    bind, listen, shutdown, socket options, unlink: how a program comes to listen
 *      accepting.c    accept, accept4
 *      closing.c      close and all that is like it
 *      processes.c    fork, exec and exit
 *      own.c          whose process this is
 *      attaching.c    how it becomes a worker's
 *      managed.c      sockets of the program that stand for a listener of the master
 *      listeners.c    which address of the program is which listener of the master
 *      options.c      what a connection would have inherited from its listener
 *      watchers.c     a descriptor becomes another file, and epolls go on watching it; or it is closed, and they stop
 *      ending.c       when nothing will come any more
 *      descriptors.c  which descriptors are connections, and when the last one of each is closed
 *
 * Rules
 *  1. A function that we stand before does what it always does unless the descriptor is one of ours.
 *  2. errno is as the C library would have left it.
 *  3. Nothing is allocated, locked or printed on the way of a connection.
 *  4. Programs between the master and the server (a shell, npm) have the library too: until a program binds an address
 *     of the master's nothing is touched.
 */
#ifndef MAITRED_PRELOAD_H
#define MAITRED_PRELOAD_H

#include "worker.h"

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- load.c --------------------------------------------------------------------------------------- */

/*
 * Defines a function under a name of the C library. Under a name of our own first: the headers declare some of them with
 * parameters that no definition can repeat.
 */
#define STANDS_BEFORE(type, name, ...)                                                             \
    type own_##name(__VA_ARGS__) __asm__(#name) __attribute__((visibility("default")));            \
    type own_##name(__VA_ARGS__)

/* The functions of the C library that ours stand before. */
#define FOR_EACH_FUNCTION(do_it)                                                                    \
    do_it(bind) do_it(listen) do_it(getsockname) do_it(getpeername) do_it(getsockopt) do_it(setsockopt) \
    do_it(shutdown) do_it(connect) do_it(unlink) do_it(unlinkat) do_it(remove) do_it(rename) \
    do_it(renameat) do_it(renameat2) do_it(accept) do_it(accept4) do_it(close) \
    do_it(fclose) do_it(dup) do_it(dup2) do_it(dup3) do_it(fcntl64) do_it(close_range) do_it(closefrom) \
    do_it(syscall) do_it(execve) do_it(execv) do_it(execvp) do_it(execvpe) do_it(fexecve) do_it(fork) do_it(_exit) do_it(ioctl)

struct functions {
#define MEMBER(name) __typeof__(&name) name;
    FOR_EACH_FUNCTION(MEMBER)
#undef MEMBER
};
extern struct functions functions;

/* All of them are looked up when the library is loaded, or at the first call, if another library's start came first. */
void find_functions(void);
#define REAL(name) __extension__({ if (functions.name == NULL) find_functions(); functions.name; })

/* ---- own.c ---------------------------------------------------------------------------------------- */

/* The worker that this process is, NULL before the first bind to an address of the master's. */
struct maitred_worker *own_worker(void);

/* From now on it is this one's. */
void set_own_worker(struct maitred_worker *opened);

/* ---- attaching.c ---------------------------------------------------------------------------------- */

/* Becomes it. 0, or -1 after saying why on standard error: the program is going to fail, and somebody will ask. */
int become_worker(void);

/* In the environment of what a process of the worker executes: the numbers that are named are free for others. */
#define MOVED "MAITRED_MOVED"

/* Takes our name out of LD_PRELOAD: what the program starts from now on is its own business. */
void leave_environment(void);

/* ---- options.c ------------------------------------------------------------------------------------ */

/* An option that a connection is to be given. */
struct inherited_option {
    int level, name;
    socklen_t length;
    unsigned char value[16];
};

#define MOST_OPTIONS 24

struct managed;

/* Gives a connection what it would have inherited from its listener and does not have from the master's. */
void inherit_options(struct managed *managed, int connection);

/* ---- managed.c ------------------------------------------------------------------------------------ */

enum managed_state {
    MANAGED_BOUND,     /* and does not listen yet */
    MANAGED_LISTENING,
    MANAGED_SHUT_DOWN, /* by the program */
    MANAGED_ENDED,     /* by the master: nothing will come any more */
    MANAGED_CLOSED,    /* its last descriptor, while an accept was under way */
};

/*
 * A socket that was bound to an address of the master's: the channel (or, with strategy kernel, the listener) has its
 * number. Shared by its duplicates. Written before the program listens, but for `state` and the options.
 */
struct managed {
    uint32_t references; /* descriptors of this process; 0: free */
    unsigned listener;
    pid_t owner;   /* who bound it: in a forked child the registrations in epolls are the parent's too. 0: inherited */
    int domain, protocol;
    int socket;    /* the program's own, moved out of the way: it has the options that the program sets */
    int state;     /* atomic: enum managed_state */
    int is_nonblocking; /* atomic: the program's O_NONBLOCK; that of the entrance is shared with other processes */
    socklen_t address_length;
    struct sockaddr_storage address; /* as the program bound it */
    int has_options; /* atomic: `options` are those that a connection needs */
    unsigned option_count;
    struct inherited_option options[MOST_OPTIONS];
};

/* The managed socket that a descriptor is, or NULL. */
struct managed *managed_of(int fd);

/* The same, also for one that was inherited from the program that started this one. */
struct managed *managed_or_inherited(int fd);

static inline int state_of(const struct managed *managed)
{
    return __atomic_load_n(&managed->state, __ATOMIC_ACQUIRE);
}

/* Makes a descriptor a managed socket. 0, or -1 with errno. */
int manage(int fd, unsigned listener, const struct sockaddr *address, socklen_t length);

/*
 * Whether a managed descriptor is a listening socket that processes of other workers have too. Its O_NONBLOCK must not
 * change: an accept that waited in the kernel would not see the drain.
 */
int is_shared_listener(int fd, const struct managed *managed);

/* Lets connections come. 0, or -1 with errno. */
int begin_listening(int fd, struct managed *managed, int backlog);

/* Finds descriptors that this program inherited and that are entrances of its worker. When the library is loaded. */
void adopt_inherited(void);

/* ---- ending.c ------------------------------------------------------------------------------------- */

/* Has this process told when the master is gone, whether or not it takes connections itself. */
void watch_master(void);

/* Whether it is gone for good, after so many milliseconds at most. */
int is_master_gone(int patience);

/* Takes the place, everywhere in this process, of an entrance through which nothing will come: never readable. May ask the program to stop, once. */
void end_listening(struct managed *managed, int asks_to_stop);

/* The program shuts its listener down. */
void shut_down(int fd, struct managed *managed);

/* ---- listeners.c ---------------------------------------------------------------------------------- */

/* The index of the listener that a socket's address stands for, -1 when it is none of the master's. */
int listener_for(int fd, const struct sockaddr *address, socklen_t length);

/* A bit for each listener whose clients a socket bound to that address would have. */
uint32_t listeners_of(const struct managed *managed);

/* The address that clients of a listener connect to. Its length, 0 when it is not known. */
socklen_t listener_address(unsigned listener, struct sockaddr_storage *ret_address);

/* Whether a path is the socket file of one of the master's listeners. */
int is_listener_path(int directory, const char *path);

/* ---- watchers.c ----------------------------------------------------------------------------------- */

/* Sets or clears O_NONBLOCK, on an open file that may be shared. */
void set_nonblocking(int fd, int is_nonblocking);

/* No epoll of this process watches a descriptor any more. */
void forget_watchers(int fd);

/* Puts a descriptor in the place of another, with what the program had set on that number. 0, or -1 with errno. */
int put_in_place(int replacement, int fd);

/* ---- descriptors.c -------------------------------------------------------------------------------- */

/* They are this process's from now on: when the library is loaded, and in a forked child, whose they are a copy. */
void own_tables(void);

/* What a descriptor is: nothing that matters, one of a connection's, a managed socket, or our own. */
uint32_t descriptor_entry(int fd);

/* No descriptor above it was ever any of these. */
uint32_t descriptor_highest(void);

/* Whether a descriptor is one of ours, which the program does not know and must not close. */
int descriptor_is_own(int fd);

/* Marks a descriptor as ours, out of the way of the program's. Its new number. */
int keep_as_own(int fd);

/* A descriptor is not ours any more. */
void forget_own(int fd);

/* The program is about to put something of its own there: if it is ours, it moves. */
void make_way(int fd);

/* A place for a managed socket, with one reference; NULL when there is none left. */
struct managed *new_managed(void);

/* Whether a managed socket of this process takes from the entrance of a listener, or is going to. */
int is_entrance_in_use(unsigned listener);

/* One descriptor of it less. */
void drop_managed(struct managed *managed);

/* A descriptor is a managed socket from now on. */
void descriptor_set_managed(int fd, struct managed *managed);

/* A connection was taken as this descriptor. */
void connection_taken(int fd);

/* A descriptor is about to be closed or closed over. Returns what descriptor_closed wants after the close. */
uint32_t descriptor_forget(int fd);

/* After the close: if that was its last descriptor, a connection is counted as closed, a managed socket is free. */
void descriptor_closed(uint32_t forgotten);

/* A descriptor is a copy of another from now on. */
void descriptor_copied(int from, int to);

/* How many connections this process has. */
unsigned connections_in_table(void);

/* Calls with each descriptor of a managed socket. */
void for_each_descriptor_of(const struct managed *managed, void (*call)(int fd));

/* How many connections of this process a program that it executes would have. */
unsigned connections_kept_over_exec(void);

#endif
