/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The wire: everything that passes between the maitred master and a worker, byte by byte.
 *
 * This header is the single definition. The master and every SDK include it; docs/PROTOCOL.md explains it.
 * All integers are in host byte order: both sides are processes of one machine.
 *
 *     master ── channel (SOCK_SEQPACKET) ──────> worker     one packet = one connection, or a knock
 *     master <─ control channel (SOCK_SEQPACKET) ─> worker  one packet = one fragment of a message
 *     master <─ load page (memfd) ──────────────── worker   counters, written without a system call
 *     master ── worker socket ─────────────────> worker     one packet = all of these again, for who lost them
 *
 * Rules that hold for every part:
 *  1. Versions: a side refuses a version it does not know; unknown flags are ignored.
 *  2. The reader validates. Nothing in a page or a packet is trusted by the side that did not write it.
 *  3. Fields shared between processes are only touched through the functions at the end of this file.
 */
#ifndef MAITRED_WIRE_H
#define MAITRED_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define MAITRED_WIRE_VERSION 1

/* ---- Channel ------------------------------------------------------------------------------------ */

/* "mtrd" read as a little-endian integer: tells a packet of ours from a stranger's descriptor number. */
#define MAITRED_PACKET_MAGIC 0x6472746dU
#define MAITRED_PACKET_SIZE 64

/* A knock carries no connection. Taking it is the proof that the worker takes; it counts as a spurious wakeup. */
#define MAITRED_PACKET_KNOCK 0x0001U

/* Bytes of peer address a packet can hold: sizeof(struct sockaddr_in6), the largest that TCP needs. */
#define MAITRED_PEER_CAPACITY 28

/* One accepted connection. The descriptor travels beside it as SCM_RIGHTS, open with O_NONBLOCK. */
struct maitred_packet {
    uint32_t magic;        /* MAITRED_PACKET_MAGIC */
    uint16_t version;      /* MAITRED_WIRE_VERSION */
    uint16_t flags;        /* MAITRED_PACKET_* */
    uint32_t listener;     /* index of the listener that accepted it; the channel's own index */
    uint32_t peer_length;  /* what accept4 reported; may exceed the bytes kept in `peer` */
    uint64_t sequence;     /* counts every accept of this master; order of accept */
    uint64_t accepted_ns;  /* CLOCK_MONOTONIC at accept4 */
    uint8_t peer[MAITRED_PEER_CAPACITY]; /* struct sockaddr as accept4 gave it, cut at 28 bytes */
    uint8_t reserved[4];   /* zero */
};

/* ---- Control channel ---------------------------------------------------------------------------- */

/* Longest packet, head included. */
#define MAITRED_CONTROL_PACKET_MAX 65536

enum maitred_control_type {
    /* worker -> master */
    MAITRED_CONTROL_READY = 1,   /* no body. The worker takes connections from now on. */
    MAITRED_CONTROL_BELL = 2,    /* no body. A connection closed while the doorbell was set. */
    MAITRED_CONTROL_MESSAGE = 3, /* either direction. Body: the program's own bytes. */
    MAITRED_CONTROL_LISTENS = 4, /* body: struct maitred_listens, or none. Whether it takes, a knock is to show. */
    /* master -> worker */
    MAITRED_CONTROL_DRAIN = 16,  /* no body. Take no more, finish what is open, exit. */
};

/* Another fragment of the same stream follows. */
#define MAITRED_CONTROL_MORE 0x0001U

struct maitred_control_head {
    uint16_t version; /* MAITRED_WIRE_VERSION */
    uint16_t type;    /* enum maitred_control_type; unknown types are ignored */
    uint16_t flags;   /* MAITRED_CONTROL_* */
    uint16_t reserved;
    uint64_t stream;  /* fragments of one message share it; chosen by the sender, unique among its open ones */
};

/* ---- Worker socket ------------------------------------------------------------------------------ */

/* "mtrf" read as a little-endian integer. */
#define MAITRED_FETCH_MAGIC 0x6672746dU

/* What comes are listening sockets, from which the worker accepts by itself, instead of channels. */
#define MAITRED_FETCH_LISTENERS 0x0001U

/*
 * All that the master says on the worker socket, at once and unasked: it knows by its ancestors which worker a process
 * belongs to. As SCM_RIGHTS come `entrances` channels or listeners in order, the control channel, and the load page.
 * Nobody's process gets a head with `worker` 0 and no descriptors.
 */
struct maitred_fetch {
    uint32_t magic;     /* MAITRED_FETCH_MAGIC */
    uint16_t version;   /* MAITRED_WIRE_VERSION */
    uint16_t flags;     /* MAITRED_FETCH_* */
    uint32_t worker;    /* its id */
    uint32_t entrances; /* 1 to 32 */
};

/*
 * Body of MAITRED_CONTROL_LISTENS: what a program that knows nothing of maitred has opened. The first says that it
 * takes from this entrance alone, each further one adds one. Without a body it takes from all.
 */
struct maitred_listens {
    uint32_t entrance;  /* index of the listener whose channel it takes from */
    uint32_t listeners; /* bit i: what comes to listener i is for it, as a socket bound to [::] has IPv4 clients too */
};

/* ---- Load page ---------------------------------------------------------------------------------- */

/* "mtrp" read as a little-endian integer. */
#define MAITRED_PAGE_MAGIC 0x7072746dU
#define MAITRED_PAGE_SIZE 16384
#define MAITRED_ROW_COUNT 119

/*
 * Behind the rows, the last 1,024 bytes of the page: uint64_t latency[128], shared by the worker's processes. How
 * many connections waited how long between accept and take. Written by the side that takes, because the master
 * sleeps at that moment and keeps nothing per connection. A worker may leave all of it at zero. Only grows.
 */
#define MAITRED_LATENCY_OFFSET 15360
#define MAITRED_LATENCY_COUNT 128

/* The first bucket is all below 2^10 ns, about 1 us; from there on every doubling has 4 buckets of equal width. */
#define MAITRED_LATENCY_FIRST_BITS 10

/*
 * First 128 bytes of the page. The first cache line is written once or rarely by the master, the second
 * by whoever exchanges the doorbell or claims a row.
 */
struct maitred_page_header {
    uint32_t magic;      /* master, once: MAITRED_PAGE_MAGIC */
    uint32_t version;    /* master, once: MAITRED_WIRE_VERSION */
    uint32_t row_count;  /* master, once: MAITRED_ROW_COUNT */
    uint32_t row_size;   /* master, once: sizeof(struct maitred_row) */
    uint32_t drain;      /* master: 1 from the drain on */
    uint32_t reserved0[11];
    uint32_t doorbell;   /* master sets 1 while it waits for a place; a worker's exchange(0) that reads 1 rings */
    uint32_t high_water; /* workers: rows below this index may be in use; only grows */
    uint32_t reserved1[14];
};

/*
 * One process of the worker, on two cache lines of its own. Only the process that owns the row writes it,
 * with the exception of `pid`: a claim exchanges it from 0, the master takes it away when the process is gone.
 * All counters only grow, but `holds`.
 */
struct maitred_row {
    uint64_t pid;          /* 0: free. As seen in the master's pid namespace when they share one. */
    uint64_t start_time;   /* /proc/PID/stat field 22 (starttime): tells a reused pid; 0: not known */
    uint64_t taken;        /* connections taken from channels, by this process */
    uint64_t holds;        /* connections it has open now */
    uint64_t requests;     /* requests answered */
    uint64_t errors;       /* requests that failed, in the program's own judgement */
    uint64_t heartbeat_ns; /* CLOCK_MONOTONIC of the last turn of the program's own loop; 0: has none */
    uint64_t memory;       /* bytes the program wants to be judged by; 0: the master reads the RSS */
    uint64_t cpu_ns;       /* CPU time that the process used; 0: not said, the master reads it */
    uint64_t knocks;       /* knocks taken */
    uint64_t pid_namespace; /* inode of /proc/self/ns/pid; 0: not said. A number of another one means nothing to the master */
    uint64_t reserved[5];
};

/* ---- Layout: no compiler may read this differently ----------------------------------------------- */

_Static_assert(sizeof(struct maitred_packet) == MAITRED_PACKET_SIZE, "packet size");
_Static_assert(offsetof(struct maitred_packet, sequence) == 16, "packet.sequence");
_Static_assert(offsetof(struct maitred_packet, peer) == 32, "packet.peer");
_Static_assert(sizeof(struct maitred_control_head) == 16, "control head size");
_Static_assert(offsetof(struct maitred_control_head, stream) == 8, "control head.stream");
_Static_assert(sizeof(struct maitred_fetch) == 16, "fetch size");
_Static_assert(sizeof(struct maitred_listens) == 8, "listens size");
_Static_assert(sizeof(struct maitred_page_header) == 128, "page header size");
_Static_assert(offsetof(struct maitred_page_header, drain) == 16, "page header.drain");
_Static_assert(offsetof(struct maitred_page_header, doorbell) == 64, "doorbell on the second cache line");
_Static_assert(sizeof(struct maitred_row) == 128, "row size");
_Static_assert(offsetof(struct maitred_row, heartbeat_ns) == 48, "row.heartbeat_ns");
_Static_assert(sizeof(struct maitred_page_header) + MAITRED_ROW_COUNT * sizeof(struct maitred_row) ==
                   MAITRED_LATENCY_OFFSET, "latency right behind the rows");
_Static_assert(MAITRED_LATENCY_OFFSET % 64 == 0, "latency on cache lines of its own");
_Static_assert(MAITRED_LATENCY_OFFSET + MAITRED_LATENCY_COUNT * sizeof(uint64_t) == MAITRED_PAGE_SIZE,
               "latency ends with the page");

/* ---- The only ways to touch a page ---------------------------------------------------------------- */

static inline struct maitred_row *maitred_page_row(void *page, uint32_t index)
{
    return (struct maitred_row *)((char *)page + sizeof(struct maitred_page_header)) + index;
}

/* Sequentially consistent, not merely acquire: a look after arming the doorbell must not move before the arming. */
static inline uint64_t maitred_load(const uint64_t *field)
{
    return __atomic_load_n(field, __ATOMIC_SEQ_CST);
}

static inline void maitred_store(uint64_t *field, uint64_t value)
{
    __atomic_store_n(field, value, __ATOMIC_RELEASE);
}

static inline uint64_t maitred_add(uint64_t *field, uint64_t amount)
{
    return __atomic_add_fetch(field, amount, __ATOMIC_RELEASE);
}

static inline uint32_t maitred_load_word(const uint32_t *field)
{
    return __atomic_load_n(field, __ATOMIC_SEQ_CST);
}

static inline void maitred_store_word(uint32_t *field, uint32_t value)
{
    __atomic_store_n(field, value, __ATOMIC_SEQ_CST);
}

/*
 * A connection was taken. The hold is added first: a master that sees `taken` sees the hold too, so a
 * connection is never missing from queued + holds, at worst counted twice for an instant.
 */
static inline void maitred_row_took(struct maitred_row *row)
{
    __atomic_add_fetch(&row->holds, 1, __ATOMIC_RELEASE);
    __atomic_add_fetch(&row->taken, 1, __ATOMIC_RELEASE);
}

/* The counts of the page's latency histogram. */
static inline uint64_t *maitred_page_latency(void *page)
{
    return (uint64_t *)(void *)((char *)page + MAITRED_LATENCY_OFFSET);
}

/*
 * The bucket of a wait of `ns` nanoseconds: 0 below 1,024; 1 + 4 * k + q for the quarter q of the doubling that
 * begins at 1,024 * 2^k; the last for everything from its floor on (1.5 * 2^41 ns, about 55 minutes).
 */
static inline uint32_t maitred_latency_bucket(uint64_t ns)
{
    if (ns < (uint64_t)1 << MAITRED_LATENCY_FIRST_BITS)
        return 0;
    uint32_t exponent = 63 - (uint32_t)__builtin_clzll(ns);
    uint32_t quarter = (uint32_t)(ns >> (exponent - 2)) & 3;
    uint32_t bucket = 1 + 4 * (exponent - MAITRED_LATENCY_FIRST_BITS) + quarter;
    return bucket < MAITRED_LATENCY_COUNT ? bucket : MAITRED_LATENCY_COUNT - 1;
}

/* The shortest wait, in nanoseconds, that falls into a bucket; one beyond the last is taken for the last. */
static inline uint64_t maitred_latency_floor(uint32_t bucket)
{
    if (bucket == 0)
        return 0;
    if (bucket >= MAITRED_LATENCY_COUNT)
        bucket = MAITRED_LATENCY_COUNT - 1;
    uint32_t exponent = MAITRED_LATENCY_FIRST_BITS + (bucket - 1) / 4;
    return (uint64_t)(4 + (bucket - 1) % 4) << (exponent - 2);
}

/*
 * A connection was taken that the master had accepted at `accepted_ns` (of the packet), at `now_ns`, both of
 * CLOCK_MONOTONIC: counts it as maitred_row_took does, then how long it waited. A time of accept that is 0 or lies
 * in the future says nothing (the process may live in a time namespace of its own): then no wait is counted.
 */
static inline void maitred_page_took(void *page, struct maitred_row *row, uint64_t accepted_ns, uint64_t now_ns)
{
    maitred_row_took(row);
    if (accepted_ns == 0 || accepted_ns > now_ns)
        return;
    uint64_t *count = maitred_page_latency(page) + maitred_latency_bucket(now_ns - accepted_ns);
    __atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
}

/*
 * `count` connections were closed. Returns 1 when the master waits for a place and wants a
 * MAITRED_CONTROL_BELL: sequentially consistent against the master, which sets the doorbell and then reads
 * the rows again, so that one of the two always sees the other. Never lets `holds` pass below zero.
 */
static inline int maitred_row_closed(void *page, struct maitred_row *row, uint64_t count)
{
    struct maitred_page_header *header = (struct maitred_page_header *)page;
    uint64_t holds = __atomic_load_n(&row->holds, __ATOMIC_RELAXED);
    uint64_t left;
    do
        left = holds > count ? holds - count : 0;
    while (!__atomic_compare_exchange_n(&row->holds, &holds, left, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    if (__atomic_load_n(&header->doorbell, __ATOMIC_SEQ_CST) == 0)
        return 0;
    return __atomic_exchange_n(&header->doorbell, 0, __ATOMIC_SEQ_CST) == 1;
}

/*
 * Claims a free row for process `pid` and starts it with the connections the process inherited.
 * Returns its index, or -1 when every row is taken: such a process counts nothing.
 */
static inline int maitred_page_claim(void *page, uint64_t pid, uint64_t start_time, uint64_t inherited_holds)
{
    struct maitred_page_header *header = (struct maitred_page_header *)page;

    for (uint32_t index = 0; index < MAITRED_ROW_COUNT; index++) {
        struct maitred_row *row = maitred_page_row(page, index);
        uint64_t free_pid = 0;
        if (__atomic_load_n(&row->pid, __ATOMIC_RELAXED) != 0)
            continue;
        if (!__atomic_compare_exchange_n(&row->pid, &free_pid, pid, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        maitred_store(&row->start_time, start_time);
        maitred_store(&row->holds, inherited_holds);
        uint32_t high = __atomic_load_n(&header->high_water, __ATOMIC_RELAXED);
        while (high < index + 1 && !__atomic_compare_exchange_n(&header->high_water, &high, index + 1, 0,
                                                               __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            ;
        return (int)index;
    }
    return -1;
}

/* In the place of a pid: the master is about to free the row. No process has it. */
#define MAITRED_ROW_RETIRING UINT64_MAX

/*
 * Takes a row away from a process that is gone, before it is read for the last time and released. Master only. Returns
 * 0 when the row is somebody else's by now: a process that counted nothing gives it back by itself.
 */
static inline int maitred_row_retire(struct maitred_row *row, uint64_t pid)
{
    return __atomic_compare_exchange_n(&row->pid, &pid, MAITRED_ROW_RETIRING, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/*
 * Clears a row and frees it: the master, after maitred_row_retire, or its own process, when it has counted nothing.
 * The counters go first: a claim that succeeds finds them zero.
 */
static inline void maitred_row_release(struct maitred_row *row)
{
    maitred_store(&row->start_time, 0);
    maitred_store(&row->taken, 0);
    maitred_store(&row->holds, 0);
    maitred_store(&row->requests, 0);
    maitred_store(&row->errors, 0);
    maitred_store(&row->heartbeat_ns, 0);
    maitred_store(&row->memory, 0);
    maitred_store(&row->cpu_ns, 0);
    maitred_store(&row->knocks, 0);
    maitred_store(&row->pid_namespace, 0);
    maitred_store(&row->pid, 0);
}

#endif
