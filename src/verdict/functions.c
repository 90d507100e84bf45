/* SPDX-License-Identifier: Apache-2.0 */
/* SQL functions over bytes: paths, argument lists, content. In judge. */
#include "verdict/functions.h"

#include <errno.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/str.h"
#include "runfile/reader.h"
#include "sys/term.h"

/* What a sentence shows of one value. */
#define TEXT_BYTES 160
/* What a rule may look at of one content. */
#define CONTENT_BYTES (1 * MIB)

static struct str
value_str(sqlite3_value *v)
{
	const void *p;

	if (sqlite3_value_type(v) == SQLITE_NULL)
		return STR_NONE;
	p = sqlite3_value_blob(v);
	return p == NULL ? STR_LIT("") :
			   str_n(p, (size_t)sqlite3_value_bytes(v));
}

static void
give_text(sqlite3_context *ctx, struct str s)
{
	if (s.p != NULL)
		sqlite3_result_text64(ctx, s.p, s.n, SQLITE_TRANSIENT,
		    SQLITE_UTF8);
}

static void
give_bytes(sqlite3_context *ctx, struct str s)
{
	if (s.p != NULL)
		sqlite3_result_blob64(ctx, s.p, s.n, SQLITE_TRANSIENT);
}

/* The n-th part before a NUL, from 0. */
static struct str
word(struct str list, int64_t n)
{
	struct str part;

	while (str_cut(&list, '\0', &part))
		if (n-- == 0)
			return list.p == NULL && part.n == 0 ? STR_NONE : part;
	return STR_NONE;
}

static void
sql_basename(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct str s = value_str(argv[0]);

	(void)argc;
	give_text(ctx,
	    s.p == NULL ? s : str_sub(s, (size_t)(str_rchr(s, '/') + 1), s.n));
}

static void
give_safe(sqlite3_context *ctx, struct str s)
{
	struct buf b;
	bool cut = s.n > TEXT_BYTES;

	if (s.p == NULL)
		return;
	s = str_sub(s, 0, TEXT_BYTES);
	while (cut && s.n != 0 && ((unsigned char)s.p[s.n - 1] & 0xc0) == 0x80)
		s.n--;
	if (cut && s.n != 0 && ((unsigned char)s.p[s.n - 1] & 0x80) != 0)
		s.n--;
	buf_init(&b, 16 * TEXT_BYTES);
	term_safe(&b, s);
	if (cut)
		buf_puts(&b, "…");
	give_text(ctx, b.n != 0 ? buf_str(&b) : STR_LIT(""));
	buf_done(&b);
}

static void
sql_text(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	(void)argc;
	give_safe(ctx, value_str(argv[0]));
}

/* An argument list with blanks between, safe, cut. */
static void
sql_words(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct str list = value_str(argv[0]), part;
	struct buf b;

	(void)argc;
	if (list.p == NULL)
		return;
	if (list.n != 0 && list.p[list.n - 1] == '\0')
		list.n--;
	buf_init(&b, LIMIT_ARGV_BYTES);
	while (str_cut(&list, '\0', &part)) {
		if (b.n != 0)
			buf_putc(&b, ' ');
		buf_put_str(&b, part);
	}
	give_safe(ctx, b.n != 0 ? buf_str(&b) : STR_LIT(""));
	buf_done(&b);
}

/* arg(argv, n) */
static void
sql_arg(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	(void)argc;
	give_text(ctx, word(value_str(argv[0]), sqlite3_value_int64(argv[1])));
}

/* has_arg(argv, word): 1 when one argument is that word */
static void
sql_has_arg(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct str list = value_str(argv[0]), want = value_str(argv[1]), part;
	int found = 0;

	(void)argc;
	while (str_cut(&list, '\0', &part))
		found |= want.p != NULL && str_eq(part, want);
	sqlite3_result_int(ctx, found);
}

/* env(environment, name) */
static void
sql_env(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct str list = value_str(argv[0]), name = value_str(argv[1]), part;

	(void)argc;
	while (name.p != NULL && str_cut(&list, '\0', &part))
		if (part.n > name.n && part.p[name.n] == '=' &&
		    str_eq(str_sub(part, 0, name.n), name)) {
			give_text(ctx, str_sub(part, name.n + 1, part.n));
			return;
		}
}

static bool
is_inside(struct str path, struct str folder)
{
	if (folder.n != 0 && folder.p[folder.n - 1] == '/')
		folder.n--;
	return path.n >= folder.n &&
	    str_eq(str_sub(path, 0, folder.n), folder) &&
	    (path.n == folder.n || path.p[folder.n] == '/');
}

/* inside(path, folder): the folder itself included */
static void
sql_inside(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct str path = value_str(argv[0]), folder = value_str(argv[1]);

	(void)argc;
	if (path.p != NULL && folder.p != NULL)
		sqlite3_result_int(ctx, is_inside(path, folder));
}

/* tilde(path, home): "~/…" for what lies in the home */
static void
sql_tilde(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct str path = value_str(argv[0]), home = value_str(argv[1]);
	struct buf b;

	(void)argc;
	if (path.p == NULL)
		return;
	if (home.n < 2 || !is_inside(path, home)) {
		give_text(ctx, path);
		return;
	}
	buf_init(&b, LIMIT_PATH_BYTES + 2);
	buf_putc(&b, '~');
	buf_put_str(&b, str_sub(path, home.n, path.n));
	give_text(ctx, buf_str(&b));
	buf_done(&b);
}

/* has(haystack, needle): bytes in bytes */
static void
sql_has(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct str in = value_str(argv[0]), what = value_str(argv[1]);

	(void)argc;
	sqlite3_result_int(ctx,
	    in.p != NULL && what.p != NULL && what.n != 0 &&
		memmem(in.p, in.n, what.p, what.n) != NULL);
}

/* trim_bytes(x): white space at both ends, as $(…) of a shell drops it */
static void
sql_trim_bytes(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	(void)argc;
	give_bytes(ctx, str_trim(value_str(argv[0])));
}

/* content(sha256): the bytes kept under this hash, NULL when there are none */
static void
sql_content(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct reader *r = sqlite3_user_data(ctx);
	struct str sha = value_str(argv[0]);
	struct buf b;

	(void)argc;
	buf_init(&b, CONTENT_BYTES);
	if (sha.p != NULL && reader_blob(r, sha, &b, NULL) == 0)
		give_bytes(ctx, b.n != 0 ? buf_str(&b) : STR_LIT(""));
	buf_done(&b);
}

int
functions_add(struct reader *r, struct error *err)
{
	static const struct {
		const char *name;
		int argc;
		void (*call)(sqlite3_context *, int, sqlite3_value **);
	} list[] = {
		{ "basename", 1, sql_basename },
		{ "text", 1, sql_text },
		{ "words", 1, sql_words },
		{ "arg", 2, sql_arg },
		{ "has_arg", 2, sql_has_arg },
		{ "env", 2, sql_env },
		{ "inside", 2, sql_inside },
		{ "tilde", 2, sql_tilde },
		{ "has", 2, sql_has },
		{ "trim_bytes", 1, sql_trim_bytes },
		{ "content", 1, sql_content },
	};

	for (size_t i = 0; i < N_ELEMENTS(list); i++)
		if (sqlite3_create_function(reader_db(r), list[i].name,
			list[i].argc,
			SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
			r, list[i].call, NULL, NULL) != SQLITE_OK)
			return error_set(err, -EIO, "SQLite: no function %s",
			    list[i].name);
	return 0;
}
