/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The project: a git repository with one commit, made without git. Objects are
 * loose, their zlib streams stored (RFC 1951, type 0), so that nothing here
 * needs a compressor. Runs in the supervisor.
 */
#include <openssl/evp.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "decoy/persona_priv.h"

#define SHA1_BYTES   20
#define OBJECT_BYTES (64u << 10)
/* One stored block holds at most 65535 bytes; our files are far smaller. */
#define STORED_MAX 65535

struct object {
	uint8_t id[SHA1_BYTES];
};

struct tracked {
	const char *path; /* in the project; one folder deep at most */
	struct str bytes;
	struct object object;
};

static int
sha1_of(struct str s, uint8_t ret[SHA1_BYTES], struct error *err)
{
	unsigned n = SHA1_BYTES;

	if (EVP_Digest(s.p, s.n, ret, &n, EVP_sha1(), NULL) != 1)
		return error_set(err, -EIO, "libcrypto cannot do SHA-1");
	return 0;
}

static uint32_t
adler32_of(struct str s)
{
	uint32_t a = 1, b = 0;

	for (size_t i = 0; i < s.n; i++) {
		a = (a + (uint8_t)s.p[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

static void
put_be32(struct buf *b, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_putc(b, (char)(v >> shift));
}

static void
put_stored(struct buf *b, struct str s)
{
	uint16_t n = (uint16_t)s.n;

	buf_put(b, "\x78\x01\x01", 3);
	buf_putc(b, (char)n);
	buf_putc(b, (char)(n >> 8));
	buf_putc(b, (char)~n);
	buf_putc(b, (char)(~n >> 8));
	buf_put_str(b, s);
	put_be32(b, adler32_of(s));
}

static int
put_object(struct maker *m, const char *type, struct str body,
    struct object *ret, struct error *err)
{
	struct buf whole, file, hex;

	buf_init(&whole, STORED_MAX);
	buf_init(&file, OBJECT_BYTES + 64);
	buf_init(&hex, SHA1_BYTES * 2);
	buf_printf(&whole, "%s %zu", type, body.n);
	buf_putc(&whole, '\0');
	buf_put_str(&whole, body);
	int r = sha1_of(buf_str(&whole), ret->id, err);
	if (r == 0) {
		put_stored(&file, buf_str(&whole));
		buf_put_hex(&hex, ret->id, SHA1_BYTES);
		const char *path = arena_printf(m->a, ".git/objects/%.2s/%s",
		    hex.p, hex.p + 2);
		maker_file(m, maker_in_project(m, path), 0444, 100,
		    arena_str(m->a, buf_str(&file)));
	}
	buf_done(&whole);
	buf_done(&file);
	buf_done(&hex);
	return r;
}

static void
put_entry(struct buf *b, const char *mode, const char *name,
    const struct object *o)
{
	buf_printf(b, "%s %s", mode, name);
	buf_putc(b, '\0');
	buf_put(b, o->id, SHA1_BYTES);
}

/* Trees in the order of git: names as bytes, folders as if they ended in a
 * slash. The table below keeps to it. */
static int
put_trees(struct maker *m, struct tracked *files, size_t n, struct object *ret,
    struct error *err)
{
	_cleanup_(buf_done) struct buf root = { 0 }, sub = { 0 };
	struct object folder;
	int r = 0;

	buf_init(&root, OBJECT_BYTES);
	buf_init(&sub, OBJECT_BYTES);
	for (size_t i = 0; i < n && r == 0; i++) {
		const char *slash = strchr(files[i].path, '/');
		if (slash == NULL) {
			put_entry(&root, "100644", files[i].path,
			    &files[i].object);
			continue;
		}
		put_entry(&sub, "100644", slash + 1, &files[i].object);
		if (i + 1 < n && strchr(files[i + 1].path, '/') != NULL)
			continue;
		r = put_object(m, "tree", buf_str(&sub), &folder, err);
		put_entry(&root, "40000",
		    arena_printf(m->a, "%.*s", (int)(slash - files[i].path),
			files[i].path),
		    &folder);
	}
	return r < 0 ? r : put_object(m, "tree", buf_str(&root), ret, err);
}

/* Index of version 2. The times are zero: git looks at the files again. */
static int
put_index(struct maker *m, const struct tracked *files, size_t n,
    struct error *err)
{
	_cleanup_(buf_done) struct buf b = { 0 };
	uint8_t sum[SHA1_BYTES];

	buf_init(&b, OBJECT_BYTES);
	buf_put(&b, "DIRC", 4);
	put_be32(&b, 2);
	put_be32(&b, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		size_t begin = b.n, length = strlen(files[i].path);
		for (int k = 0; k < 6; k++)
			put_be32(&b, 0);
		put_be32(&b, 0100644);
		put_be32(&b, PERSONA_UID);
		put_be32(&b, PERSONA_GID);
		put_be32(&b, (uint32_t)files[i].bytes.n);
		buf_put(&b, files[i].object.id, SHA1_BYTES);
		buf_putc(&b, (char)(length >> 8));
		buf_putc(&b, (char)length);
		buf_put(&b, files[i].path, length);
		do {
			buf_putc(&b, '\0');
		} while ((b.n - begin) % 8 != 0);
	}
	int r = sha1_of(buf_str(&b), sum, err);
	buf_put(&b, sum, SHA1_BYTES);
	maker_file(m, maker_in_project(m, ".git/index"), MODE_PUBLIC, 20,
	    arena_str(m->a, buf_str(&b)));
	return r;
}

static const char *
hex_of(struct maker *m, const struct object *o)
{
	struct buf b;

	buf_init(&b, SHA1_BYTES * 2);
	buf_put_hex(&b, o->id, SHA1_BYTES);
	const char *s = arena_printf(m->a, "%s", b.p);
	buf_done(&b);
	return s;
}

static int
put_commit(struct maker *m, const struct object *tree, struct error *err)
{
	struct persona *p = m->p;
	struct object commit;
	const char *who = arena_printf(m->a, "%s <%.*s> %lld +0100",
	    p->full_name, STR_ARG(m->email),
	    (long long)(m->now - draw_between(&m->d, 3, 200) * 86400));
	const char *body = arena_printf(m->a,
	    "tree %s\nauthor %s\ncommitter %s\n\nFirst version\n",
	    hex_of(m, tree), who, who);
	int r = put_object(m, "commit", str_of(body), &commit, err);

	if (r < 0)
		return r;
	const char *id = hex_of(m, &commit);
	const char *log = arena_printf(m->a,
	    "%040d %s %s\tcommit (initial): First version\n", 0, id, who);
	maker_file(m, maker_in_project(m, ".git/logs/HEAD"), MODE_PUBLIC, 100,
	    str_of(log));
	maker_file(m, maker_in_project(m, ".git/logs/refs/heads/main"),
	    MODE_PUBLIC, 100, str_of(log));
	maker_file(m, maker_in_project(m, ".git/refs/heads/main"), MODE_PUBLIC,
	    100, str_of(arena_printf(m->a, "%s\n", id)));
	maker_file(m, maker_in_project(m, ".git/refs/remotes/origin/main"),
	    MODE_PUBLIC, 90, str_of(arena_printf(m->a, "%s\n", id)));
	return 0;
}

static void
put_settings(struct maker *m)
{
	maker_file(m, maker_in_project(m, ".git/HEAD"), MODE_PUBLIC, 100,
	    STR_LIT("ref: refs/heads/main\n"));
	maker_file(m, maker_in_project(m, ".git/description"), MODE_PUBLIC, 100,
	    STR_LIT("Unnamed repository; edit this file 'description' to name "
		    "the repository.\n"));
	maker_file(m, maker_in_project(m, ".git/info/exclude"), MODE_PUBLIC,
	    100,
	    STR_LIT("# git ls-files --others --exclude-from=.git/info/"
		    "exclude\n"));
	maker_file(m, maker_in_project(m, ".git/config"), MODE_PUBLIC, 100,
	    str_of(arena_printf(m->a,
		"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n"
		"\tbare = false\n\tlogallrefupdates = true\n"
		"[remote \"origin\"]\n"
		"\turl = git@github.com:%.*s/%s.git\n"
		"\tfetch = +refs/heads/*:refs/remotes/origin/*\n"
		"[branch \"main\"]\n\tremote = origin\n"
		"\tmerge = refs/heads/main\n",
		STR_ARG(m->org), m->p->project_name)));
	maker_folder(m, maker_in_project(m, ".git/hooks"), 0755);
	maker_folder(m, maker_in_project(m, ".git/objects/pack"), 0755);
	maker_folder(m, maker_in_project(m, ".git/refs/tags"), 0755);
}

static const char source_code[] =
    "'use strict';\n\nconst http = require('http');\n\n"
    "const port = Number(process.env.PORT || 3000);\n\n"
    "function handle(req, res) {\n"
    "  if (req.url === '/health') {\n    res.end('ok\\n');\n    return;\n"
    "  }\n  res.statusCode = 404;\n  res.end();\n}\n\n"
    "if (require.main === module) {\n"
    "  http.createServer(handle).listen(port);\n}\n\n"
    "module.exports = { handle };\n";

static struct str
manifest_of(struct maker *m)
{
	struct buf b;
	struct json j;

	buf_init(&b, OBJECT_BYTES);
	json_init(&j, &b, 2);
	json_object_begin(&j);
	json_key(&j, "name");
	json_strz(&j, m->p->project_name);
	json_key(&j, "version");
	json_strz(&j,
	    arena_printf(m->a, "0.%u.%u", 1 + draw_below(&m->d, 9),
		draw_below(&m->d, 20)));
	json_key(&j, "private");
	json_bool(&j, true);
	json_key(&j, "main");
	json_strz(&j, "src/index.js");
	json_key(&j, "scripts");
	json_object_begin(&j);
	json_key(&j, "start");
	json_strz(&j, "node src/index.js");
	json_object_end(&j);
	if (m->depends_on.p != NULL) {
		json_key(&j, "dependencies");
		json_object_begin(&j);
		json_key_str(&j, m->depends_on);
		json_str(&j, m->depends_version);
		json_object_end(&j);
		json_key(&j, "allowScripts");
		json_object_begin(&j);
		json_key_str(&j, m->depends_on);
		json_bool(&j, true);
		json_object_end(&j);
	}
	json_object_end(&j);
	buf_putc(&b, '\n');
	struct str s = arena_str(m->a, buf_str(&b));
	buf_done(&b);
	return s;
}

int
persona_make_repo(struct maker *m, struct error *err)
{
	const char *name = m->p->project_name;
	struct object tree;
	/* In the order of git's trees and index. */
	struct tracked files[] = {
		{ .path = ".gitignore",
		    .bytes = STR_LIT("node_modules/\n.env\n*.log\n") },
		{ .path = "README.md",
		    .bytes = str_of(arena_printf(m->a,
			"# %s\n\n\tnpm install\n\tnpm start\n", name)) },
		{ .path = "package.json", .bytes = manifest_of(m) },
		{ .path = "src/index.js", .bytes = str_of(source_code) },
	};
	int r = 0;

	put_settings(m);
	for (size_t i = 0; i < N_ELEMENTS(files) && r == 0; i++) {
		maker_file(m, maker_in_project(m, files[i].path), MODE_PUBLIC,
		    100, files[i].bytes);
		r = put_object(m, "blob", files[i].bytes, &files[i].object,
		    err);
	}
	if (r == 0)
		r = put_trees(m, files, N_ELEMENTS(files), &tree, err);
	if (r == 0)
		r = put_index(m, files, N_ELEMENTS(files), err);
	return r < 0 ? r : put_commit(m, &tree, err);
}
