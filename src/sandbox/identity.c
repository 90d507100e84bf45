/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the inside believes to be: names, ids and the files in /etc that say
 * so, drawn per run where the spec leaves them open. Runs in supervisors.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "sandbox/early.h"
#include "sandbox/sandbox_priv.h"
#include "sys/fd.h"

#define UPTIME_LEAST_S (3 * 3600)
#define UPTIME_MOST_S  (20 * 86400)

static void
draw(void *p, size_t n)
{
	if (getrandom(p, n, 0) != (ssize_t)n)
		fatal("getrandom failed");
}

static const char *
draw_machine_id(struct arena *a)
{
	uint64_t r[2];

	draw(r, sizeof(r));
	return arena_printf(a, "%016llx%016llx", (unsigned long long)r[0],
	    (unsigned long long)r[1]);
}

static const char *
draw_uuid(struct arena *a)
{
	uint8_t r[16];

	draw(r, sizeof(r));
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40); /* version 4 */
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
	return arena_printf(a,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x%02x%02x%02x%02x",
	    r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10],
	    r[11], r[12], r[13], r[14], r[15]);
}

/* A name that goes into files of lines and colons. */
static int
check_name(const char *what, const char *name, struct error *err)
{
	size_t n = strspn(name,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."
	    "-");

	if (n == 0 || n > 63 || name[n] != '\0' || name[0] == '-' ||
	    name[0] == '.')
		return error_set(err, -EINVAL,
		    "%s '%s': letters, digits, '-', '_' and '.' only", what,
		    name);
	return 0;
}

int
identity_draw(struct sandbox_plan *p, struct error *err)
{
	const struct sandbox_spec *s = p->spec;
	uint32_t r[2];
	int rc;

	draw(r, sizeof(r));
	p->hostname = s->hostname != NULL ?
	    s->hostname :
	    arena_printf(p->arena, "dev-%04x", r[0] & 0xffff);
	p->user = s->user != NULL ? s->user : "user";
	p->home = s->home != NULL ? s->home :
				    arena_printf(p->arena, "/home/%s", p->user);
	p->uid = s->uid != 0 ? s->uid : 1000;
	p->gid = s->gid != 0 ? s->gid : 1000;
	p->machine_id =
	    s->machine_id != NULL ? s->machine_id : draw_machine_id(p->arena);
	p->boot_id = s->boot_id != NULL ? s->boot_id : draw_uuid(p->arena);
	p->uptime_s = s->uptime_s != 0 ?
	    s->uptime_s :
	    UPTIME_LEAST_S + r[1] % (UPTIME_MOST_S - UPTIME_LEAST_S);
	if (s->network == SANDBOX_NETWORK_SINK)
		early_addresses(s->early, &p->network);
	rc = check_name("host name", p->hostname, err);
	if (rc == 0)
		rc = check_name("user", p->user, err);
	if (rc == 0 && (p->uid >= 65535 || p->gid >= 65535))
		rc = error_set(err, -EINVAL, "user id %u: at most 65534",
		    p->uid);
	return rc;
}

static bool
is_given(const struct sandbox_plan *p, const char *path)
{
	const struct sandbox_file *f;

	vec_foreach(f, &p->files)
		if (strcmp(f->path, path) == 0)
			return true;
	return false;
}

static void
put(struct sandbox_plan *p, const char *path, const char *text, unsigned mode)
{
	if (!is_given(p, path))
		vec_push(&p->files,
		    ((struct sandbox_file){ .path = path,
			.kind = SANDBOX_FILE_BYTES,
			.bytes = str_of(text),
			.fd = -1,
			.mode = mode }));
}

static void
put_folder(struct sandbox_plan *p, const char *path, unsigned mode,
    uint32_t uid, uint32_t gid)
{
	if (!is_given(p, path))
		vec_push(&p->files,
		    ((struct sandbox_file){ .path = path,
			.kind = SANDBOX_FILE_DIR,
			.fd = -1,
			.mode = mode,
			.uid = uid,
			.gid = gid }));
}

/* The file as the topmost layer that has it shows it; empty: none has. */
static int
read_layers(const struct sandbox_plan *p, const char *rel, struct buf *out,
    struct error *err)
{
	for (size_t i = 0; i < p->spec->n_layers; i++) {
		const struct sandbox_layer *l = &p->spec->layers[i];
		_cleanup_(closep) int dir = -1;
		_cleanup_(closep) int fd = -1;

		if (l->fd < 0) {
			dir = open(l->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
			if (dir < 0)
				return error_errno(err, "%s", l->path);
		}
		fd = openat(l->fd >= 0 ? l->fd : dir, rel,
		    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			return fd_read_all(fd, out, err);
	}
	return 0;
}

/* A file of lines NAME:…:ID:… without those of this name or id. */
static void
without(struct buf *out, struct str text, const char *name, uint32_t id)
{
	char id_text[16];
	struct str line;

	(void)snprintf(id_text, sizeof(id_text), "%u", id);
	while (str_cut(&text, '\n', &line)) {
		struct str rest = line, fields[3] = { STR_NONE };

		for (int i = 0; i < 3 && rest.p != NULL; i++)
			(void)str_cut(&rest, ':', &fields[i]);
		if (line.n == 0 || str_is(fields[0], name) ||
		    str_is(fields[2], id_text))
			continue;
		buf_put_str(out, line);
		buf_putc(out, '\n');
	}
}

/* One of passwd and group: the layer's, and our user. */
static int
put_accounts(struct sandbox_plan *p, const char *path, uint32_t id,
    const char *line, const char *root, struct error *err)
{
	struct buf have, out;
	int rc;

	buf_init(&have, 256 * KIB);
	buf_init(&out, 300 * KIB);
	rc = read_layers(p, path + 1, &have, err);
	if (rc == 0) {
		if (have.n == 0)
			buf_puts(&have, root);
		without(&out, buf_str(&have), p->user, id);
		buf_puts(&out, line);
		put(p, path, arena_strz(p->arena, buf_str(&out)), 0644);
	}
	buf_done(&have);
	buf_done(&out);
	return rc;
}

static const char *
resolver(const struct sandbox_plan *p)
{
	if (p->spec->network != SANDBOX_NETWORK_SINK)
		return "";
	return arena_printf(p->arena, "nameserver %s\nnameserver %s\n",
	    p->network.sink_address4, p->network.sink_address6);
}

/* What C libraries and runtimes ask for the number of processors. */
static void
put_processors(struct sandbox_plan *p)
{
	static const char *const paths[] = {
		"/sys/devices/system/cpu/online",
		"/sys/devices/system/cpu/possible",
		"/sys/devices/system/cpu/present",
	};
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	const char *text =
	    n > 1 ? arena_printf(p->arena, "0-%ld\n", n - 1) : "0\n";

	for (size_t i = 0; i < N_ELEMENTS(paths); i++)
		put(p, paths[i], text, 0444);
}

int
identity_files(struct sandbox_plan *p, struct error *err)
{
	struct arena *a = p->arena;
	int rc;

	/* Mount points and folders that every program expects. */
	put_folder(p, "/proc", 0555, 0, 0);
	put_folder(p, "/dev", 0755, 0, 0);
	put_folder(p, "/sys", 0555, 0, 0);
	put_folder(p, "/tmp", 01777, 0, 0);
	put_folder(p, p->home, 0755, p->uid, p->gid);
	put_processors(p);
	if (!p->spec->put_identity)
		return 0;
	put(p, "/etc/hostname", arena_printf(a, "%s\n", p->hostname), 0644);
	put(p, "/etc/hosts",
	    arena_printf(a,
		"127.0.0.1\tlocalhost\n127.0.1.1\t%s\n"
		"::1\tlocalhost ip6-localhost ip6-loopback\n",
		p->hostname),
	    0644);
	put(p, "/etc/machine-id", arena_printf(a, "%s\n", p->machine_id), 0444);
	put(p, "/etc/resolv.conf", resolver(p), 0644);
	rc = put_accounts(p, "/etc/passwd", p->uid,
	    arena_printf(a, "%s:x:%u:%u:%s,,,:%s:/bin/bash\n", p->user, p->uid,
		p->gid, p->user, p->home),
	    "root:x:0:0:root:/root:/bin/bash\n", err);
	if (rc == 0)
		rc = put_accounts(p, "/etc/group", p->gid,
		    arena_printf(a, "%s:x:%u:\n", p->user, p->gid),
		    "root:x:0:\ntty:x:5:\n", err);
	return rc;
}
