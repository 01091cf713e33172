/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One input.
 *
 *  1. Nothing is read or written that it should not be: the sanitizers see to that. Texts, addresses and buffers are
 *     allocations of exactly their size.
 *  2. Afterwards there is not one descriptor more than before.
 */
#include "fuzz.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct stage stage;
struct maitred_page_header *stage_page;

/* What stays open: they are copied for each input, because that costs less than to create them. */
static struct stage originals;
static int first_free;

/* Where the preload library keeps what the program must not see. */
#define FIRST_OWN 512

/* Numbers that are looked at from each of the two beginnings on: more than an input can use up. */
#define MOST_LEFT 128
static struct pollfd entries_before[2 * MOST_LEFT];

void require(int is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "fuzz: %s\n", what);
    abort();
}

/* ---- Inputs --------------------------------------------------------------------------------------- */

uint64_t input_number(struct input *input, size_t bytes)
{
    uint64_t number = 0;

    for (size_t i = 0; i < bytes && input->left > 0; i++, input->left--)
        number |= (uint64_t)*input->next++ << (8 * i);
    return number;
}

uint8_t *input_bytes(struct input *input, size_t most, size_t *ret_length)
{
    size_t length = input->left < most ? input->left : most;
    uint8_t *bytes = malloc(length > 0 ? length : 1);

    require(bytes != NULL, "no memory");
    memcpy(bytes, input->next, length);
    input->next += length;
    input->left -= length;
    *ret_length = length;
    return bytes;
}

char *input_line(struct input *input)
{
    const uint8_t *end = memchr(input->next, '\n', input->left);
    size_t length = end == NULL ? input->left : (size_t)(end - input->next);
    char *line = malloc(length + 1);

    require(line != NULL, "no memory");
    memcpy(line, input->next, length);
    line[length] = '\0';
    length += end != NULL;
    input->next += length;
    input->left -= length;
    return line;
}

/* ---- Variables ------------------------------------------------------------------------------------ */

#define MOST_VARIABLES 16

static char *variables[MOST_VARIABLES + 1], *owned[MOST_VARIABLES];
static int variable_count;

extern char **environ;

static int descriptor_of(char letter)
{
    switch (letter) {
    case 'E': return stage.channels[0];
    case 'F': return stage.channels[1];
    case 'C': return stage.control;
    case 'P': return stage.page;
    case 'Q': return stage.unsealed;
    case 'L': return stage.listener;
    default: return -1;
    }
}

/* Appends to a text of `size` bytes what a letter stands for. */
static size_t expand(char letter, char *text, size_t size)
{
    struct stat status;
    int fd = descriptor_of(letter);

    if (fd < 0 || fstat(fd, &status) < 0)
        return (size_t)snprintf(text, size, "%c", letter);
    return (size_t)snprintf(text, size, "%d:%llu", fd, (unsigned long long)status.st_ino);
}

void stage_set(const char *name, const char *text)
{
    size_t size = strlen(name) + 2 + strlen(text) * 32, used;
    char *whole = malloc(size);

    require(whole != NULL && variable_count < MOST_VARIABLES, "no room for a variable");
    used = (size_t)snprintf(whole, size, "%s=", name);
    for (const char *next = text; *next != '\0'; next++)
        used += expand(*next, whole + used, size - used);
    if (*text != '\0') {
        /* Not a byte more than the text needs. */
        variables[variable_count] = owned[variable_count] = strdup(whole);
        variable_count++;
    }
    free(whole);
}

static void unset_all(void)
{
    while (variable_count > 0) {
        free(owned[--variable_count]);
        variables[variable_count] = NULL;
    }
}

/* ---- The stage ------------------------------------------------------------------------------------ */

void stage_send(struct input *input, int fd, unsigned most)
{
    while (input->left > 0) {
        int descriptors[64];
        union {
            struct cmsghdr header;
            char bytes[CMSG_SPACE(sizeof descriptors)];
        } control = {.bytes = {0}};
        uint64_t kind = input_number(input, 1);
        size_t count = (kind & 0x7f) % (most + 1), length;
        uint8_t *bytes = input_bytes(input, input_number(input, 2), &length);
        struct iovec part = {.iov_base = bytes, .iov_len = length};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

        for (size_t i = 0; i < count; i++)
            descriptors[i] = i + 1 < count ? stage.channels[0] : kind & 0x80 ? stage.unsealed : stage.page;
        if (count > 0) {
            message.msg_control = &control;
            message.msg_controllen = CMSG_SPACE(count * sizeof(int));
            control.header.cmsg_level = SOL_SOCKET;
            control.header.cmsg_type = SCM_RIGHTS;
            control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
            memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof(int));
        }
        ssize_t sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        free(bytes);
        if (sent < 0)
            return;
    }
}

static void make_pair(int *ret_end, int *ret_peer)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        err(1, "socketpair");
    *ret_end = ends[0];
    *ret_peer = ends[1];
}

static int make_memory(int seals)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, MAITRED_PAGE_SIZE) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
        err(1, "memfd_create");
    return fd;
}

/* What is open. In one call: what is not open is not valid to poll(2). */
static void look(struct pollfd *ret_entries)
{
    for (int i = 0; i < MOST_LEFT; i++) {
        ret_entries[i] = (struct pollfd){.fd = first_free + i};
        ret_entries[MOST_LEFT + i] = (struct pollfd){.fd = FIRST_OWN + i};
    }
    poll(ret_entries, 2 * MOST_LEFT, 0);
}

static void check_descriptors(void)
{
    struct pollfd entries[2 * MOST_LEFT];

    look(entries);
    for (int i = 0; i < 2 * MOST_LEFT; i++)
        require((entries[i].revents & POLLNVAL) == (entries_before[i].revents & POLLNVAL),
                "a descriptor was left behind, or one too many was closed");
}

static void prepare(void)
{
    originals.page = make_memory(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    originals.unsealed = make_memory(F_SEAL_GROW);
    originals.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (originals.listener < 0 || listen(originals.listener, 1) < 0)
        err(1, "listener");
    stage_page = mmap(NULL, MAITRED_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, originals.page, 0);
    if (stage_page == MAP_FAILED)
        err(1, "mmap");
    first_free = fcntl(0, F_DUPFD_CLOEXEC, 3);
    close(first_free);
    look(entries_before);
}

static void build(void)
{
    memset(stage_page, 0, MAITRED_PAGE_SIZE);
    stage_page->magic = MAITRED_PAGE_MAGIC;
    stage_page->version = MAITRED_WIRE_VERSION;
    stage_page->row_count = MAITRED_ROW_COUNT;
    stage_page->row_size = sizeof(struct maitred_row);
    for (int i = 0; i < 2; i++)
        make_pair(&stage.channels[i], &stage.channel_peers[i]);
    make_pair(&stage.control, &stage.control_peer);
    stage.page = dup(originals.page);
    stage.unsealed = dup(originals.unsealed);
    stage.listener = dup(originals.listener);
    /* The one thing that an input may change of what stays. */
    fcntl(stage.listener, F_SETFL, O_NONBLOCK);
}

/* Closes what belongs to the stage, some of which the input may have closed or moved. */
static void tear_down(const int *own_first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(own_first[i]);
}

/* ---- One input ------------------------------------------------------------------------------------ */

static void (*const targets[TARGET_COUNT])(struct input *) = {
    [TARGET_OPEN] = fuzz_open,
    [TARGET_PAGE] = fuzz_page,
    [TARGET_TAKE] = fuzz_take,
    [TARGET_RECEIVE] = fuzz_receive,
    [TARGET_FETCH] = fuzz_fetch,
    [TARGET_LINUX_RECEIVE] = fuzz_linux_receive,
    [TARGET_LISTENERS] = fuzz_listeners,
    [TARGET_BIND] = fuzz_bind,
    [TARGET_INHERITED] = fuzz_inherited,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.next = data, .left = size};
    char **own_environment = environ;

    if (size == 0)
        return 0;
    if (stage_page == NULL)
        prepare();
    build();
    environ = variables;
    targets[input_number(&input, 1) % TARGET_COUNT](&input);
    environ = own_environment;
    unset_all();
    tear_down((const int *)&stage, sizeof stage / sizeof(int));
    check_descriptors();
    return 0;
}
