/* SPDX-License-Identifier: Apache-2.0 */
/* Packets into a file. Runs in role sink. */
#include "sink/pcap_priv.h"

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "sink/tap_priv.h"

/* In the order of bytes of the machine: readers see which from the magic. */
#define MAGIC_US     0xa1b2c3d4u
#define DLT_ETHERNET 1

struct file_head {
	uint32_t magic;
	uint16_t major_version, minor_version;
	int32_t zone;
	uint32_t accuracy, snap_bytes, link;
};

struct packet_head {
	uint32_t s, us, kept, length;
};

_Static_assert(sizeof(struct file_head) == 24, "as on disk");
_Static_assert(sizeof(struct packet_head) == PCAP_PACKET_BYTES, "as on disk");

int
pcap_open(int fd, FILE **ret, struct error *err)
{
	const struct file_head h = { .magic = MAGIC_US,
		.major_version = 2,
		.minor_version = 4,
		.snap_bytes = LIMIT_SINK_SNAP_BYTES,
		.link = DLT_ETHERNET };
	_cleanup_(closep) int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	_cleanup_(fclosep) FILE *f = copy >= 0 ? fdopen(copy, "wb") : NULL;

	if (f == NULL)
		return error_errno(err, "sink: packet capture file");
	(void)steal_fd(&copy);
	if (fwrite(&h, sizeof(h), 1, f) != 1)
		return error_errno(err, "sink: packet capture file");
	*ret = steal(&f);
	return 0;
}

void
pcap_write(FILE *f, const struct tap_packet *p, size_t n)
{
	const struct packet_head h = { (uint32_t)p->at.tv_sec,
		(uint32_t)p->at.tv_nsec / 1000, (uint32_t)n,
		(uint32_t)p->length };

	(void)fwrite(&h, sizeof(h), 1, f);
	(void)fwrite(p->bytes.p, 1, n, f);
}
