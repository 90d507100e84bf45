/* SPDX-License-Identifier: Apache-2.0 */
/* libbpf explains failures over many lines; the last one is kept. */
#include "record/libbpf.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

static char last_words[160];

static int __attribute__((format(printf, 2, 0)))
keep_words(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN)
		(void)vsnprintf(last_words, sizeof(last_words), fmt, ap);
	last_words[strcspn(last_words, "\n")] = '\0';
	return 0;
}

void
libbpf_listen(void)
{
	(void)libbpf_set_print(keep_words);
}

int
libbpf_failed(struct error *err, int rc, const char *what)
{
	if (last_words[0] == '\0')
		return error_set(err, rc, "eBPF: %s: %s", what, strerror(-rc));
	return error_set(err, rc, "eBPF: %s: %s (%s)", what, strerror(-rc),
	    last_words);
}
