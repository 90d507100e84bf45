/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the seccomp program of a sandbox as a C array to standard output.
 * Runs when the project is built, never after.
 */
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "sandbox/filter.h"
#include "sandbox/sandbox.h"

int
main(void)
{
	static const struct sandbox_spec whole = { 0 };
	struct error err = ERROR_INIT;
	struct sock_filter f;
	struct buf program;

	buf_init(&program, 256 * KIB);
	if (filter_compile(&whole, &program, &err) != 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	puts("static const struct sock_filter filter_program[] = {");
	for (size_t at = 0; at < program.n; at += sizeof(f)) {
		memcpy(&f, program.p + at, sizeof(f));
		printf("\t{ 0x%x, %u, %u, 0x%x },\n", f.code, f.jt, f.jf, f.k);
	}
	puts("};");
	buf_done(&program);
	return fflush(stdout) == 0 ? 0 : 1;
}
