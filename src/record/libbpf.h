/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libbpf says when it fails, as errors. Runs in roles record and loader.
 */
#ifndef RECORD_LIBBPF_H
#define RECORD_LIBBPF_H

struct error;

/* From here on warnings are kept, not printed. */
void libbpf_listen(void);
/* rc: negative errno, returned. The words are "eBPF: WHAT: ..." with the last
 * line that libbpf said. */
int libbpf_failed(struct error *err, int rc, const char *what);

#endif
