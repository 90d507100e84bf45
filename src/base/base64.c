/* SPDX-License-Identifier: Apache-2.0 */
/* Base64. Runs in every process. */
#include "base/base64.h"

#include "base/buf.h"

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_write(struct str bytes, struct buf *out)
{
	for (size_t i = 0; i < bytes.n; i += 3) {
		uint32_t v = 0;
		size_t n = bytes.n - i < 3 ? bytes.n - i : 3;

		for (size_t k = 0; k < 3; k++)
			v = v << 8 |
			    (k < n ? (unsigned char)bytes.p[i + k] : 0u);
		for (size_t k = 0; k < 4; k++)
			buf_putc(out,
			    k <= n ? digits[v >> (18 - 6 * k) & 63] : '=');
	}
}

bool
base64_read(struct str text, struct buf *out)
{
	uint32_t v = 0;
	size_t padding = 0;

	if (text.n % 4 != 0)
		return false;
	while (padding < 2 && padding < text.n &&
	    text.p[text.n - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < text.n; i++) {
		const char *at = i < text.n - padding && text.p[i] != '\0' ?
		    strchr(digits, text.p[i]) :
		    NULL;

		if (at == NULL && i < text.n - padding)
			return false;
		v = v << 6 | (at != NULL ? (uint32_t)(at - digits) : 0u);
		if (i % 4 != 3)
			continue;
		for (size_t k = 0; k < (i + 1 == text.n ? 3 - padding : 3); k++)
			buf_putc(out, (char)(v >> (16 - 8 * k)));
		v = 0;
	}
	return !out->full;
}
