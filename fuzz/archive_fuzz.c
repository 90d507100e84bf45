/* SPDX-License-Identifier: Apache-2.0 */
/* Archives, as role unpack reads them. */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive/reader.h"
#include "base/error.h"
#include "static/figures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_all(struct reader *r)
{
	struct reader_member m;
	struct figures g;
	char bytes[4096];
	int64_t n;

	while (reader_next(r, &m, NULL) == 1) {
		struct figuring *f = figuring_new();

		while ((n = reader_read(r, bytes, sizeof(bytes), NULL)) > 0)
			figuring_add(f, bytes, (size_t)n);
		figuring_end(f, m.inner, &g);
		(void)reader_anomalies(r);
		if (n < 0)
			return;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct reader *r;

	if (write(fd, data, size) == (ssize_t)size &&
	    reader_open(fd, 1, &r, NULL) == 0) {
		read_all(r);
		reader_free(r);
	}
	(void)close(fd);
	return 0;
}
