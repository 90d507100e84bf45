/* SPDX-License-Identifier: Apache-2.0 */
/* A stranger's run file: opened, reported, judged. */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "runfile/reader.h"
#include "verdict/report.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct report_style style = { .columns = 80 };
	static FILE *null;
	struct error err = ERROR_INIT;
	struct reader *r = NULL;
	struct buf b;
	int fd = memfd_create("run", MFD_CLOEXEC), status;

	if (null == NULL)
		null = fopen("/dev/null", "w");
	if (fd < 0 || null == NULL || write(fd, data, size) < 0)
		return 0;
	if (reader_open(fd, "run.laz", &r, &err) == 0 &&
	    report_prepare(r, &err) == 0) {
		buf_init(&b, 1 << 20);
		(void)report_json(r, &b, &err);
		(void)report_text(r, &style, null, &err);
		(void)report_status(r, "suspicious", &status, &err);
		buf_done(&b);
	}
	reader_free(r);
	(void)close(fd);
	return 0;
}
