/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refuse bpf|attach|listener|netfilter,… COMMAND ARG…: runs a command on a host
 * that has no eBPF, or loads programs and does not let them be attached, or has
 * no user notification, or no netfilter: seccomp answers EPERM for it and all
 * that it starts.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(member) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
	    offsetof(struct seccomp_data, member))
#define REFUSE BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define ALLOW  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int
load(struct sock_filter *filter, unsigned short n)
{
	struct sock_fprog program = { n, filter };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int
main(int argc, char **argv)
{
	struct sock_filter no_bpf[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		REFUSE,
		ALLOW,
	};
	struct sock_filter no_attach[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 4),
		LOAD(args[0]),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_RAW_TRACEPOINT_OPEN, 1,
		    0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_LINK_CREATE, 0, 1),
		REFUSE,
		ALLOW,
	};
	struct sock_filter no_listener[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 3),
		LOAD(args[1]),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
		    SECCOMP_FILTER_FLAG_NEW_LISTENER, 0, 1),
		REFUSE,
		ALLOW,
	};
	struct sock_filter no_netfilter[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 5),
		LOAD(args[0]),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 3),
		LOAD(args[2]),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_NETFILTER, 0, 1),
		REFUSE,
		ALLOW,
	};

	if (argc < 3 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return 2;
	if ((strstr(argv[1], "bpf") != NULL && load(no_bpf, 4) != 0) ||
	    (strstr(argv[1], "attach") != NULL && load(no_attach, 7) != 0) ||
	    (strstr(argv[1], "listener") != NULL &&
		load(no_listener, 6) != 0) ||
	    (strstr(argv[1], "netfilter") != NULL &&
		load(no_netfilter, 8) != 0))
		return 2;
	(void)execv(argv[2], argv + 2);
	perror(argv[2]);
	return 2;
}
