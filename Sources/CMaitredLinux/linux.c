/* SPDX-License-Identifier: Apache-2.0 */

#include "maitred_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

int maitred_linux_accept(int listener, void *address, uint32_t *address_length)
{
    return accept4(listener, address, address_length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int maitred_linux_bind(int socket, const void *address, uint32_t address_length)
{
    return bind(socket, address, address_length);
}

int maitred_linux_connect(int socket, const void *address, uint32_t address_length)
{
    return connect(socket, address, address_length);
}

int maitred_linux_getsockname(int socket, void *address, uint32_t *address_length)
{
    return getsockname(socket, address, address_length);
}

/* Room for one descriptor, aligned as cmsg(3) asks. */
union one_descriptor {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

ssize_t maitred_linux_send(int socket, const void *packet, size_t length, int descriptor)
{
    struct iovec part = {.iov_base = (void *)packet, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union one_descriptor control;

    if (descriptor >= 0) {
        memset(&control, 0, sizeof control);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
        message.msg_control = &control;
        message.msg_controllen = CMSG_LEN(sizeof(int));
    }
    return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t maitred_linux_send_descriptors(int socket, const void *packet, size_t length, const int *descriptors,
                                       size_t count)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * MAITRED_LINUX_DESCRIPTORS_MAX)];
    } control;
    struct iovec part = {.iov_base = (void *)packet, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};

    if (count == 0 || count > MAITRED_LINUX_DESCRIPTORS_MAX) {
        errno = EINVAL;
        return -1;
    }
    memset(&control, 0, sizeof control);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(count * sizeof *descriptors);
    memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof *descriptors);
    message.msg_controllen = CMSG_SPACE(count * sizeof *descriptors);
    return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int maitred_linux_listen_unnamed(int backlog, char *ret_name, size_t capacity)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof address;
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (listener < 0)
        return -1;
    if (bind(listener, (struct sockaddr *)&address, sizeof address.sun_family) < 0 || listen(listener, backlog) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0) {
        int error = errno;
        close(listener);
        errno = error;
        return -1;
    }
    snprintf(ret_name, capacity, "@%.*s", (int)(length - offsetof(struct sockaddr_un, sun_path) - 1),
             address.sun_path + 1);
    return listener;
}

ssize_t maitred_linux_send_to(int socket, const void *data, size_t length, const void *address,
                              uint32_t address_length)
{
    return sendto(socket, data, length, MSG_DONTWAIT | MSG_NOSIGNAL, address, address_length);
}

/*
 * Room for more than is ever accepted. A socket's options belong to everybody who shares it: a worker can ask for
 * credentials or a pidfd beside each packet (SO_PASSCRED, SO_PASSPIDFD), and these must not push the descriptor out.
 */
union received {
    struct cmsghdr header;
    char bytes[256];
};

/* SCM_PIDFD of linux/socket.h, which clashes with the C library's headers. */
#define CONTROL_PIDFD 0x04

int maitred_linux_stop_lingering(int socket)
{
    struct linger off = {0};
    return setsockopt(socket, SOL_SOCKET, SO_LINGER, &off, sizeof off);
}

/* Keeps the one descriptor of a message; when there are more, or a pidfd nobody asked for, closes those. */
static int take_descriptor(struct msghdr *message)
{
    int kept = -1;

    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET)
            continue;
        if (header->cmsg_type != SCM_RIGHTS && header->cmsg_type != CONTROL_PIDFD)
            continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(header) + i * sizeof descriptor, sizeof descriptor);
            if (header->cmsg_type == SCM_RIGHTS && kept < 0) {
                kept = descriptor;
                continue;
            }
            maitred_linux_stop_lingering(descriptor);
            close(descriptor);
            if (header->cmsg_type == SCM_RIGHTS)
                message->msg_flags |= MSG_CTRUNC;
        }
    }
    return kept;
}

ssize_t maitred_linux_receive(int socket, void *packet, size_t capacity, int flags, int *ret_descriptor,
                              int *ret_flags)
{
    struct iovec part = {.iov_base = packet, .iov_len = capacity};
    union received control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};

    ssize_t length = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    if (length < 0)
        return -1;
    *ret_descriptor = take_descriptor(&message);
    *ret_flags = message.msg_flags;
    return length;
}

int maitred_linux_waiting_bytes(int socket)
{
    int bytes = 0;
    return ioctl(socket, FIONREAD, &bytes) < 0 ? -1 : bytes;
}

#define SIZE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

int maitred_linux_sealed_memory(const char *name, size_t size)
{
    int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0)
        return -1;
    if (ftruncate(descriptor, (off_t)size) < 0 || fcntl(descriptor, F_ADD_SEALS, SIZE_SEALS) < 0) {
        int error = errno;
        close(descriptor);
        errno = error;
        return -1;
    }
    return descriptor;
}

int maitred_linux_has_size_seals(int descriptor)
{
    int seals = fcntl(descriptor, F_GET_SEALS);
    return seals < 0 ? -1 : (seals & SIZE_SEALS) == SIZE_SEALS;
}

int maitred_linux_pidfd_open(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int maitred_linux_pidfd_send_signal(int pidfd, int signal)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int maitred_linux_reap(int pidfd, pid_t *ret_pid, int *ret_code, int *ret_signal)
{
    siginfo_t info = {0};
    idtype_t type = pidfd < 0 ? P_ALL : (idtype_t)P_PIDFD;

    if (waitid(type, pidfd < 0 ? 0 : (id_t)pidfd, &info, WEXITED | WNOHANG) < 0)
        return -1;
    if (info.si_pid == 0)
        return 0;
    *ret_pid = info.si_pid;
    *ret_code = info.si_code == CLD_EXITED ? info.si_status : 0;
    *ret_signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
    return 1;
}

int maitred_linux_group_exists(pid_t group)
{
    siginfo_t info = {0};
    return waitid(P_PGID, (id_t)group, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT) == 0;
}

int maitred_linux_close_on_exec_from(int first)
{
    return close_range((unsigned)first, ~0U, CLOSE_RANGE_CLOEXEC);
}

const char *maitred_linux_errno_name(int error)
{
    return strerrorname_np(error);
}

const char *maitred_linux_signal_name(int signal)
{
    return sigabbrev_np(signal);
}

int maitred_linux_processor_count(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) < 0 ? -1 : CPU_COUNT(&set);
}

int maitred_linux_become_subreaper(void)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

int maitred_linux_has_no_new_privileges(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

int maitred_linux_has_file_capabilities(int descriptor)
{
    return fgetxattr(descriptor, "security.capability", NULL, 0) > 0;
}

int maitred_linux_set_timer_slack(unsigned long nanoseconds)
{
    return prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0);
}

pid_t maitred_linux_fork(void)
{
    return fork();
}
