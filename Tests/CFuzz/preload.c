/* SPDX-License-Identifier: Apache-2.0 */

/* What the preload library reads of its environment and of the program. */
#include "fuzz.h"

#include <stdlib.h>

/* What it says on standard error is nothing new after the first input. */
#include <stdio.h>
#define fprintf(stream, ...) ((void)0)

/* In one piece with this file, for what is `static` there: each input begins with a process that is no worker. */
#include "../../Sources/CMaitredPreload/attaching.c"
#include "../../Sources/CMaitredPreload/managed.c"

/* What signals the process when the master is gone is no part of this. */
void watch_master(void)
{
}

static void set_line(struct input *input, const char *name)
{
    char *line = input_line(input);
    stage_set(name, line);
    free(line);
}

/* All that the library has noted of descriptors. */
static void forget_all(void)
{
    for (int fd = 0; fd <= (int)descriptor_highest(); fd++) {
        if (!descriptor_is_own(fd)) {
            descriptor_closed(descriptor_forget(fd));
            continue;
        }
        forget_own(fd);
        close(fd);
    }
    set_own_worker(NULL);
    forget_worker();
}

/* ---- Listeners ------------------------------------------------------------------------------------ */

/* MAITRED_LISTENERS, MAITRED_APP_PORT, a path, then an address of the program. */
void fuzz_listeners(struct input *input)
{
    struct sockaddr_storage known;
    size_t length;

    set_line(input, "MAITRED_LISTENERS");
    set_line(input, "MAITRED_APP_PORT");
    char *path = input_line(input);
    uint8_t *address = input_bytes(input, sizeof known, &length);
    int found = listener_for(stage.listener, (const struct sockaddr *)(const void *)address, (socklen_t)length);
    require(found >= -1 && found < MAITRED_LISTENER_MAX, "a listener, or none");
    for (unsigned index = 0; index <= MAITRED_LISTENER_MAX; index++)
        require(listener_address(index, &known) <= sizeof known, "an address fits");
    is_listener_path(AT_FDCWD, path);
    free(address);
    free(path);
}

/* ---- bind and listen ------------------------------------------------------------------------------ */

static const int domains[] = {AF_INET, AF_INET6, AF_UNIX};

/* A domain, an address with its length before it, MAITRED_LISTENERS, MAITRED_APP_PORT, MAITRED_HANDOFF_FDS. */
void fuzz_bind(struct input *input)
{
    size_t length;
    int fd = socket(domains[input_number(input, 1) % 3], SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint8_t *address = input_bytes(input, input_number(input, 1), &length);

    set_line(input, "MAITRED_LISTENERS");
    set_line(input, "MAITRED_APP_PORT");
    set_line(input, "MAITRED_HANDOFF_FDS");
    stage_set("MAITRED_CONTROL_FD", "C");
    stage_set("MAITRED_LOAD_FD", "P");
    stage_set("MAITRED_WORKER_ID", "1");
    stage_set("MAITRED_WORKER_SLOT", "0");
    const struct sockaddr *bound = (const struct sockaddr *)(const void *)address;
    int listener = fd < 0 ? -1 : listener_for(fd, bound, (socklen_t)length);
    if (listener >= 0 && manage(fd, (unsigned)listener, bound, (socklen_t)length) == 0) {
        struct managed *managed = managed_of(fd);
        require(managed != NULL && managed->address_length <= sizeof managed->address, "it is managed");
        /* Not when the same descriptor was said to be an entrance and something else. */
        if (begin_listening(fd, managed, 1) == 0)
            require(state_of(managed) == MANAGED_LISTENING && own_worker() != NULL, "it listens");
    }
    free(address);
    forget_all();
    close(fd);
}

/* ---- Inherited ------------------------------------------------------------------------------------ */

/* MAITRED_HANDOFF_FDS, MAITRED_LISTENER_FDS, MAITRED_LISTENERS, LD_PRELOAD, MAITRED_PRELOAD. */
void fuzz_inherited(struct input *input)
{
    set_line(input, "MAITRED_HANDOFF_FDS");
    set_line(input, "MAITRED_LISTENER_FDS");
    set_line(input, "MAITRED_LISTENERS");
    set_line(input, "LD_PRELOAD");
    set_line(input, "MAITRED_PRELOAD");
    int fd = dup(stage.channels[0]);
    struct managed *managed = managed_or_inherited(fd);
    require(managed == NULL || managed == managed_of(fd), "it is managed");
    leave_environment();
    forget_all();
    close(fd);
}
