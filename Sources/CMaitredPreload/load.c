/* SPDX-License-Identifier: Apache-2.0 */

/* What happens when the library is loaded. */
#include "preload.h"

#include <dlfcn.h>
#include <pthread.h>

struct functions functions;

void find_functions(void)
{
#define FIND(name) functions.name = (__typeof__(functions.name))dlsym(RTLD_NEXT, #name);
    FOR_EACH_FUNCTION(FIND)
#undef FIND
}

/*
 * Runs in every program that has the library, also in those that are no servers: it looks, and changes nothing. The
 * environment is kept as it is now, because programs clear theirs.
 */
__attribute__((constructor)) static void load(void)
{
    find_functions();
    own_tables();
    pthread_atfork(NULL, NULL, own_tables);
    maitred_worker_keep_environment();
    adopt_inherited();
}
