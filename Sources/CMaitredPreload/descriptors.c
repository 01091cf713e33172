/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which descriptors are connections, and when the last descriptor of one is closed.
 *
 *  1. `entries[fd]` says what a descriptor is: 0, a connection's number, a managed socket's place, or ours.
 *  2. A connection has as many references as descriptors; it is counted as closed when the last one is gone. Late is
 *     possible (a close that nobody sees is noticed when the number is given out again), early is not.
 *  3. A process that shares this memory without being its owner (a child between vfork and exec) changes nothing.
 */
#include "preload.h"

#include <string.h>
#include <sys/mman.h>

/* The kernel's own limit on descriptors (fs.nr_open) as it is by default: 2^20. Pages appear when they are used. */
#define MOST_DESCRIPTORS (1U << 20)
#define MOST_MANAGED 256

/* Ours begin here, so that they are not in the way of programs that number their descriptors themselves. */
#define FIRST_OWN 512

#define IS_MANAGED 0x80000000U
#define IS_OWN 0x40000000U

static uint32_t *entries;    /* atomic, by descriptor; behind them the references */
static uint32_t highest;     /* atomic: no descriptor above it was ever anything */
static uint32_t next_number; /* atomic: where the search for a free number begins */
static struct managed managed_sockets[MOST_MANAGED];

/* Of connections, by number, atomic; 0 is no number. Found from the one pointer, so that two first uses cannot mix. */
static uint32_t *references(void)
{
    return entries + MOST_DESCRIPTORS;
}

static int is_usable(int fd)
{
    if (fd < 0 || (uint32_t)fd >= MOST_DESCRIPTORS)
        return 0;
    uint32_t *table = __atomic_load_n(&entries, __ATOMIC_ACQUIRE);
    return table != NULL;
}

/* Both tables, at the first use. 0 when there is no memory: then nothing is counted. */
static int prepare(void)
{
    if (__atomic_load_n(&entries, __ATOMIC_ACQUIRE) != NULL)
        return 1;
    size_t size = MOST_DESCRIPTORS * sizeof(uint32_t);
    void *both = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (both == MAP_FAILED)
        return 0;
    uint32_t *none = NULL;
    /* Two threads at once: the second one's tables are left unused. */
    __atomic_compare_exchange_n(&entries, &none, (uint32_t *)both, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    return 1;
}

static pid_t owner; /* whose the tables are, 0: the library is not loaded yet */

void own_tables(void)
{
    owner = getpid();
}

/* Whether this process may change them. */
static int is_owner(void)
{
    return owner == 0 || owner == getpid();
}

uint32_t descriptor_entry(int fd)
{
    return is_usable(fd) ? __atomic_load_n(&entries[fd], __ATOMIC_ACQUIRE) : 0;
}

uint32_t descriptor_highest(void)
{
    return __atomic_load_n(&highest, __ATOMIC_RELAXED);
}

static void set_entry(int fd, uint32_t entry)
{
    uint32_t most = __atomic_load_n(&highest, __ATOMIC_RELAXED);
    while (most < (uint32_t)fd &&
           !__atomic_compare_exchange_n(&highest, &most, (uint32_t)fd, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    __atomic_store_n(&entries[fd], entry, __ATOMIC_RELEASE);
}

/* ---- Ours ----------------------------------------------------------------------------------------- */

int descriptor_is_own(int fd)
{
    return descriptor_entry(fd) == IS_OWN;
}

int keep_as_own(int fd)
{
    int moved = REAL(fcntl64)(fd, F_DUPFD_CLOEXEC, FIRST_OWN);

    if (moved >= 0) {
        REAL(close)(fd);
        fd = moved;
    }
    if (prepare() && is_usable(fd))
        set_entry(fd, IS_OWN);
    return fd;
}

void forget_own(int fd)
{
    if (descriptor_is_own(fd))
        set_entry(fd, 0);
}

/* Whether a number of ours is this one; then it is the new one. */
static int rename_own(int *number, int from, int to)
{
    if (*number != from)
        return 0;
    __atomic_store_n(number, to, __ATOMIC_RELEASE);
    return 1;
}

void make_way(int fd)
{
    struct maitred_worker *worker = own_worker();

    if (!descriptor_is_own(fd) || !is_owner())
        return;
    int moved = REAL(fcntl64)(fd, F_DUPFD_CLOEXEC, FIRST_OWN);
    if (moved < 0)
        return;
    set_entry(moved, IS_OWN);
    set_entry(fd, 0);
    for (unsigned i = 0; worker != NULL && i < worker->entrance_count; i++)
        rename_own(&worker->entrances[i], fd, moved);
    if (worker != NULL)
        rename_own(&worker->control, fd, moved);
    for (unsigned i = 0; i < MOST_MANAGED; i++)
        if (__atomic_load_n(&managed_sockets[i].references, __ATOMIC_ACQUIRE) > 0)
            rename_own(&managed_sockets[i].socket, fd, moved);
}

/* ---- Managed sockets ------------------------------------------------------------------------------ */

struct managed *managed_of(int fd)
{
    uint32_t entry = descriptor_entry(fd);
    return (entry & IS_MANAGED) != 0 ? &managed_sockets[entry & ~IS_MANAGED] : NULL;
}

struct managed *new_managed(void)
{
    for (unsigned i = 0; i < MOST_MANAGED; i++) {
        struct managed *managed = &managed_sockets[i];
        uint32_t none = 0;
        if (!__atomic_compare_exchange_n(&managed->references, &none, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        memset((char *)managed + sizeof managed->references, 0, sizeof *managed - sizeof managed->references);
        managed->socket = -1;
        return managed;
    }
    return NULL;
}

void drop_managed(struct managed *managed)
{
    if (__atomic_load_n(&managed->references, __ATOMIC_ACQUIRE) == 1)
        __atomic_store_n(&managed->state, MANAGED_CLOSED, __ATOMIC_RELEASE);
    if (__atomic_load_n(&managed->references, __ATOMIC_ACQUIRE) == 1 && managed->socket >= 0) {
        forget_own(managed->socket);
        REAL(close)(managed->socket);
        managed->socket = -1;
    }
    __atomic_sub_fetch(&managed->references, 1, __ATOMIC_ACQ_REL);
}

void descriptor_set_managed(int fd, struct managed *managed)
{
    if (!prepare() || !is_usable(fd))
        return;
    descriptor_closed(descriptor_forget(fd));
    set_entry(fd, IS_MANAGED | (uint32_t)(managed - managed_sockets));
}

/* ---- Connections ---------------------------------------------------------------------------------- */

void connection_taken(int fd)
{
    if (!prepare() || !is_usable(fd))
        return;
    /* The number was given out again: whoever had it was closed, and nobody saw it. */
    descriptor_closed(descriptor_forget(fd));
    for (uint32_t tries = 0; tries < MOST_DESCRIPTORS; tries++) {
        uint32_t number = __atomic_add_fetch(&next_number, 1, __ATOMIC_RELAXED) & (MOST_DESCRIPTORS - 1);
        uint32_t free_number = 0;
        if (number == 0 || !__atomic_compare_exchange_n(&references()[number], &free_number, 1, 0, __ATOMIC_ACQ_REL,
                                                        __ATOMIC_RELAXED))
            continue;
        set_entry(fd, number);
        return;
    }
}

uint32_t descriptor_forget(int fd)
{
    if (descriptor_entry(fd) == 0 || !is_owner())
        return 0;
    return __atomic_exchange_n(&entries[fd], 0, __ATOMIC_ACQ_REL);
}

void descriptor_closed(uint32_t forgotten)
{
    if (forgotten == 0 || forgotten == IS_OWN)
        return;
    if ((forgotten & IS_MANAGED) != 0)
        drop_managed(&managed_sockets[forgotten & ~IS_MANAGED]);
    else if (__atomic_sub_fetch(&references()[forgotten], 1, __ATOMIC_ACQ_REL) == 0 && own_worker() != NULL)
        maitred_worker_count_closed(own_worker(), 1);
}

void descriptor_copied(int from, int to)
{
    if (!is_usable(from) || !is_usable(to) || from == to)
        return;
    descriptor_closed(descriptor_forget(to));
    uint32_t entry = descriptor_entry(from);
    if (entry == 0 || entry == IS_OWN || !is_owner())
        return;
    if ((entry & IS_MANAGED) != 0)
        __atomic_add_fetch(&managed_sockets[entry & ~IS_MANAGED].references, 1, __ATOMIC_ACQ_REL);
    else
        __atomic_add_fetch(&references()[entry], 1, __ATOMIC_ACQ_REL);
    set_entry(to, entry);
}

int is_entrance_in_use(unsigned listener)
{
    for (unsigned i = 0; i < MOST_MANAGED; i++) {
        const struct managed *managed = &managed_sockets[i];
        if (__atomic_load_n(&managed->references, __ATOMIC_ACQUIRE) != 0 && managed->listener == listener &&
            (state_of(managed) == MANAGED_LISTENING || state_of(managed) == MANAGED_BOUND))
            return 1;
    }
    return 0;
}

void for_each_descriptor_of(const struct managed *managed, void (*call)(int fd))
{
    uint32_t entry = IS_MANAGED | (uint32_t)(managed - managed_sockets);

    for (uint32_t fd = 0; fd <= descriptor_highest(); fd++)
        if (descriptor_entry((int)fd) == entry)
            call((int)fd);
}

static int is_open(int fd)
{
    (void)fd;
    return 1;
}

static int is_kept_over_exec(int fd)
{
    int flags = REAL(fcntl64)(fd, F_GETFD);
    return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

/* How many connections have a descriptor that counts. A copy is another entry: each is counted at the first of them. */
static unsigned count_connections(int (*counts)(int fd))
{
    unsigned count = 0;

    for (uint32_t fd = 0; fd <= descriptor_highest(); fd++) {
        uint32_t entry = descriptor_entry((int)fd);
        if (entry == 0 || entry == IS_OWN || (entry & IS_MANAGED) != 0 || !counts((int)fd))
            continue;
        int is_first = 1;
        if (__atomic_load_n(&references()[entry], __ATOMIC_RELAXED) > 1)
            for (uint32_t before = 0; is_first && before < fd; before++)
                is_first = descriptor_entry((int)before) != entry || !counts((int)before);
        count += (unsigned)is_first;
    }
    return count;
}

unsigned connections_in_table(void)
{
    return count_connections(is_open);
}

unsigned connections_kept_over_exec(void)
{
    return count_connections(is_kept_over_exec);
}
