/* SPDX-License-Identifier: Apache-2.0 */

#include "maitred_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <stdalign.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * From clone to exec. What holds in the child, between the two:
 *
 * 1. A child that stays the same user runs in its parent's memory while the parent waits (CLONE_VM | CLONE_VFORK), on a
 *    stack of its own. One that changes its user gets a copy: memory of a privileged process has no business in a
 *    process that others may signal, and a parent that waits for it without a limit could be held up by a SIGSTOP.
 * 2. It makes system calls and nothing else. The C library's setresuid(2) would try to take all threads along, a
 *    sanitizer would write down its descriptors as the parent's.
 * 3. All signals are blocked until none has a handler any more.
 * 4. Descriptors come before the user: what may be traced or stopped holds nothing but its own.
 * 5. A step that fails is written to a pipe that an exec closes. End of file means that the program runs, or that the
 *    child was killed before: then its pidfd says so.
 */

_Static_assert(sizeof(long) == 8, "calls with 16-bit ids, which older architectures have, are not what is meant");

#if defined(__has_attribute) && __has_attribute(disable_sanitizer_instrumentation)
#define IN_CHILD __attribute__((disable_sanitizer_instrumentation))
#else
#define IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined")))
#endif

/*
 * clone(3) by glibc's other name for it: a thread sanitizer puts a function of its own in place of the first, and that
 * does its bookkeeping in the child, in the parent's memory.
 */
extern int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);

#define FIRST_SOURCE 3
#define MOST_SOURCES 64

/* The child's few frames, unoptimised ones too, need some hundred bytes. */
#define STACK_BYTES 16384

/* How long a child that changes its user may need to its exec: a cold disk under load, and no more. */
#define START_MS 2000

struct placement {
    int source;
    int target;
};

/* What the parent prepares. Every source is above `end`, so no step destroys a later one. */
struct start {
    const struct maitred_linux_child *child;
    const char *path;
    char *const *arguments;
    char *const *environment;
    const gid_t *groups;
    struct placement placements[MOST_SOURCES + 2];
    size_t count;
    int end;    /* the first number that the program does not get; the child's report, until the exec */
    int report; /* the pipe's end for writing, in the parent's numbers */
};

struct report {
    enum maitred_linux_spawn_step step;
    int error;
};

/* In the child. */

IN_CHILD static void reset_dispositions(void)
{
    /* The kernel's struct sigaction, which is shorter than this: SIG_DFL, no flags, an empty mask. */
    const unsigned long none[8] = {0};

    /* The C library's own two included. SIGKILL and SIGSTOP refuse. */
    for (int signal = 1; signal <= 64; signal++)
        (void)syscall(SYS_rt_sigaction, signal, none, NULL, sizeof(uint64_t));
}

IN_CHILD static long place_descriptors(const struct start *start)
{
    (void)syscall(SYS_close, STDIN_FILENO);
    /* The lowest free number. */
    if (syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY, 0) < 0)
        return -1;
    for (size_t i = 0; i < start->count; i++) {
        if (syscall(SYS_dup3, start->placements[i].source, start->placements[i].target, 0) < 0)
            return -1;
    }
    return syscall(SYS_close_range, start->end + 1, ~0U, 0);
}

/* Groups first: without the user's rights they cannot be changed any more. */
IN_CHILD static long change_user(const struct maitred_linux_child *child, const gid_t *groups)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    if (syscall(SYS_setgroups, child->group_count, groups) < 0 ||
        syscall(SYS_setresgid, child->group, child->group, child->group) < 0 ||
        syscall(SYS_setresuid, child->user, child->user, child->user) < 0)
        return -1;
    /* Leaving user 0 takes them away, unless securebits say otherwise or it was not user 0 that had them. */
    return child->user == 0 ? 0 : syscall(SYS_capset, &header, none);
}

/* Whether user 0 or group 0 can be had back. Also true of an id of -1, which the calls above take as "leave it". */
IN_CHILD static int can_change_back(const struct maitred_linux_child *child)
{
    if (child->user == 0)
        return 0;
    return syscall(SYS_setresuid, -1, 0, -1) == 0 || (child->group != 0 && syscall(SYS_setresgid, -1, 0, -1) == 0);
}

/* Returns when a step failed: which, with errno set. */
IN_CHILD static enum maitred_linux_spawn_step run(const struct start *start)
{
    const struct maitred_linux_child *child = start->child;
    const uint64_t no_signals = 0;

    reset_dispositions();
    if (syscall(SYS_setpgid, 0, 0) < 0)
        return MAITRED_LINUX_SPAWN_PROCESS;
    if (place_descriptors(start) < 0)
        return MAITRED_LINUX_SPAWN_DESCRIPTORS;
    if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &child->descriptor_limit, NULL) < 0)
        return MAITRED_LINUX_SPAWN_LIMIT;
    if (child->changes_user) {
        if (change_user(child, start->groups) < 0)
            return MAITRED_LINUX_SPAWN_USER;
        if (can_change_back(child)) {
            errno = EPERM;
            return MAITRED_LINUX_SPAWN_PRIVILEGE;
        }
    }
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof no_signals);
    (void)syscall(SYS_execve, start->path, start->arguments, start->environment);
    return MAITRED_LINUX_SPAWN_EXECUTE;
}

IN_CHILD static int child_main(void *argument)
{
    const struct start *start = argument;
    struct report report;

    /* Cannot fail: the parent has made one of a higher number. */
    (void)syscall(SYS_dup3, start->report, start->end, O_CLOEXEC);
    report.step = run(start);
    report.error = errno;
    (void)syscall(SYS_write, start->end, &report, sizeof report);
    /* To clone(3), which exits with it. */
    return 127;
}

/* In the parent. */

static int duplicate_above(const struct start *start, int source)
{
    return fcntl(source, F_DUPFD_CLOEXEC, start->end + 1);
}

static int add_placement(struct start *start, int source, int target)
{
    int raised = duplicate_above(start, source);
    if (raised < 0)
        return -1;
    start->placements[start->count++] = (struct placement){.source = raised, .target = target};
    return 0;
}

static int add_placements(struct start *start, const int *sources)
{
    const struct maitred_linux_child *child = start->child;

    if (child->standard_output >= 0 && add_placement(start, child->standard_output, STDOUT_FILENO) < 0)
        return -1;
    if (child->standard_error >= 0 && add_placement(start, child->standard_error, STDERR_FILENO) < 0)
        return -1;
    for (size_t i = 0; i < child->source_count; i++) {
        if (add_placement(start, sources[i], FIRST_SOURCE + (int)i) < 0)
            return -1;
    }
    return 0;
}

/* Returns the reading end of the pipe for the child's report. */
static int open_report(struct start *start)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    start->report = duplicate_above(start, ends[1]);
    int error = errno;
    close(ends[1]);
    if (start->report < 0) {
        close(ends[0]);
        errno = error;
        return -1;
    }
    return ends[0];
}

static void close_prepared(const struct start *start)
{
    for (size_t i = 0; i < start->count; i++)
        close(start->placements[i].source);
    if (start->report >= 0)
        close(start->report);
}

static int create_process(struct start *start, pid_t *ret_pid)
{
    alignas(16) char stack[STACK_BYTES];
    int memory = start->child->changes_user ? 0 : CLONE_VM | CLONE_VFORK;
    int pidfd = -1;

    pid_t pid = __clone(child_main, stack + sizeof stack, memory | CLONE_PIDFD | SIGCHLD, start, &pidfd, NULL, NULL);
    if (pid < 0)
        return -1;
    *ret_pid = pid;
    return pidfd;
}

/* Waits for the exec. When it fails the child is gone, its pidfd closed, and errno the child's. */
static int await_exec(int reader, int pidfd, enum maitred_linux_spawn_step *ret_step)
{
    struct report report = {.step = MAITRED_LINUX_SPAWN_TIME, .error = ETIMEDOUT};
    struct pollfd entry = {.fd = reader, .events = POLLIN};
    siginfo_t info;

    int ready = poll(&entry, 1, START_MS);
    if (ready == 1 && read(reader, &report, sizeof report) == 0)
        return 0;
    /* It ends by itself, unless somebody stopped it. */
    (void)maitred_linux_pidfd_send_signal(pidfd, SIGKILL);
    /* One that hangs in a file system may not even end now. */
    if (ready == 1)
        (void)waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED);
    close(pidfd);
    *ret_step = report.step;
    errno = report.error;
    return -1;
}

static int start_prepared(struct start *start, int reader, pid_t *ret_pid, enum maitred_linux_spawn_step *ret_step)
{
    *ret_step = MAITRED_LINUX_SPAWN_PROCESS;
    int pidfd = create_process(start, ret_pid);
    int error = errno;
    /* The child's is the only one left: the reader sees its end. */
    close_prepared(start);
    start->count = 0;
    start->report = -1;
    errno = error;
    if (pidfd < 0 || await_exec(reader, pidfd, ret_step) < 0)
        return -1;
    return pidfd;
}

int maitred_linux_spawn(const struct maitred_linux_child *child, const char *path, char *const arguments[],
                        char *const environment[], const int *sources, const gid_t *groups, pid_t *ret_pid,
                        enum maitred_linux_spawn_step *ret_step)
{
    const uint64_t all_signals = ~UINT64_C(0);
    uint64_t own_signals;
    int pidfd = -1;

    *ret_step = MAITRED_LINUX_SPAWN_DESCRIPTORS;
    if (child->source_count > MOST_SOURCES) {
        errno = E2BIG;
        return -1;
    }
    struct start start = {.child = child, .path = path, .arguments = arguments, .environment = environment,
                          .groups = groups, .end = FIRST_SOURCE + (int)child->source_count, .report = -1};
    /* The C library's own two as well, which pthread_sigmask(3) leaves out. To the end: so no step is interrupted. */
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all_signals, &own_signals, sizeof all_signals);
    int reader = open_report(&start);
    if (reader >= 0 && add_placements(&start, sources) == 0)
        pidfd = start_prepared(&start, reader, ret_pid, ret_step);
    int error = errno;
    close_prepared(&start);
    if (reader >= 0)
        close(reader);
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &own_signals, NULL, sizeof own_signals);
    errno = error;
    return pidfd;
}
