/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Counts what a program allocates, from outside and while it runs. Preloaded (LD_PRELOAD), it stands before the C
 * library's allocator and counts every call in a file, which somebody else reads whenever they like:
 *
 *     offset 0   allocations so far (uint64)
 *     offset 8   allocations whose stack is still to be shown (int64); whoever wants to see some writes a number here
 *
 * The file's name is in COUNT_MALLOC. Stacks go to the same name with ".stacks". Programs that this one starts are
 * not counted: both variables are removed from its environment. For glibc, whose own names for the originals it uses.
 */
#include <execinfo.h>
#include <fcntl.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST_FRAMES 24

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

struct counts {
    uint64_t allocations;
    int64_t stacks_wanted;
};

static struct counts *counts;
static int stacks = -1;
/* Writing a stack may allocate: that is not the program's doing. */
static __thread int is_ours;

static void show_stack(void)
{
    void *frames[MOST_FRAMES];

    is_ours = 1;
    int count = backtrace(frames, MOST_FRAMES);
    backtrace_symbols_fd(frames, count, stacks);
    if (write(stacks, "\n", 1) < 0)
        stacks = -1;
    is_ours = 0;
}

static void count_one(void)
{
    if (counts == NULL || is_ours)
        return;
    __atomic_add_fetch(&counts->allocations, 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&counts->stacks_wanted, __ATOMIC_RELAXED) > 0 &&
        __atomic_fetch_sub(&counts->stacks_wanted, 1, __ATOMIC_RELAXED) > 0)
        show_stack();
}

__attribute__((constructor)) static void begin(void)
{
    char name[4096];
    void *frames[1];

    const char *path = getenv("COUNT_MALLOC");
    if (path == NULL)
        return;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof *counts) < 0)
        return;
    void *memory = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    snprintf(name, sizeof name, "%s.stacks", path);
    stacks = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    /* The first call loads the unwinder, which allocates. */
    backtrace(frames, 1);
    unsetenv("LD_PRELOAD");
    unsetenv("COUNT_MALLOC");
    if (memory != MAP_FAILED)
        counts = memory;
}

void *malloc(size_t size)
{
    count_one();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    count_one();
    return __libc_calloc(count, size);
}

void *realloc(void *pointer, size_t size)
{
    count_one();
    return __libc_realloc(pointer, size);
}

void *memalign(size_t alignment, size_t size)
{
    count_one();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count_one();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **ret_pointer, size_t alignment, size_t size)
{
    count_one();
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    void *pointer = __libc_memalign(alignment, size);
    if (pointer == NULL)
        return ENOMEM;
    *ret_pointer = pointer;
    return 0;
}
