/* SPDX-License-Identifier: Apache-2.0 */

#include "maitred_linux.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The state in which a TCP socket listens, as the kernel numbers it: netinet/tcp.h has it too, and clashes. */
#define LISTENING 10

static int ask(int socket, int family)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
    } request = {
        .head = {
            .nlmsg_len = sizeof request,
            .nlmsg_type = SOCK_DIAG_BY_FAMILY,
            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
        },
        .body = {
            .sdiag_family = (uint8_t)family,
            .sdiag_protocol = IPPROTO_TCP,
            .idiag_states = 1u << LISTENING,
        },
    };
    return send(socket, &request, sizeof request, MSG_DONTWAIT) < 0 ? -1 : 0;
}

/* Takes what one packet says. 1 when more comes, 0 at the end, -1 with errno. */
static int take(const char *packet, size_t length, struct maitred_linux_listener *listeners, size_t capacity,
                size_t *count)
{
    struct nlmsghdr head;

    for (size_t offset = 0; offset + sizeof head <= length; offset += NLMSG_ALIGN(head.nlmsg_len)) {
        const char *body = packet + offset + NLMSG_HDRLEN;
        memcpy(&head, packet + offset, sizeof head);
        if (head.nlmsg_len < NLMSG_HDRLEN || head.nlmsg_len > length - offset)
            break;
        if (head.nlmsg_type == NLMSG_DONE)
            return 0;
        if (head.nlmsg_type == NLMSG_ERROR) {
            struct nlmsgerr error = {.error = -EPROTO};
            if (head.nlmsg_len >= NLMSG_LENGTH(sizeof error.error))
                memcpy(&error.error, body, sizeof error.error);
            errno = -error.error;
            return -1;
        }
        struct inet_diag_msg message;
        if (head.nlmsg_len < NLMSG_LENGTH(sizeof message) || *count == capacity)
            continue;
        memcpy(&message, body, sizeof message);
        struct maitred_linux_listener *listener = &listeners[(*count)++];
        listener->inode = message.idiag_inode;
        listener->port = message.id.idiag_sport;
        memcpy(listener->address, message.id.idiag_src, sizeof listener->address);
    }
    return 1;
}

ssize_t maitred_linux_listeners(int family, struct maitred_linux_listener *ret_listeners, size_t capacity)
{
    char packet[16 << 10];
    size_t count = 0;
    int more = -1, error;
    int number = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

    if (number < 0)
        return -1;
    if (ask(number, family) == 0) {
        do {
            /* The kernel has the next packet ready when it has given one out. */
            ssize_t length = recv(number, packet, sizeof packet, MSG_DONTWAIT);
            more = length <= 0 ? -1 : take(packet, (size_t)length, ret_listeners, capacity, &count);
        } while (more > 0 && count < capacity);
    }
    error = errno;
    close(number);
    errno = error;
    return more < 0 ? -1 : (ssize_t)count;
}
