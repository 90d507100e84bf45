/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of large folders, from the process that read their names. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/export_walk_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
take(struct walk *w, const char *path)
{
	struct level l = { .fd = -1 };

	(void)snprintf(w->path, sizeof(w->path), "%s", path);
	for (w->share = 0; w->share < WALK_SHARES; w->share++)
		(void)export_lister_take(w, &l);
	for (size_t i = 0; i < l.names.n; i++) {
		const struct name *n = &l.names.v[i];

		assert(n->n != 0 && strlen(n->text) == n->n);
		assert(strchr(n->text, '/') == NULL);
	}
	vec_done(&l.names);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct walk *w = mem_alloc(sizeof(*w));
	char *bytes = mem_array(size, 1);

	if (size != 0)
		memcpy(bytes, data, size);
	w->lister.fd = -1;
	if (export_lister_valid(str_n(bytes, size))) {
		w->lister.map = bytes;
		w->lister.bytes = size;
		take(w, "malicious/npm/");
		take(w, "malicious/");
	}
	free(bytes);
	free(w);
	return 0;
}
