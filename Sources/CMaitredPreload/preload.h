/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the preload library share. */
#ifndef MAITRED_PRELOAD_H
#define MAITRED_PRELOAD_H

#include "maitred_worker.h"

#include <stdint.h>
#include <sys/socket.h>

/* A function of the C library that a function of ours stands before; looked up at its first use. */
#define REAL(name)                                                                                  \
    __extension__({                                                                                 \
        static __typeof__(&name) found;                                                             \
        __typeof__(&name) real = __atomic_load_n(&found, __ATOMIC_RELAXED);                         \
        if (real == NULL) {                                                                         \
            real = (__typeof__(&name))real_function(#name);                                         \
            __atomic_store_n(&found, real, __ATOMIC_RELAXED);                                       \
        }                                                                                           \
        real;                                                                                       \
    })
void *real_function(const char *name);

/* ---- managed.c: sockets of the program that stand for a listener of the master --------------------- */

/* Options that an accepted connection would have inherited from its listener. */
struct inherited_option {
    int level, name, length;
    unsigned char value[16];
};

#define MOST_OPTIONS 8

/* A socket that was bound to an address of the master's. One for each; shared by its duplicates. */
struct managed {
    unsigned listener;
    int domain, protocol;
    int is_listening;
    socklen_t address_length;
    struct sockaddr_storage address; /* as the program bound it */
    unsigned option_count;           /* written before listen, or by one thread of the program */
    struct inherited_option options[MOST_OPTIONS];
};

/* The managed socket that a descriptor is, or NULL. */
struct managed *managed_of(int fd);

/* The index of the listener that an address stands for, -1 when it is none of the master's. */
int listener_for(const struct sockaddr *address, socklen_t length);

/* Makes a descriptor a managed socket. 0, or -1 with errno. */
int manage(int fd, unsigned listener, const struct sockaddr *address, socklen_t length);

/* Puts the channel in the place of a managed socket. 0, or -1 with errno. */
int begin_listening(int fd, struct managed *managed);

/* The worker that this process is, NULL before the first listen. */
struct maitred_worker *own_worker(void);

/* Takes the place of a channel whose master is gone: never readable; asks the program to stop, once. */
void end_listening(int fd);

/* ---- descriptors.c: which descriptors are connections, and when the last one of each is closed ------- */

/* What a descriptor is: nothing that matters, one of a connection's, or a managed socket. */
struct managed *descriptor_managed(int fd);
void descriptor_set_managed(int fd, struct managed *managed);

/* A connection was taken as this descriptor. */
void connection_taken(int fd);

/* A descriptor is about to be closed or closed over. Returns what connection_closed wants after the close. */
uint32_t descriptor_forget(int fd);

/* After the close: counts the connection as closed if that was its last descriptor. */
void connection_closed(uint32_t forgotten);

/* A descriptor is a copy of another from now on. */
void descriptor_copied(int from, int to);

#endif
