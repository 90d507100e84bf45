/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands for a language runtime in images that tests build in a second: a
 * static program with root certificates in its binary, which answers what a
 * build asks. Started as the interpreter of a script it is the package client.
 */
#include <stdio.h>
#include <string.h>

#define LINE \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"AAAA" \
	"AAAA\n"
#define ROOT(lines) \
	"-----BEGIN CERTIFICATE-----\n" lines "-----END CERTIFICATE-----"
#define LINES4 LINE LINE LINE LINE

static const char *volatile const roots[] = {
	ROOT(LINES4),
	ROOT(LINES4 LINES4 LINES4),
	ROOT(LINES4 LINES4 LINES4 LINES4 LINES4),
};

#define N_ROOTS (sizeof(roots) / sizeof(roots[0]))

static int
trusts(const char *pem)
{
	int n = 0;

	for (size_t i = 0; i < N_ROOTS; i++)
		n += strncmp(roots[i], pem, strlen(pem)) == 0;
	return n;
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (strcmp(argv[1], "--version") == 0)
		(void)puts("v1.2.3");
	else if (strcmp(argv[1], "-e") == 0)
		(void)printf("%zu %d\n", N_ROOTS, trusts(argv[argc - 1]));
	else
		(void)puts("http://registry.test/");
	return 0;
}
