/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp programs of a sandbox. The long one was made with the project:
 * libseccomp takes a third of a millisecond for it, which each start would
 * wait for. Runs in supervisors.
 */
#include "sandbox/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

#include "filter-program.h"
#include "sandbox/sandbox_priv.h"

/* Numbers since 6.15 (open_tree_attr and later) answer as an older kernel. */
#define NEWEST_CALL 466

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#endif

static void
newer_calls(const struct sandbox_spec *spec, struct buf *out)
{
	const unsigned newest =
	    sandbox_omits(spec, "filter", "newer") ? UINT32_MAX : NEWEST_CALL;
	const struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	buf_put(out, program, sizeof(program));
}

int
filter_make(const struct sandbox_spec *spec, struct buf ret[FILTER_PROGRAMS],
    struct error *err)
{
	int rc = 0;

	if (spec->test_omit != NULL)
		rc = filter_compile(spec, &ret[0], err);
	else
		buf_put(&ret[0], filter_program, sizeof(filter_program));
	newer_calls(spec, &ret[1]);
	return rc;
}

#define X32_BIT 0x40000000u

static void
put(struct buf *out, unsigned code, unsigned jt, unsigned jf, uint32_t k)
{
	struct sock_filter f = { (uint16_t)code, (uint8_t)jt, (uint8_t)jf, k };

	buf_put(out, &f, sizeof(f));
}

/* As newer_calls(), but what it does not refuse goes on; foreign architectures
 * and x32 are left to what follows, which kills. */
static void
put_newer_calls(struct buf *out, uint32_t action)
{
	put(out, BPF_LD | BPF_W | BPF_ABS, 0, 0,
	    offsetof(struct seccomp_data, arch));
	put(out, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, NATIVE);
	put(out, BPF_LD | BPF_W | BPF_ABS, 0, 0,
	    offsetof(struct seccomp_data, nr));
	put(out, BPF_JMP | BPF_JGE | BPF_K, 2, 0, X32_BIT);
	put(out, BPF_JMP | BPF_JGT | BPF_K, 0, 1, NEWEST_CALL);
	put(out, BPF_RET | BPF_K, 0, 0, action);
}

void
filter_watched(const struct buf programs[FILTER_PROGRAMS], struct str first,
    uint32_t action, struct buf *out)
{
	struct str refusals = buf_str(&programs[0]);
	struct sock_filter f;

	put_newer_calls(out, action);
	buf_put_str(out, first);
	for (size_t at = 0; at < refusals.n; at += sizeof(f)) {
		memcpy(&f, refusals.p + at, sizeof(f));
		if (f.code == (BPF_RET | BPF_K) &&
		    (f.k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
			f.k = action;
		buf_put(out, &f, sizeof(f));
	}
}
