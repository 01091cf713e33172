/* SPDX-License-Identifier: Apache-2.0 */

/* How a process becomes a worker: the environment, the page, the row, and what fork does to it. */
#include "maitred_worker.h"

#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The one worker of this process: written by maitred_worker_open, read by the handlers of fork. */
static struct maitred_worker the_worker;
static int is_open; /* atomic */

static char problem[256] = "nothing was opened yet";

const char *maitred_worker_problem(void)
{
    return problem;
}

__attribute__((format(printf, 2, 3))) static int fail(int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem, sizeof problem, format, arguments);
    va_end(arguments);
    return error;
}

/* ---- Environment ---------------------------------------------------------------------------------- */

/* "NAME=VALUE" of all that begins with MAITRED_, one behind the other, an empty one at the end; NULL: nothing kept. */
static char *kept;

extern char **environ;

void maitred_worker_keep_environment(void)
{
    size_t size = 1;

    for (char **entry = environ; entry != NULL && *entry != NULL; entry++)
        if (strncmp(*entry, "MAITRED_", 8) == 0)
            size += strlen(*entry) + 1;
    char *next = size > 1 ? malloc(size) : NULL;
    if (next == NULL)
        return;
    kept = next;
    for (char **entry = environ; *entry != NULL; entry++)
        if (strncmp(*entry, "MAITRED_", 8) == 0)
            next = stpcpy(next, *entry) + 1;
    *next = '\0';
}

const char *maitred_worker_variable(const char *name)
{
    size_t length = strlen(name);

    for (const char *entry = kept; entry != NULL && *entry != '\0'; entry += strlen(entry) + 1)
        if (strncmp(entry, name, length) == 0 && entry[length] == '=')
            return entry + length + 1;
    return kept != NULL ? NULL : getenv(name);
}

/* Reads digits at *text and goes behind them: 0 to `most`, or -1. */
static long long number_at(const char **text, long long most)
{
    char *end;

    if (**text < '0' || **text > '9')
        return -1;
    errno = 0;
    long long number = strtoll(*text, &end, 10);
    if (errno != 0 || number > most)
        return -1;
    *text = end;
    return number;
}

static int read_number(const char *variable, long long least, unsigned *ret_number)
{
    const char *text = maitred_worker_variable(variable), *rest = text;
    long long number = text == NULL ? -1 : number_at(&rest, 1 << 30);

    if (number < least || *rest != '\0')
        return fail(-EINVAL, "%s: '%.40s' is not a number from %lld", variable, text == NULL ? "" : text, least);
    *ret_number = (unsigned)number;
    return 0;
}

/* ---- Descriptors ---------------------------------------------------------------------------------- */

static int keep_from_children(const char *variable, int fd)
{
    int flags = fcntl(fd, F_GETFD);
    if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
        return fail(-errno, "%s: cannot keep descriptor %d from the programs that this one starts", variable, fd);
    return 0;
}

/* Reads "fd:inode" and checks that the descriptor is still the one that is meant. 0 or -errno. */
static int find(const char *variable, const char **text, int *ret_fd)
{
    struct stat status;
    const char *start = *text;

    long long fd = number_at(text, 1 << 30);
    long long inode = fd >= 0 && **text == ':' ? (++*text, number_at(text, INT64_MAX)) : -1;
    if (inode < 0)
        return fail(-EINVAL, "%s: '%.40s' is not fd:inode", variable, start);
    if (fstat((int)fd, &status) < 0 || status.st_ino != (ino_t)inode)
        return fail(-EBADF, "%s: descriptor %lld is not the one that maitred opened: something between maitred and "
                            "this program has closed it", variable, fd);
    *ret_fd = (int)fd;
    return 0;
}

/* A variable that names one descriptor. */
static int find_one(const char *variable, int *ret_fd)
{
    const char *text = maitred_worker_variable(variable);

    if (text == NULL)
        return fail(-EINVAL, "%s: is not set", variable);
    int error = find(variable, &text, ret_fd);
    if (error == 0 && *text != '\0')
        return fail(-EINVAL, "%s: has '%.40s' behind its descriptor", variable, text);
    return error;
}

/* "0:fd:inode,1:fd:inode,…" */
static int find_entrances(struct maitred_worker *worker, const char *variable, const char *text)
{
    for (unsigned index = 0;; index++) {
        if (index == MAITRED_LISTENER_MAX)
            return fail(-EINVAL, "%s: has more than %d listeners", variable, MAITRED_LISTENER_MAX);
        if (number_at(&text, MAITRED_LISTENER_MAX) != (long long)index || *text != ':')
            return fail(-EINVAL, "%s: '%.40s' is not %u:fd:inode", variable, text, index);
        text++;
        int error = find(variable, &text, &worker->entrances[index]);
        if (error < 0)
            return error;
        worker->entrance_count = index + 1;
        if (*text == '\0')
            return 0;
        if (*text++ != ',')
            return fail(-EINVAL, "%s: has no comma behind listener %u", variable, index);
    }
}

/* All descriptors, as the environment names them. Changes none of them before all are found. */
static int find_all(struct maitred_worker *worker, const char *variable, int *ret_page)
{
    int error;

    if ((error = find_entrances(worker, variable, maitred_worker_variable(variable))) < 0 ||
        (error = find_one("MAITRED_CONTROL_FD", &worker->control)) < 0 ||
        (error = find_one("MAITRED_LOAD_FD", ret_page)) < 0)
        return error;
    for (unsigned index = 0; index < worker->entrance_count; index++)
        if ((error = keep_from_children(variable, worker->entrances[index])) < 0)
            return error;
    return (error = keep_from_children("MAITRED_CONTROL_FD", worker->control)) < 0
               ? error
               : keep_from_children("MAITRED_LOAD_FD", *ret_page);
}

/* They were lost on the way: the master has them still. `problem` says what was missed. */
static int fetch_all(struct maitred_worker *worker, int *ret_page)
{
    const char *name = maitred_worker_variable("MAITRED_WORKER_SOCKET");
    int descriptors[MAITRED_FETCH_DESCRIPTORS_MAX];
    struct maitred_fetch head;

    if (name == NULL)
        return -EBADF;
    int count = maitred_fetch_descriptors(name, &head, descriptors);
    if (count == -EACCES)
        return fail(-EACCES, "descriptors were closed on the way, and maitred does not take process %d for one of a "
                             "worker's: it descends from none", (int)getpid());
    if (count < 0)
        return fail(count, "descriptors were closed on the way, and MAITRED_WORKER_SOCKET does not give them again: %s",
                    strerror(-count));
    worker->is_direct = (head.flags & MAITRED_FETCH_LISTENERS) != 0;
    worker->entrance_count = head.entrances;
    for (unsigned index = 0; index < head.entrances; index++)
        worker->entrances[index] = descriptors[index];
    worker->control = descriptors[head.entrances];
    *ret_page = descriptors[head.entrances + 1];
    return 0;
}

/* ---- Page and row --------------------------------------------------------------------------------- */

/* Maps the page, which must be sealed: memory that shrinks would kill whoever reads it. */
static int map_page(struct maitred_worker *worker, int fd)
{
    struct stat status;
    int wanted = F_SEAL_SHRINK | F_SEAL_GROW;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || (seals & wanted) != wanted || fstat(fd, &status) < 0 || status.st_size != MAITRED_PAGE_SIZE)
        return fail(-EINVAL, "MAITRED_LOAD_FD: is not a load page");
    void *page = mmap(NULL, MAITRED_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return fail(-errno, "MAITRED_LOAD_FD: cannot be mapped: %s", strerror(errno));
    struct maitred_page_header *header = page;
    if (maitred_load_word(&header->magic) != MAITRED_PAGE_MAGIC ||
        maitred_load_word(&header->version) != MAITRED_WIRE_VERSION) {
        munmap(page, MAITRED_PAGE_SIZE);
        return fail(-EINVAL, "MAITRED_LOAD_FD: is not a load page of version %d", MAITRED_WIRE_VERSION);
    }
    worker->page = header;
    close(fd);
    return 0;
}

/* Field 22 of /proc/self/stat, 0 when it cannot be read. Calls nothing that a forked child must not. */
static uint64_t start_time(void)
{
    char text[1024];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    if (fd >= 0)
        close(fd);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    /* The name, in parentheses, may contain anything. */
    const char *field = strrchr(text, ')');
    for (int blanks = 0; field != NULL && blanks < 20; blanks++)
        field = strchr(field + 1, ' ');
    return field == NULL ? 0 : strtoull(field, NULL, 10);
}

static void claim_row(struct maitred_worker *worker, uint64_t inherited)
{
    worker->pid = getpid();
    int index = maitred_page_claim(worker->page, (uint64_t)worker->pid, start_time(), inherited);
    worker->row = index < 0 ? NULL : maitred_page_row(worker->page, (uint32_t)index);
}

/* In the parent, in the thread that forks: what the child inherits. */
static void before_fork(void)
{
    the_worker.holds_at_fork = the_worker.row == NULL ? 0 : maitred_load(&the_worker.row->holds);
}

/* The row that the thread which forks has claimed for its child, NULL when it has none. */
static __thread struct maitred_row *row_for_child;

static void in_child(void)
{
    struct maitred_row *row = row_for_child;

    if (row == NULL) {
        claim_row(&the_worker, the_worker.holds_at_fork);
        return;
    }
    row_for_child = NULL;
    the_worker.pid = getpid();
    maitred_store(&row->start_time, 0);
    maitred_store(&row->pid, (uint64_t)the_worker.pid);
    maitred_store(&row->start_time, start_time());
    the_worker.row = row;
}

void maitred_worker_before_fork(struct maitred_worker *worker)
{
    if (!maitred_worker_is_own_process(worker) || worker->row == NULL)
        return;
    int index = maitred_page_claim(worker->page, (uint64_t)worker->pid, 0, maitred_load(&worker->row->holds));
    row_for_child = index < 0 ? NULL : maitred_page_row(worker->page, (uint32_t)index);
}

void maitred_worker_after_fork(pid_t child)
{
    if (child < 0 && row_for_child != NULL)
        maitred_row_release(row_for_child);
    row_for_child = NULL;
}

void maitred_worker_leave(struct maitred_worker *worker)
{
    struct maitred_row *row = maitred_worker_is_own_process(worker) ? worker->row : NULL;

    /* What it has counted is the master's to keep. */
    if (row == NULL || maitred_load(&row->taken) > 0 || maitred_load(&row->requests) > 0 ||
        maitred_load(&row->errors) > 0 || maitred_load(&row->knocks) > 0)
        return;
    worker->row = NULL;
    maitred_row_release(row);
}

/* Without the variables' descriptors. Those that were fetched are nobody's but ours: a failure leaves none of them. */
static int fetch_and_map(struct maitred_worker *worker)
{
    int page = -1;
    int error = fetch_all(worker, &page);

    if (error < 0 || (error = map_page(worker, page)) == 0)
        return error;
    for (unsigned index = 0; index < worker->entrance_count; index++)
        close(worker->entrances[index]);
    close(worker->control);
    close(page);
    return error;
}

/* ---- Open ----------------------------------------------------------------------------------------- */

static int attach(struct maitred_worker *worker, const char *variable)
{
    int page, error;

    if ((error = read_number("MAITRED_WORKER_ID", 1, &worker->id)) < 0 ||
        (error = read_number("MAITRED_WORKER_SLOT", 0, &worker->slot)) < 0)
        return error;
    error = find_all(worker, variable, &page);
    error = error == -EBADF ? fetch_and_map(worker) : error < 0 ? error : map_page(worker, page);
    if (error < 0)
        return error;
    if ((error = pthread_atfork(before_fork, NULL, in_child)) != 0)
        return fail(-error, "cannot follow forks: %s", strerror(error));
    claim_row(worker, 0);
    return 0;
}

int maitred_worker_open(struct maitred_worker **ret_worker)
{
    const char *variable = "MAITRED_HANDOFF_FDS";
    int is_direct = 0;

    if (maitred_worker_variable(variable) == NULL) {
        variable = "MAITRED_LISTENER_FDS";
        is_direct = 1;
    }
    if (maitred_worker_variable(variable) == NULL)
        return fail(-ENOENT, "not started by maitred: MAITRED_HANDOFF_FDS is not set");
    if (__atomic_exchange_n(&is_open, 1, __ATOMIC_ACQ_REL) != 0)
        return fail(-EALREADY, "this process is attached to its master already");
    memset(&the_worker, 0, sizeof the_worker);
    the_worker.is_direct = is_direct;
    int error = attach(&the_worker, variable);
    if (error < 0) {
        __atomic_store_n(&is_open, 0, __ATOMIC_RELEASE);
        return error;
    }
    *ret_worker = &the_worker;
    return 0;
}
