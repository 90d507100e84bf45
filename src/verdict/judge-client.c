/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and steering judge. Runs in supervisors; reads rule files, which
 * only judge parses. */
#include "verdict/judge-client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "runfile/scribe-client.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "sys/paths.h"
#include "sys/spawn.h"

struct rule_file {
	char *name; /* owned */
	const char *dir;
};

struct rule_files {
	VEC(struct rule_file) list;
};

static void
files_done(struct rule_files *f)
{
	for (size_t i = 0; i < f->list.n; i++)
		free(f->list.v[i].name);
	vec_done(&f->list);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct rule_file *)a)->name,
	    ((const struct rule_file *)b)->name);
}

static int
list_dir(const char *dir, struct rule_files *f, struct error *err)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	if (d == NULL && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (d == NULL)
		return error_errno(err, "%s", dir);
	while ((e = readdir(d)) != NULL && f->list.n < LIMIT_RULES) {
		struct rule_file *at = NULL;

		if (e->d_name[0] == '.' || !str_ends(str_of(e->d_name), ".sql"))
			continue;
		for (size_t i = 0; i < f->list.n; i++)
			if (strcmp(f->list.v[i].name, e->d_name) == 0)
				at = &f->list.v[i];
		if (at == NULL) {
			at = vec_add(&f->list);
			at->name = mem_strdup(e->d_name);
		}
		at->dir = dir;
	}
	(void)closedir(d);
	return 0;
}

static int
read_rule(const struct rule_file *f,
    int (*take)(void *, const char *, struct str, struct error *), void *arg,
    struct error *err)
{
	_cleanup_(closep) int fd = -1;
	char path[LIMIT_PATH_BYTES];
	struct buf text;
	int rc;

	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, f->name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return error_errno(err, "rule %s", path);
	buf_init(&text, LIMIT_RULE_BYTES + 1);
	rc = fd_read_all(fd, &text, err);
	if (rc == -EFBIG)
		rc = 0; /* one byte too many: who parses it says so */
	if (rc != 0)
		rc = error_wrap(err, "rule %s", path);
	else
		rc = take(arg, path, buf_str(&text), err);
	buf_done(&text);
	return rc;
}

int
judge_read_rules(const char *const *rule_dirs,
    int (
	*take)(void *arg, const char *file, struct str text, struct error *err),
    void *arg, struct error *err)
{
	struct rule_files f = { 0 };
	int rc = 0;

	for (; *rule_dirs != NULL && rc == 0; rule_dirs++)
		rc = list_dir(*rule_dirs, &f, err);
	if (rc == 0 && f.list.n == 0)
		rc = error_set(err, -ENOENT,
		    "no rules found: the installation is not complete");
	if (f.list.n != 0)
		qsort(f.list.v, f.list.n, sizeof(*f.list.v), compare_names);
	for (size_t i = 0; i < f.list.n && rc == 0; i++)
		rc = read_rule(&f.list.v[i], take, arg, err);
	files_done(&f);
	return rc;
}

int
judge_rule_dirs(char room[JUDGE_RULE_DIRS][4096],
    const char *ret[JUDGE_RULE_DIRS], struct error *err)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int rc, n = 0;

	rc = paths_get(PATHS_DATA, NULL, room[0], sizeof(room[0]) - 8, err);
	if (rc != 0)
		return rc;
	memcpy(room[0] + strlen(room[0]), "/rules", sizeof("/rules"));
	ret[n++] = room[0];
	(void)snprintf(room[1], sizeof(room[1]), "/etc/lazaret/rules");
	ret[n++] = room[1];
	if (config != NULL && config[0] == '/')
		(void)snprintf(room[2], sizeof(room[2]), "%s/lazaret/rules",
		    config);
	else if (home != NULL && home[0] == '/')
		(void)snprintf(room[2], sizeof(room[2]),
		    "%s/.config/lazaret/rules", home);
	else
		room[2][0] = '\0';
	if (room[2][0] != '\0')
		ret[n++] = room[2];
	ret[n] = NULL;
	return 0;
}

struct judge {
	struct child child;
	struct channel control;
};

static void
judge_done(struct judge *j)
{
	spawn_kill(&j->child);
	channel_done(&j->control);
}

static int
launch(struct judge *j, int facts_fd, int run_fd, struct error *err)
{
	_cleanup_(closep) int theirs = -1;
	const char *const argv[] = { "lazaret-judge", NULL };
	struct spawn sp = SPAWN_INIT;
	char path[LIMIT_PATH_BYTES];
	int pair[2], fds[3], rc;

	rc = spawn_libexec_path("judge", path, sizeof(path), err);
	if (rc == 0)
		rc = fd_socketpair(pair, err);
	if (rc != 0)
		return rc;
	channel_init(&j->control, pair[0]);
	theirs = pair[1];
	fds[0] = theirs;
	fds[1] = facts_fd;
	fds[2] = run_fd;
	sp.path = path;
	sp.argv = argv;
	sp.fds = fds;
	sp.n_fds = 3;
	sp.die_with_parent = true;
	return spawn_start(&sp, &j->child, err);
}

static int
failed(struct message *m, struct error *err)
{
	int64_t code = message_get_int(m);
	struct str sentence = message_get_str(m);

	return error_set(err, code < 0 && code > -4096 ? (int)code : -EIO,
	    "judge: %.*s", STR_ARG(sentence));
}

/* Waits for one type, taking what may come before it. */
static int
wait_for(struct judge *j, uint16_t type, struct judge_result *r, int64_t *ret_n,
    struct error *err)
{
	struct message m;
	struct str text;
	int rc;

	for (;;) {
		rc = channel_recv(&j->control, &m, err);
		if (rc == 0)
			return error_set(err, -EPIPE,
			    "judge ended unexpectedly");
		if (rc < 0)
			return error_wrap(err, "judge");
		if (m.type == CONTROL_FAILED)
			return failed(&m, err);
		if (m.type != JUDGE_BROKEN)
			break;
		text = message_get_str(&m);
		if (r->n_broken++ == 0)
			(void)snprintf(r->broken, sizeof(r->broken), "%.*s",
			    STR_ARG(text));
		rc = message_end(&m, err);
		if (rc != 0)
			return rc;
	}
	if (m.type != type)
		return error_set(err, -EPROTO, "judge sent message %u", m.type);
	if (type == CONTROL_READY)
		return message_end(&m, err);
	*ret_n = message_get_int(&m);
	text = message_get_str(&m);
	(void)snprintf(r->label, sizeof(r->label), "%.*s", STR_ARG(text));
	return message_end(&m, err);
}

/* Who is gone may have said why. */
static int
sent(struct judge *j, int rc, struct error *err)
{
	struct judge_result unused = { 0 };
	int64_t n;

	if (rc != -EPIPE)
		return rc;
	rc = wait_for(j, JUDGE_DONE, &unused, &n, err);
	return rc < 0 ? rc : error_set(err, -EPIPE, "judge ended unexpectedly");
}

static int
order(struct judge *j, uint16_t type, struct error *err)
{
	int rc;

	message_begin(&j->control, type);
	rc = message_send(&j->control, err);
	if (rc == 0)
		rc = channel_flush(&j->control, err);
	return sent(j, rc, err);
}

static int
send_rule(void *arg, const char *file, struct str text, struct error *err)
{
	struct judge *j = arg;

	message_begin(&j->control, JUDGE_RULE);
	message_put_str(&j->control, str_of(file));
	message_put_str(&j->control, text);
	return sent(j, message_send(&j->control, err), err);
}

static int
passes(struct judge *j, struct scribe *s, const char *const *rule_dirs,
    struct judge_result *r, struct error *err)
{
	struct scribe_synced synced;
	int64_t n = 0;
	int rc;

	rc = wait_for(j, CONTROL_READY, r, &n, err);
	if (rc == 0)
		rc = judge_read_rules(rule_dirs, send_rule, j, err);
	if (rc == 0)
		rc = scribe_sync(s, &synced, err);
	if (rc == 0)
		rc = order(j, JUDGE_CANARIES, err);
	if (rc == 0)
		rc = wait_for(j, JUDGE_DONE, r, &r->hits, err);
	if (rc == 0)
		rc = scribe_sync(s, &synced, err);
	if (rc == 0)
		rc = order(j, JUDGE_RULES, err);
	if (rc == 0)
		rc = wait_for(j, JUDGE_DONE, r, &r->findings, err);
	if (rc == 0)
		rc = scribe_sync(s, &synced, err);
	return rc;
}

int
judge_client_run(struct scribe *s, int run_fd, const char *const *rule_dirs,
    struct judge_result *ret, struct error *err)
{
	struct judge j = { .child = CHILD_INIT, .control = { .fd = -1 } };
	struct judge_result r = { 0 };
	int facts = -1, rc;

	rc = scribe_attach(s, PRODUCER_JUDGE, &facts, err);
	if (rc == 0)
		rc = launch(&j, facts, run_fd, err);
	closep(&facts);
	if (rc == 0)
		rc = passes(&j, s, rule_dirs, &r, err);
	judge_done(&j);
	if (rc == 0)
		*ret = r;
	return rc;
}
