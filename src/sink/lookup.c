/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where there is no netfilter: a BPF program that the kernel asks for the
 * socket of each new connection and datagram of a network namespace. It
 * answers with the sink's, by protocol and family alone, so every address
 * and port is ours; routing is as with TPROXY. Runs in role sink, before
 * lockdown.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sink/net_priv.h"

/* The order of the sockets in the map is that of enum net_socket. */
_Static_assert(NET_TCP4 == 0 && NET_TCP6 == 1 && NET_UDP4 == 2 &&
	NET_UDP6 == 3 && NET__MAX == 4,
    "the program below counts on it");

#define INSN(op, dst, src, offset, value) \
	{ \
		(op), (dst), (src), (offset), (value) \
	}
#define MOVE(dst, from) INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, from, 0, 0)
#define SET(dst, value) INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value)
#define ADD(dst, value) INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value)
#define LOAD(dst, src, offset) \
	INSN(BPF_LDX | BPF_MEM | BPF_W, dst, src, offset, 0)
#define STORE(dst, src, offset) \
	INSN(BPF_STX | BPF_MEM | BPF_W, dst, src, offset, 0)
#define IF_EQUAL(dst, value, skip) \
	INSN(BPF_JMP | BPF_JEQ | BPF_K, dst, 0, skip, value)
#define CALL(function)  INSN(BPF_JMP | BPF_CALL, 0, 0, 0, function)
#define CONTEXT(member) offsetof(struct bpf_sk_lookup, member)
#define KEY             (-4) /* on the stack */

static int
bpf(int command, union bpf_attr *attr)
{
	int rc = (int)syscall(SYS_bpf, command, attr, sizeof(*attr));

	return rc >= 0 ? rc : -errno;
}

static int
load(int map)
{
	/* clang-format off */
	const struct bpf_insn program[] = {
		MOVE(BPF_REG_6, BPF_REG_1),
		SET(BPF_REG_7, NET_TCP4),
		LOAD(BPF_REG_2, BPF_REG_6, CONTEXT(protocol)),
		IF_EQUAL(BPF_REG_2, IPPROTO_TCP, 2),
		SET(BPF_REG_7, NET_UDP4),
		INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 17, IPPROTO_UDP),
		LOAD(BPF_REG_2, BPF_REG_6, CONTEXT(family)),
		IF_EQUAL(BPF_REG_2, AF_INET, 1),
		ADD(BPF_REG_7, NET_TCP6 - NET_TCP4),
		STORE(BPF_REG_10, BPF_REG_7, KEY),
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD,
		    0, map),
		INSN(0, 0, 0, 0, 0), /* its second half */
		MOVE(BPF_REG_2, BPF_REG_10),
		ADD(BPF_REG_2, KEY),
		CALL(BPF_FUNC_map_lookup_elem),
		IF_EQUAL(BPF_REG_0, 0, 7),
		MOVE(BPF_REG_7, BPF_REG_0),
		MOVE(BPF_REG_1, BPF_REG_6),
		MOVE(BPF_REG_2, BPF_REG_7),
		SET(BPF_REG_3, 0),
		CALL(BPF_FUNC_sk_assign),
		MOVE(BPF_REG_1, BPF_REG_7),
		CALL(BPF_FUNC_sk_release),
		SET(BPF_REG_0, SK_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	/* clang-format on */
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_SK_LOOKUP;
	a.expected_attach_type = BPF_SK_LOOKUP;
	a.insns = (uintptr_t)program;
	a.insn_cnt = N_ELEMENTS(program);
	a.license = (uintptr_t) "Apache-2.0";
	return bpf(BPF_PROG_LOAD, &a);
}

static int
make_map(const struct net *n)
{
	_cleanup_(closep) int map = -1;
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_type = BPF_MAP_TYPE_SOCKMAP;
	a.key_size = sizeof(uint32_t);
	a.value_size = sizeof(uint64_t);
	a.max_entries = NET__MAX;
	map = bpf(BPF_MAP_CREATE, &a);
	for (uint32_t i = 0; map >= 0 && i < NET__MAX; i++) {
		uint64_t fd = (uint64_t)n->fds[i];
		int rc;

		memset(&a, 0, sizeof(a));
		a.map_fd = (unsigned)map;
		a.key = (uintptr_t)&i;
		a.value = (uintptr_t)&fd;
		rc = bpf(BPF_MAP_UPDATE_ELEM, &a);
		if (rc < 0)
			return rc;
	}
	return steal_fd(&map);
}

int
net_look_up(struct net *n, struct error *err)
{
	_cleanup_(closep) int map = make_map(n);
	_cleanup_(closep) int program = map >= 0 ? load(map) : map;
	_cleanup_(closep) int netns = -1;
	union bpf_attr a;

	if (program < 0)
		return error_set(err, program, "sk_lookup: %s",
		    strerror(-program));
	netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return error_errno(err, "/proc/thread-self/ns/net");
	memset(&a, 0, sizeof(a));
	a.link_create.prog_fd = (unsigned)program;
	a.link_create.target_fd = (unsigned)netns;
	a.link_create.attach_type = BPF_SK_LOOKUP;
	n->lookup = bpf(BPF_LINK_CREATE, &a);
	return n->lookup >= 0 ?
	    0 :
	    error_set(err, n->lookup, "sk_lookup: %s", strerror(-n->lookup));
}
