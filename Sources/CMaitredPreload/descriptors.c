/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which descriptors are connections, and when the last descriptor of one is closed.
 *
 *  1. `entries[fd]` says what a descriptor is: 0, a connection's number, or a managed socket's with the top bit.
 *  2. A connection has as many references as descriptors; it is counted as closed when the last one is gone. Late is
 *     possible (a close that nobody sees is noticed when the number is given out again), early is not.
 *  3. A process that shares this memory without being its owner (a child between vfork and exec) changes nothing.
 */
#include "preload.h"

#include <sys/mman.h>

/* The kernel's own limit on descriptors (fs.nr_open) as it is by default: 2^20. Pages appear when they are used. */
#define MOST_DESCRIPTORS (1U << 20)
#define MOST_MANAGED 256
#define IS_MANAGED 0x80000000U

static uint32_t *entries;    /* atomic, by descriptor; behind them the references */
static uint32_t next_number; /* atomic: where the search for a free number begins */
static struct managed *managed_sockets[MOST_MANAGED];
static unsigned managed_count;

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

/* Whether this process may change the tables. A forked child becomes their owner when it is first seen here. */
static int is_owner(void)
{
    return own_worker() == NULL || maitred_worker_is_own_process(own_worker());
}

struct managed *descriptor_managed(int fd)
{
    if (!is_usable(fd))
        return NULL;
    uint32_t entry = __atomic_load_n(&entries[fd], __ATOMIC_ACQUIRE);
    return entry & IS_MANAGED ? managed_sockets[entry & ~IS_MANAGED] : NULL;
}

void descriptor_set_managed(int fd, struct managed *managed)
{
    if (!prepare() || !is_usable(fd))
        return;
    unsigned index = __atomic_fetch_add(&managed_count, 1, __ATOMIC_RELAXED);
    if (index >= MOST_MANAGED)
        return;
    managed_sockets[index] = managed;
    __atomic_store_n(&entries[fd], IS_MANAGED | index, __ATOMIC_RELEASE);
}

void connection_taken(int fd)
{
    if (!prepare() || !is_usable(fd))
        return;
    /* The number was given out again: whoever had it was closed, and nobody saw it. */
    connection_closed(descriptor_forget(fd));
    for (uint32_t tries = 0; tries < MOST_DESCRIPTORS; tries++) {
        uint32_t number = __atomic_add_fetch(&next_number, 1, __ATOMIC_RELAXED) & (MOST_DESCRIPTORS - 1);
        uint32_t free_number = 0;
        if (number == 0 || !__atomic_compare_exchange_n(&references()[number], &free_number, 1, 0, __ATOMIC_ACQ_REL,
                                                        __ATOMIC_RELAXED))
            continue;
        __atomic_store_n(&entries[fd], number, __ATOMIC_RELEASE);
        return;
    }
}

uint32_t descriptor_forget(int fd)
{
    if (!is_usable(fd) || __atomic_load_n(&entries[fd], __ATOMIC_ACQUIRE) == 0 || !is_owner())
        return 0;
    return __atomic_exchange_n(&entries[fd], 0, __ATOMIC_ACQ_REL);
}

void connection_closed(uint32_t forgotten)
{
    if (forgotten == 0 || (forgotten & IS_MANAGED) != 0)
        return;
    if (__atomic_sub_fetch(&references()[forgotten], 1, __ATOMIC_ACQ_REL) == 0 && own_worker() != NULL)
        maitred_worker_closed(own_worker(), 1);
}

void descriptor_copied(int from, int to)
{
    if (!is_usable(from) || !is_usable(to) || from == to || !is_owner())
        return;
    connection_closed(descriptor_forget(to));
    uint32_t entry = __atomic_load_n(&entries[from], __ATOMIC_ACQUIRE);
    if (entry == 0)
        return;
    if ((entry & IS_MANAGED) == 0)
        __atomic_add_fetch(&references()[entry], 1, __ATOMIC_ACQ_REL);
    __atomic_store_n(&entries[to], entry, __ATOMIC_RELEASE);
}
