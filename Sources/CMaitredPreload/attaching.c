/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How this process becomes a worker's: at its first bind of an address of the master's, not before. Programs between it
 * and the master (a shell, npm) have the library too, and must keep their hands off the descriptors.
 */
#include "preload.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

/* Moves what the program does not know to high numbers, and marks it, so that the program does not close it. */
static void keep_descriptors(struct maitred_worker *opened)
{
    for (unsigned index = 0; index < opened->entrance_count; index++) {
        opened->entrances[index] = keep_as_own(opened->entrances[index]);
        /* As the master made it. Somebody without this library may have cleared it. */
        if (opened->is_direct)
            set_nonblocking(opened->entrances[index], 1);
    }
    opened->control = keep_as_own(opened->control);
    setenv(MOVED, "1", 1);
}

int become_worker(void)
{
    struct maitred_worker *opened = NULL;
    int error = 0;

    pthread_mutex_lock(&opening);
    if (own_worker() == NULL) {
        error = maitred_worker_open(&opened);
        if (error == 0) {
            keep_descriptors(opened);
            set_own_worker(opened);
        }
    }
    pthread_mutex_unlock(&opening);
    if (error < 0) {
        fprintf(stderr, "maitred: this program cannot be a worker: %s\n", maitred_worker_problem());
        errno = EADDRINUSE;
    }
    return error < 0 ? -1 : 0;
}

void leave_environment(void)
{
    const char *list = getenv("LD_PRELOAD"), *own = maitred_worker_variable("MAITRED_PRELOAD");
    char rest[4096];
    size_t used = 0;

    if (list == NULL || own == NULL || strlen(list) >= sizeof rest)
        return;
    while (*list != '\0') {
        size_t length = strcspn(list, ": ");
        if (length > 0 && (strncmp(list, own, length) != 0 || own[length] != '\0')) {
            if (used > 0)
                rest[used++] = ':';
            memcpy(rest + used, list, length);
            used += length;
        }
        list += length + (list[length] != '\0');
    }
    rest[used] = '\0';
    if (used > 0)
        setenv("LD_PRELOAD", rest, 1);
    else
        unsetenv("LD_PRELOAD");
}
