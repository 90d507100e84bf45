/* SPDX-License-Identifier: Apache-2.0 */
/* Figures and types of files. Pure; runs in role unpack. */
#include "static/figures.h"

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"

struct figuring {
	struct sha256 *hash;
	uint64_t count[256];
	char head[FIGURES_HEAD_BYTES];
	size_t n_head;
	int64_t size, line, longest;
};

/* What the first bytes say. */
#define BYTES(l) "" l, sizeof(l) - 1
static const struct {
	size_t at;
	const char *bytes;
	size_t n;
	const char *type;
} magics[] = {
	{ 0,
	    BYTES("\x7f"
		  "ELF"),
	    "elf" },
	{ 0, BYTES("MZ"), "pe" },
	{ 0, BYTES("\xcf\xfa\xed\xfe"), "mach-o" },
	{ 0, BYTES("\xce\xfa\xed\xfe"), "mach-o" },
	{ 0, BYTES("\xca\xfe\xba\xbe"), "mach-o" }, /* or a Java class */
	{ 0, BYTES("\0asm"), "wasm" },
	{ 0, BYTES("PK\x03\x04"), "zip" },
	{ 0, BYTES("PK\x05\x06"), "zip" },
	{ 0, BYTES("\x1f\x8b"), "gzip" },
	{ 0, BYTES("BZh"), "bzip2" },
	{ 0,
	    BYTES("\xfd"
		  "7zXZ\0"),
	    "xz" },
	{ 0, BYTES("\x28\xb5\x2f\xfd"), "zstd" },
	{ 0, BYTES("7z\xbc\xaf\x27\x1c"), "7zip" },
	{ 0, BYTES("Rar!"), "rar" },
	{ 257, BYTES("ustar"), "tar" },
	{ 0, BYTES("!<arch>\n"), "ar" },
	{ 0, BYTES("\x89PNG"), "png" },
	{ 0, BYTES("\xff\xd8\xff"), "jpeg" },
	{ 0, BYTES("GIF8"), "gif" },
	{ 8, BYTES("WEBP"), "webp" },
	{ 8, BYTES("WAVE"), "wav" },
	{ 0, BYTES("wOFF"), "font" },
	{ 0, BYTES("wOF2"), "font" },
	{ 0, BYTES("\0\x01\0\0\0"), "font" },
	{ 0, BYTES("OTTO"), "font" },
	{ 0, BYTES("%PDF"), "pdf" },
	{ 0, BYTES("SQLite format 3"), "sqlite" },
	{ 0, BYTES("OggS"), "ogg" },
	{ 0, BYTES("ID3"), "mp3" },
	{ 4, BYTES("ftyp"), "mp4" },
	{ 0, BYTES("\x55\x0d\x0d\x0a"), "pyc" },
};

/* "#!" lines: the interpreter's name is in the first one. */
static const struct {
	const char *word, *type;
} interpreters[] = {
	{ "node", "javascript" }, { "deno", "javascript" },
	{ "bun", "javascript" }, { "python", "python" }, { "ruby", "ruby" },
	{ "perl", "perl" }, { "php", "php" },
	{ "sh", "shell" }, /* bash, dash, zsh too */
};

static const struct {
	const char *suffix, *type;
} suffixes[] = {
	{ ".js", "javascript" },
	{ ".cjs", "javascript" },
	{ ".mjs", "javascript" },
	{ ".jsx", "javascript" },
	{ ".ts", "typescript" },
	{ ".mts", "typescript" },
	{ ".cts", "typescript" },
	{ ".tsx", "typescript" },
	{ ".json", "json" },
	{ ".map", "json" },
	{ ".py", "python" },
	{ ".pth", "python" },
	{ ".rb", "ruby" },
	{ ".php", "php" },
	{ ".rs", "rust" },
	{ ".pl", "perl" },
	{ ".sh", "shell" },
	{ ".bash", "shell" },
	{ ".ps1", "powershell" },
	{ ".bat", "batch" },
	{ ".cmd", "batch" },
	{ ".vbs", "vbscript" },
	{ ".gyp", "gyp" },
	{ ".gypi", "gyp" },
	{ ".c", "c" },
	{ ".h", "c" },
	{ ".cc", "c++" },
	{ ".cpp", "c++" },
	{ ".hpp", "c++" },
	{ ".html", "html" },
	{ ".htm", "html" },
	{ ".svg", "svg" },
	{ ".xml", "xml" },
	{ ".css", "css" },
	{ ".md", "markdown" },
	{ ".yml", "yaml" },
	{ ".yaml", "yaml" },
	{ ".toml", "toml" },
};

static const char *
type_of_script(struct str head)
{
	struct str line;

	if (!str_starts(head, "#!"))
		return NULL;
	(void)str_cut(&head, '\n', &line);
	for (size_t i = 0; i < N_ELEMENTS(interpreters); i++)
		if (str_find(line, str_of(interpreters[i].word)) >= 0)
			return interpreters[i].type;
	return "script";
}

const char *
figures_type(struct str head, struct str path, bool is_text)
{
	const char *type = type_of_script(head);

	if (head.n == 0)
		return "empty";
	if (type != NULL)
		return type;
	for (size_t i = 0; i < N_ELEMENTS(magics); i++) {
		struct str m = str_n(magics[i].bytes, magics[i].n);

		if (str_eq(str_sub(head, magics[i].at, magics[i].at + m.n), m))
			return magics[i].type;
	}
	if (!is_text)
		return "binary";
	for (size_t i = 0; i < N_ELEMENTS(suffixes); i++)
		if (str_ends(path, suffixes[i].suffix))
			return suffixes[i].type;
	return "text";
}

struct figuring *
figuring_new(void)
{
	struct figuring *f = mem_alloc(sizeof(*f));

	f->hash = sha256_new();
	return f;
}

void
figuring_free(struct figuring *f)
{
	if (f == NULL)
		return;
	sha256_free(f->hash);
	free(f);
}

static void
count_lines(struct figuring *f, const char *p, size_t n)
{
	const char *end = p + n, *newline;

	while (p < end) {
		newline = memchr(p, '\n', (size_t)(end - p));
		f->line += (newline != NULL ? newline : end) - p;
		if (f->line > f->longest)
			f->longest = f->line;
		if (newline == NULL)
			return;
		f->line = 0;
		p = newline + 1;
	}
}

void
figuring_add(struct figuring *f, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	size_t head = MIN_OF(n, sizeof(f->head) - f->n_head);

	if (n == 0)
		return;
	memcpy(f->head + f->n_head, p, head);
	f->n_head += head;
	for (size_t i = 0; i < n; i++)
		f->count[p[i]]++;
	count_lines(f, bytes, n);
	sha256_add(f->hash, bytes, n);
	f->size += (int64_t)n;
}

static int
entropy(const struct figuring *f)
{
	double bits = 0, p;

	for (size_t i = 0; i < N_ELEMENTS(f->count); i++) {
		if (f->count[i] == 0)
			continue;
		p = (double)f->count[i] / (double)f->size;
		bits -= p * log2(p);
	}
	return (int)(bits * 1000 + 0.5);
}

void
figuring_end(struct figuring *f, struct str path, struct figures *ret)
{
	struct figures r = { .size = f->size };
	uint8_t digest[SHA256_BYTES];

	sha256_final(f->hash, digest);
	sha256_hex(digest, r.sha256);
	r.entropy = entropy(f);
	r.is_text = f->count[0] == 0;
	r.type = figures_type(str_n(f->head, f->n_head), path, r.is_text);
	if (r.is_text) {
		r.lines = (int64_t)f->count['\n'] + (f->line != 0);
		r.longest_line = f->longest;
	}
	free(f);
	*ret = r;
}
