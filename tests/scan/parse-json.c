/* SPDX-License-Identifier: Apache-2.0 */
/* The least that anything must do with a JSON lockfile: read and parse it.
 * What bench/scan compares with. */
#include <stdio.h>
#include <yyjson.h>

int
main(int argc, char **argv)
{
	yyjson_doc *d =
	    argc == 2 ? yyjson_read_file(argv[1], 0, NULL, NULL) : NULL;

	if (d == NULL)
		return 1;
	(void)printf("%zu values\n", yyjson_doc_get_val_count(d));
	yyjson_doc_free(d);
	return 0;
}
