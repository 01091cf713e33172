/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a connection would have inherited from its listener.
 *
 *  1. The program's own socket, which never listens, keeps all options that the program sets: it is asked for them.
 *  2. A connection has inherited from the master's listener. What the two agree about need not be set: the first
 *     connection tells, for all that follow.
 *  3. Sizes of buffers are the master's business (--listen), TCP_DEFER_ACCEPT and the like its listener's.
 */
#include "preload.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

/* Options of a socket that accept(2) copies to the connection: those that a program sets on a listener and means for it. */
static const struct {
    int level, name;
} inheritable[] = {
    {SOL_SOCKET, SO_KEEPALIVE},      {SOL_SOCKET, SO_LINGER},         {SOL_SOCKET, SO_OOBINLINE},
    {SOL_SOCKET, SO_PRIORITY},       {SOL_SOCKET, SO_RCVTIMEO},       {SOL_SOCKET, SO_SNDTIMEO},
    {SOL_SOCKET, SO_RCVLOWAT},       {IPPROTO_TCP, TCP_NODELAY},      {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL},    {IPPROTO_TCP, TCP_KEEPCNT},      {IPPROTO_TCP, TCP_USER_TIMEOUT},
    {IPPROTO_TCP, TCP_CORK},         {IPPROTO_TCP, TCP_LINGER2},      {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {IPPROTO_TCP, TCP_CONGESTION},   {IPPROTO_IP, IP_TOS},            {IPPROTO_IPV6, IPV6_TCLASS},
};
_Static_assert(sizeof inheritable / sizeof inheritable[0] <= MOST_OPTIONS, "room for all of them");

/* Reads an option of the program's socket into *ret_option. 1, or 0 when it has no such option. */
static int read_option(int fd, int level, int name, struct inherited_option *ret_option)
{
    memset(ret_option, 0, sizeof *ret_option);
    ret_option->level = level;
    ret_option->name = name;
    ret_option->length = sizeof ret_option->value;
    return REAL(getsockopt)(fd, level, name, ret_option->value, &ret_option->length) == 0;
}

/* What differs between the program's socket and a connection. */
static unsigned compare(const struct managed *managed, int connection, struct inherited_option *ret_options)
{
    struct inherited_option has;
    unsigned count = 0;

    for (size_t i = 0; i < sizeof inheritable / sizeof inheritable[0]; i++) {
        struct inherited_option *wants = &ret_options[count];
        if (read_option(managed->socket, inheritable[i].level, inheritable[i].name, wants) &&
            read_option(connection, inheritable[i].level, inheritable[i].name, &has) &&
            (wants->length != has.length || memcmp(wants->value, has.value, has.length) != 0))
            count++;
    }
    return count;
}

void inherit_options(struct managed *managed, int connection)
{
    if (managed->domain == AF_UNIX || managed->socket < 0)
        return;
    int error = errno;
    if (__atomic_load_n(&managed->has_options, __ATOMIC_ACQUIRE) == 0) {
        /* Two threads at once find and write the same. */
        struct inherited_option options[MOST_OPTIONS];
        unsigned count = compare(managed, connection, options);
        memcpy(managed->options, options, count * sizeof options[0]);
        managed->option_count = count;
        __atomic_store_n(&managed->has_options, 1, __ATOMIC_RELEASE);
    }
    for (unsigned i = 0; i < managed->option_count; i++) {
        const struct inherited_option *option = &managed->options[i];
        REAL(setsockopt)(connection, option->level, option->name, option->value, option->length);
    }
    errno = error;
}
