/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fuzzing without libFuzzer: mutations of valid inputs, the same in every run.
 *
 *     fuzz [--seed N] RUNS     so many inputs
 *     fuzz FILE ...            these inputs, as a failure has left them or libFuzzer found them
 *     fuzz --write DIRECTORY   the valid inputs as files, for libFuzzer to begin with
 */
#include "fuzz.h"

#include <err.h>
#include <netinet/in.h>
#include <sanitizer/asan_interface.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define MOST_BYTES 4096

struct bytes {
    size_t length;
    uint8_t content[MOST_BYTES];
};

/* ---- Valid inputs --------------------------------------------------------------------------------- */

#define MOST_SEEDS 64

static struct bytes seeds[MOST_SEEDS];
static unsigned seed_count;

static void add(struct bytes *bytes, const void *content, size_t length)
{
    if (bytes->length + length > MOST_BYTES)
        errx(1, "a seed is too long");
    memcpy(bytes->content + bytes->length, content, length);
    bytes->length += length;
}

static void add_text(struct bytes *bytes, const char *text)
{
    add(bytes, text, strlen(text));
}

static void add_number(struct bytes *bytes, uint64_t number, size_t length)
{
    for (size_t i = 0; i < length; i++)
        add(bytes, &(uint8_t){(uint8_t)(number >> (8 * i))}, 1);
}

static void add_packet(struct bytes *bytes, unsigned descriptors, const void *content, size_t length)
{
    add_number(bytes, descriptors, 1);
    add_number(bytes, length, 2);
    add(bytes, content, length);
}

static struct bytes *new_seed(enum target target)
{
    struct bytes *seed = &seeds[seed_count++];
    if (seed_count > MOST_SEEDS)
        errx(1, "too many seeds");
    add_number(seed, target, 1);
    return seed;
}

static void seed_text(enum target target, const char *text)
{
    add_text(new_seed(target), text);
}

static void seed_open(void)
{
    struct maitred_fetch head = {
        .magic = MAITRED_FETCH_MAGIC, .version = MAITRED_WIRE_VERSION, .worker = 7, .entrances = 2};

    /* A whole text is `keeps`, then a line for each variable. */
    seed_text(TARGET_OPEN, "a0:E\n\nC\nP\n1\n0\n\n");
    seed_text(TARGET_OPEN, "`0:E,1:F\n\nC\nP\n12\n3\n\n");
    seed_text(TARGET_OPEN, "`\n0:L\nC\nP\n1\n0\n\n");
    seed_text(TARGET_OPEN, "`0:E\n\nC\nQ\n1\n0\n\n");
    /* The second one's page is none. */
    for (unsigned descriptors = 4; descriptors < 0x100; descriptors += 0x80) {
        struct bytes *seed = new_seed(TARGET_OPEN);
        add_text(seed, "`0:99:1,1:98:1\n\nC\nP\n1\n0\n@0001\n");
        add_packet(seed, descriptors, &head, sizeof head);
    }
}

/* One listener more than there may be, and a master that does not know the process. */
static void seed_refusals(void)
{
    struct maitred_fetch nobody = {.magic = MAITRED_FETCH_MAGIC, .version = MAITRED_WIRE_VERSION};
    struct bytes *seed = new_seed(TARGET_OPEN);

    add_text(seed, "`0:E");
    for (int index = 1; index <= MAITRED_LISTENER_MAX; index++) {
        char entry[16];
        snprintf(entry, sizeof entry, ",%d:F", index);
        add_text(seed, entry);
    }
    add_text(seed, "\n\nC\nP\n1\n0\n\n");
    seed = new_seed(TARGET_OPEN);
    add_text(seed, "`0:99:1\n\nC\nP\n1\n0\n@0001\n");
    add_packet(seed, 0, &nobody, sizeof nobody);
}

static void seed_packets(void)
{
    struct maitred_packet packet = {
        .magic = MAITRED_PACKET_MAGIC, .version = MAITRED_WIRE_VERSION, .peer_length = sizeof(struct sockaddr_in),
        .sequence = 1, .accepted_ns = 1000, .peer = {AF_INET}};
    struct maitred_packet knock = packet;
    struct maitred_control_head drain = {.version = MAITRED_WIRE_VERSION, .type = MAITRED_CONTROL_DRAIN};
    struct maitred_fetch nobody = {.magic = MAITRED_FETCH_MAGIC, .version = MAITRED_WIRE_VERSION}, head = nobody;
    struct {
        struct maitred_control_head head;
        char body[20];
    } message = {.head = {.version = MAITRED_WIRE_VERSION, .type = MAITRED_CONTROL_MESSAGE, .flags = 1}};

    knock.flags = MAITRED_PACKET_KNOCK;
    struct bytes *take = new_seed(TARGET_TAKE);
    add_number(take, 0, 1);
    add_packet(take, 0, &knock, sizeof knock);
    add_packet(take, 1, &packet, sizeof packet);
    add_packet(take, 2, &packet, sizeof packet);
    struct bytes *receive = new_seed(TARGET_RECEIVE);
    add_number(receive, 64, 2);
    add_packet(receive, 0, &message, sizeof message);
    add_packet(receive, 1, &drain, sizeof drain);
    for (unsigned entrances = 0; entrances < 40; entrances += 13) {
        head.worker = head.entrances = entrances;
        add_packet(new_seed(TARGET_FETCH), entrances + 2, &head, sizeof head);
    }
    add_packet(new_seed(TARGET_FETCH), 0, &nobody, sizeof nobody);
    struct bytes *linux_receive = new_seed(TARGET_LINUX_RECEIVE);
    add_number(linux_receive, 64, 2);
    add_number(linux_receive, 1, 1);
    add_packet(linux_receive, 3, &packet, sizeof packet);
    add_packet(linux_receive, 1, &message, sizeof message);
}

static void seed_page(void)
{
    static const uint8_t steps[] = {
        0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0,                        /* the doorbell is set */
        1, 232, 3, 0, 0, 0, 0, 0, 0, 208, 7, 0, 0, 0, 0, 0, 0,  /* taken after 1,000 ns */
        2, 1, 0, 0, 0,                                          /* closed */
        3, 1, 3, 2, 5, 9, 0, 0, 0, 0, 0, 0, 0, 6, 4, 7, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    };
    struct maitred_page_header head = {
        .magic = MAITRED_PAGE_MAGIC, .version = MAITRED_WIRE_VERSION, .row_count = MAITRED_ROW_COUNT,
        .row_size = sizeof(struct maitred_row)};
    struct bytes *seed = new_seed(TARGET_PAGE);

    add_number(seed, sizeof head, 1);
    add(seed, &head, sizeof head);
    add_number(seed, 0, 8);
    add(seed, steps, sizeof steps);
}

static void seed_addresses(void)
{
    static const char listeners[] = "web=127.0.0.1:8080,six=[::1]:8081,sock=unix:/run/a%2Cb.sock,any=0.0.0.0:8082\n";
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(8080)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(8081)};
    struct sockaddr_un file = {.sun_family = AF_UNIX, .sun_path = "/run/a,b.sock"};
    const struct {
        const void *address;
        size_t length;
    } addresses[] = {{&v4, sizeof v4}, {&v6, sizeof v6}, {&file, sizeof file}};

    for (uint64_t i = 0; i < 3; i++) {
        struct bytes *seed = new_seed(TARGET_LISTENERS);
        add_text(seed, listeners);
        add_text(seed, i == 0 ? "any\n" : "9000\n");
        add_text(seed, "/run/a,b.sock\n");
        add(seed, addresses[i].address, addresses[i].length);
        seed = new_seed(TARGET_BIND);
        add_number(seed, i, 1);
        add_number(seed, addresses[i].length, 1);
        add(seed, addresses[i].address, addresses[i].length);
        add_text(seed, listeners);
        add_text(seed, "\n0:E,1:F,2:L\n");
    }
    seed_text(TARGET_INHERITED, "0:F,1:E\n\na=127.0.0.1:80,b=unix:/x\n/lib/a.so:/lib/b.so /lib/a.so\n/lib/a.so\n");
    seed_text(TARGET_INHERITED, "\n0:E\na=[fe80::1%25eth0]:80\n/lib/a.so\n/lib/a.so\n");
}

static void make_seeds(void)
{
    seed_open();
    seed_refusals();
    seed_packets();
    seed_page();
    seed_addresses();
}

/* ---- Mutations ------------------------------------------------------------------------------------ */

static uint64_t random_state;

/* SplitMix64. */
static uint64_t next_random(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static size_t below(size_t limit)
{
    return limit == 0 ? 0 : (size_t)(next_random() % limit);
}

/* Bytes that mean something to somebody. */
static const uint8_t telling[] = {0, 1, 2, 4, 16, 0x7f, 0x80, 0xff, '\n', '%', ',', ':', '=', '[', ']', '/', '0', '9',
                                  '@', 'E', 'C', 'P', 'L', '-', ' ', '.'};

/* Makes room for, or takes away, `length` bytes at a place. */
static void resize(struct bytes *bytes, size_t at, size_t removed, size_t inserted)
{
    size_t rest = bytes->length - at - removed;
    if (at + inserted + rest > MOST_BYTES)
        return;
    memmove(bytes->content + at + inserted, bytes->content + at + removed, rest);
    if (inserted > removed)
        memset(bytes->content + at + removed, telling[below(sizeof telling)], inserted - removed);
    bytes->length = at + inserted + rest;
}

static void mutate(struct bytes *bytes)
{
    /* The first byte stays: what is parsed was chosen with the seed. */
    size_t at = bytes->length > 1 ? 1 + below(bytes->length - 1) : bytes->length, left = bytes->length - at;
    const struct bytes *other = &seeds[below(seed_count)];
    size_t from = below(other->length), count = below(other->length - from);

    switch (next_random() % 7) {
    case 0:
        if (left > 0)
            bytes->content[at] ^= (uint8_t)(1 << below(8));
        break;
    case 1:
        if (left > 0)
            bytes->content[at] = telling[below(sizeof telling)];
        break;
    case 2:
        resize(bytes, at, below(left < 16 ? left + 1 : 16), 0);
        break;
    case 3:
        resize(bytes, at, 0, below(16));
        break;
    case 4:
        resize(bytes, at, 0, below(8) == 0 ? below(1024) : 1);
        break;
    case 5:
        bytes->length = at;
        break;
    default:
        /* A part of another input. */
        if (at + count <= MOST_BYTES) {
            memcpy(bytes->content + at, other->content + from, count);
            bytes->length = at + count > bytes->length ? at + count : bytes->length;
        }
    }
}

/* ---- Running -------------------------------------------------------------------------------------- */

static struct bytes current;
static const char *program;

/* Leaves the input that failed beside this program, where it can be run again. */
static void save_current(void)
{
    char name[4096];
    snprintf(name, sizeof name, "%s.failed", program);
    FILE *file = fopen(name, "w");

    if (file == NULL || fwrite(current.content, 1, current.length, file) != current.length || fclose(file) != 0)
        warn("%s", name);
    else
        fprintf(stderr, "fuzz: the input is in %s\n", name);
}

/* Nothing may wait. */
static void took_too_long(int signal)
{
    (void)signal;
    abort();
}

static void run_current(void)
{
    /* A heap allocation of its own: reads beyond it are seen. */
    uint8_t *copy = malloc(current.length > 0 ? current.length : 1);
    if (copy == NULL)
        err(1, "malloc");
    memcpy(copy, current.content, current.length);
    LLVMFuzzerTestOneInput(copy, current.length);
    free(copy);
}

static void run_file(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        err(1, "%s", path);
    current.length = fread(current.content, 1, MOST_BYTES, file);
    fclose(file);
    run_current();
}

static void write_seeds(const char *directory)
{
    char path[4096];

    for (unsigned i = 0; i < seed_count; i++) {
        snprintf(path, sizeof path, "%s/seed-%02u", directory, i);
        FILE *file = fopen(path, "w");
        if (file == NULL || fwrite(seeds[i].content, 1, seeds[i].length, file) != seeds[i].length || fclose(file) != 0)
            err(1, "%s", path);
    }
}

static void run_mutations(unsigned long runs)
{
    for (unsigned long run = 0; run < runs; run++) {
        current = seeds[run % seed_count];
        /* First the seeds as they are. */
        for (size_t count = run < seed_count ? 0 : 1 + below(6); count > 0; count--)
            mutate(&current);
        alarm(20);
        run_current();
    }
    printf("fuzz: %lu inputs\n", runs);
}

const char *__asan_default_options(void)
{
    return "handle_abort=1:strict_string_checks=1:detect_stack_use_after_return=1";
}

int main(int count, char **arguments)
{
    program = arguments[0];
    signal(SIGALRM, took_too_long);
    make_seeds();
    __sanitizer_set_death_callback(save_current);
    if (count == 3 && strcmp(arguments[1], "--write") == 0) {
        write_seeds(arguments[2]);
        return 0;
    }
    if (count > 2 && strcmp(arguments[1], "--seed") == 0) {
        random_state = strtoull(arguments[2], NULL, 10);
        arguments += 2;
        count -= 2;
    }
    if (count == 2 && strspn(arguments[1], "0123456789") == strlen(arguments[1])) {
        run_mutations(strtoul(arguments[1], NULL, 10));
        return 0;
    }
    for (int i = 1; i < count; i++)
        run_file(arguments[i]);
    return 0;
}
