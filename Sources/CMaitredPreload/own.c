/* SPDX-License-Identifier: Apache-2.0 */

/* The worker whose process this is: what every other file may ask. Set once, by attaching.c. */
#include "preload.h"

static struct maitred_worker *worker; /* atomic */

struct maitred_worker *own_worker(void)
{
    return __atomic_load_n(&worker, __ATOMIC_ACQUIRE);
}

void set_own_worker(struct maitred_worker *opened)
{
    __atomic_store_n(&worker, opened, __ATOMIC_RELEASE);
}
