/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The CPU time of processes, in nanoseconds, all together: of every thread, also of those that have ended, which
 * /proc/PID/task has forgotten.
 *
 *     cputime PID…
 *
 * Fails when one of them is not there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv)
{
    long long sum = 0;

    for (int i = 1; i < argc; i++) {
        clockid_t clock;
        struct timespec used;
        int error = clock_getcpuclockid(atoi(argv[i]), &clock);
        if (error != 0 || clock_gettime(clock, &used) < 0) {
            fprintf(stderr, "cputime: process %s: %s\n", argv[i], error != 0 ? strerror(error) : "gone");
            return 1;
        }
        sum += used.tv_sec * 1000000000LL + used.tv_nsec;
    }
    printf("%lld\n", sum);
    return 0;
}
