/* SPDX-License-Identifier: Apache-2.0 */

/* What a process is told when it becomes a worker, and the memory that it shares. */
#include "fuzz.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* The answer of the worker socket comes from the input. */
static struct input *answer;

static int fetch_from_input(const char *name, struct maitred_fetch *ret_head, int *ret_descriptors)
{
    struct sockaddr_un address;

    if (maitred_fetch_address(name, &address) == 0)
        return -EINVAL;
    stage_send(answer, stage.channel_peers[1], 40);
    shutdown(stage.channel_peers[1], SHUT_WR);
    return maitred_fetch_receive(stage.channels[1], ret_head, ret_descriptors);
}

/* Nobody forks, and each input would leave one more set of handlers. */
#define pthread_atfork(prepare, parent, child) ((void)(prepare), (void)(parent), (void)(child), 0)
#define maitred_fetch_descriptors fetch_from_input

/* In one piece with this file, for what is `static` there: each input begins with a process that is no worker. */
#include "../../Sources/CMaitredWorker/open.c"

void forget_worker(void)
{
    if (the_worker.page != NULL)
        munmap(the_worker.page, MAITRED_PAGE_SIZE);
    memset(&the_worker, 0, sizeof the_worker);
    row_for_child = NULL;
    is_open = 0;
    free(kept);
    kept = NULL;
}

static int is_row(const struct maitred_row *row, struct maitred_page_header *page)
{
    uintptr_t offset = (uintptr_t)row - (uintptr_t)maitred_page_row(page, 0);
    return offset % sizeof *row == 0 && offset / sizeof *row < MAITRED_ROW_COUNT;
}

/* ---- maitred_worker_open -------------------------------------------------------------------------- */

static void set_line(struct input *input, const char *name)
{
    char *line = input_line(input);
    stage_set(name, line);
    free(line);
}

/* Descriptors that came from the answer, not from the stage. */
static void close_fetched(const struct maitred_worker *worker)
{
    for (unsigned index = 0; index < worker->entrance_count; index++)
        if (worker->entrances[index] > stage.listener)
            close(worker->entrances[index]);
    if (worker->control > stage.listener)
        close(worker->control);
}

/* A first byte (1: the environment is kept), a line for each variable, then the answer of the worker socket. */
void fuzz_open(struct input *input)
{
    struct maitred_worker *worker = NULL;
    struct maitred_connection connection;
    int keeps = (int)input_number(input, 1) & 1;

    set_line(input, "MAITRED_HANDOFF_FDS");
    set_line(input, "MAITRED_LISTENER_FDS");
    set_line(input, "MAITRED_CONTROL_FD");
    set_line(input, "MAITRED_LOAD_FD");
    set_line(input, "MAITRED_WORKER_ID");
    set_line(input, "MAITRED_WORKER_SLOT");
    set_line(input, "MAITRED_WORKER_SOCKET");
    answer = input;
    if (keeps)
        maitred_worker_keep_environment();
    int error = maitred_worker_open(&worker);
    require(error <= 0 && (error == 0) == (worker != NULL), "an error is negative");
    require(maitred_worker_problem()[0] != '\0' && strlen(maitred_worker_problem()) < sizeof problem, "it is said why");
    if (error == 0) {
        require(worker->entrance_count > 0 && worker->entrance_count <= MAITRED_LISTENER_MAX, "there are entrances");
        /* The page's own descriptor is closed once it is mapped, whatever else it was said to be. */
        for (unsigned index = 0; index < worker->entrance_count; index++)
            require(worker->entrances[index] == stage.page || fcntl(worker->entrances[index], F_GETFD) == FD_CLOEXEC,
                    "an entrance is open, and close-on-exec");
        require(worker->id > 0 && is_row(worker->row, worker->page), "a worker has a number and a row");
        require(maitred_worker_take(worker, worker->entrance_count, &connection) == -EINVAL, "no more entrances");
        if (maitred_worker_take(worker, 0, &connection) == 0) {
            close(connection.fd);
            maitred_worker_closed(worker, 1);
        }
        close_fetched(worker);
    }
    forget_worker();
}

/* ---- The page ------------------------------------------------------------------------------------- */

/* What a worker does with a page in which anything may stand. */
static void step(struct input *input)
{
    uint64_t value;

    switch (input_number(input, 1) % 8) {
    case 0:
        value = input_number(input, 2) % (MAITRED_PAGE_SIZE / 8);
        ((uint64_t *)(void *)stage_page)[value] = input_number(input, 8);
        break;
    case 1:
        value = input_number(input, 8);
        if (the_worker.row != NULL)
            maitred_page_took(the_worker.page, the_worker.row, value, input_number(input, 8));
        break;
    case 2:
        maitred_worker_closed(&the_worker, (unsigned)input_number(input, 4));
        break;
    case 3:
        maitred_worker_before_fork(&the_worker);
        value = input_number(input, 1);
        if (value & 1)
            in_child();
        else
            maitred_worker_after_fork((pid_t)(int8_t)value);
        break;
    case 4:
        maitred_worker_leave(&the_worker);
        break;
    case 5:
        maitred_worker_set_open(&the_worker, input_number(input, 8));
        break;
    case 6:
        before_fork();
        in_child();
        break;
    default:
        value = input_number(input, 1) % MAITRED_ROW_COUNT;
        if (maitred_row_retire(maitred_page_row(stage_page, (uint32_t)value), input_number(input, 8)))
            maitred_row_release(maitred_page_row(stage_page, (uint32_t)value));
    }
}

/* A head that replaces the page's, then steps. */
void fuzz_page(struct input *input)
{
    size_t length;
    uint8_t *head = input_bytes(input, input_number(input, 1), &length);

    memcpy(stage_page, head, length);
    free(head);
    the_worker.control = stage.control;
    int page = dup(stage.page);
    if (map_page(&the_worker, page) < 0)
        close(page);
    else
        claim_row(&the_worker, input_number(input, 8));
    while (the_worker.page != NULL && input->left > 0) {
        step(input);
        require(the_worker.row == NULL || is_row(the_worker.row, the_worker.page), "a row is one of the page's");
        require(row_for_child == NULL || is_row(row_for_child, the_worker.page), "a child's row too");
    }
    forget_worker();
}
