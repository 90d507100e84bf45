/* SPDX-License-Identifier: Apache-2.0 */
/* Events of the ring as structs, paths and addresses as text. Runs in the
 * decoder of role record; fuzz/record_fuzz.c feeds it. */
#include "record/decode.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"

/* Where the section of a type goes. */
static struct decode_walk *
walk_of(struct decode_event *e, unsigned type)
{
	switch (type) {
	case RECORD_BASE1:
		return &e->bases[0];
	case RECORD_BASE2:
		return &e->bases[1];
	case RECORD_CWD:
		return &e->cwd;
	case RECORD_PATH:
		return e->n_files != 0 ? &e->files[e->n_files - 1].path : NULL;
	default:
		return NULL;
	}
}

static int
take_file(struct decode_event *e, struct str body, int fd)
{
	struct decode_file *f;

	if (body.n != sizeof(f->file) || e->n_files == DECODE_MAX_FILES)
		return -EPROTO;
	f = &e->files[e->n_files++];
	memset(f, 0, sizeof(*f));
	memcpy(&f->file, body.p, sizeof(f->file));
	f->fd = fd;
	return 0;
}

static int
take_socket(struct decode_event *e, struct str body)
{
	struct decode_file *f;

	if (body.n != sizeof(f->socket) || e->n_files == 0)
		return -EPROTO;
	f = &e->files[e->n_files - 1];
	memcpy(&f->socket, body.p, sizeof(f->socket));
	f->has_socket = true;
	return 0;
}

static int
take_section(struct decode_event *e, const struct record_section *s,
    struct str body)
{
	struct decode_walk *walk = walk_of(e, s->type);

	if (walk != NULL) {
		*walk = (struct decode_walk){ body, s->value };
		return 0;
	}
	switch (s->type) {
	case RECORD_STRING1:
	case RECORD_STRING2:
		if ((s->value & RECORD_UNREADABLE) == 0)
			e->strings[s->type - RECORD_STRING1] = body;
		return 0;
	case RECORD_FILE:
		return take_file(e, body, (int)s->value);
	case RECORD_SOCKET:
		return take_socket(e, body);
	case RECORD_ADDRESS:
		e->address = body;
		return 0;
	case RECORD_PIECE:
		e->piece = body;
		return 0;
	case RECORD_KEY:
		if (body.n != sizeof(e->key))
			return -EPROTO;
		memcpy(&e->key, body.p, sizeof(e->key));
		e->has_key = true;
		return 0;
	default:
		return -EPROTO;
	}
}

/* Files are filled in one by one. */
static void
clear(struct decode_event *e)
{
	memset(e->strings, 0, sizeof(e->strings));
	memset(e->bases, 0, sizeof(e->bases));
	memset(&e->cwd, 0, sizeof(e->cwd));
	memset(&e->key, 0, sizeof(e->key));
	e->n_files = 0;
	e->address = e->piece = STR_NONE;
	e->has_key = false;
}

int
decode_parse(struct str bytes, struct decode_event *ret, struct error *err)
{
	struct record_section s;
	size_t at = sizeof(ret->h);

	if (bytes.n < sizeof(ret->h))
		return error_set(err, -EPROTO, "event: %zu bytes", bytes.n);
	clear(ret);
	memcpy(&ret->h, bytes.p, sizeof(ret->h));
	if (ret->h.bytes != bytes.n || ret->h.kind >= RECORD_KIND__MAX)
		return error_set(err, -EPROTO,
		    "event: kind %d, %u of %zu bytes", (int)ret->h.kind,
		    ret->h.bytes, bytes.n);
	while (at < bytes.n) {
		size_t body = at + sizeof(s), end;

		if (body > bytes.n)
			return error_set(err, -EPROTO, "event: cut section");
		memcpy(&s, bytes.p + at, sizeof(s));
		end = body + ((s.bytes + 7u) & ~(size_t)7);
		if (end > bytes.n ||
		    take_section(ret, &s, str_n(bytes.p + body, s.bytes)) != 0)
			return error_set(err, -EPROTO,
			    "event: section %d of %d bytes", (int)s.type,
			    (int)s.bytes);
		at = end;
	}
	return 0;
}

void
decode_put_walk(struct buf *out, const struct decode_walk *w)
{
	struct str left = w->names;
	/* What no mount leads to has a name ("memfd:x"), but no place. */
	bool bare = (w->flags & RECORD_WALK_DETACHED) != 0;

	if (left.n != 0 && left.p[left.n - 1] == '\0')
		left.n--;
	if ((w->flags & RECORD_WALK_CUT) != 0)
		buf_puts(out, "/...");
	else if (left.n == 0)
		buf_putc(out, '/');
	/* Names stand leaf first: taken off from the end. */
	while (left.n != 0) {
		ptrdiff_t nul = str_rchr(left, '\0');
		struct str name = str_sub(left, (size_t)(nul + 1), left.n);

		if (!bare)
			buf_putc(out, '/');
		if (!str_is(name, "/"))
			buf_put_str(out, name);
		bare = false;
		left.n = nul < 0 ? 0 : (size_t)nul;
	}
}

/* Takes the last name off what stands from `from` on. */
static void
drop_name(struct buf *out, size_t from)
{
	size_t n = out->n;

	while (n > from && out->p[n - 1] != '/')
		n--;
	if (n > from)
		n--;
	out->n = n;
	if (out->p != NULL)
		out->p[n] = '\0';
}

void
decode_put_path(struct buf *out, const struct decode_walk *base,
    struct str path)
{
	size_t from = out->n;
	struct str left = path, name;

	if (path.n == 0 || path.p[0] != '/') {
		if (base->names.p == NULL)
			buf_putc(out, '.'); /* relative to what is not known */
		else
			decode_put_walk(out, base);
	}
	if (out->n == from + 1 && out->p[from] == '/')
		out->n = from;
	while (left.p != NULL && str_cut(&left, '/', &name)) {
		if (name.n == 0 || str_is(name, "."))
			continue;
		if (str_is(name, "..")) {
			drop_name(out, from);
			continue;
		}
		buf_putc(out, '/');
		buf_put_str(out, name);
	}
	if (out->n == from)
		buf_putc(out, '/');
}

void
decode_put_inet(struct buf *out, int family, const __u8 address[16])
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];

	if (family == AF_INET6 && memcmp(address, mapped, 12) == 0) {
		family = AF_INET;
		address += 12;
	}
	if (inet_ntop(family, address, text, sizeof(text)) != NULL)
		buf_puts(out, text);
}

static void
put_unix(struct buf *out, struct str path)
{
	ptrdiff_t nul;

	if (path.n == 0)
		return;
	if (path.p[0] == '\0') {
		buf_putc(out, '@');
		buf_put_str(out, str_sub(path, 1, path.n));
		return;
	}
	nul = str_chr(path, '\0');
	buf_put_str(out, nul < 0 ? path : str_sub(path, 0, (size_t)nul));
}

void
decode_put_address(struct buf *out, struct str sockaddr, int *ret_port,
    int *ret_family)
{
	__u8 raw[16] = { 0 };
	uint16_t family, port;

	*ret_port = -1;
	*ret_family = -1;
	if (sockaddr.n < sizeof(family))
		return;
	memcpy(&family, sockaddr.p, sizeof(family));
	*ret_family = family;
	if (family == AF_UNIX)
		put_unix(out, str_sub(sockaddr, 2, sockaddr.n));
	if ((family != AF_INET && family != AF_INET6) || sockaddr.n < 8)
		return;
	if (family == AF_INET6 && sockaddr.n < 24)
		return;
	memcpy(&port, sockaddr.p + 2, sizeof(port));
	*ret_port = ntohs(port);
	if (family == AF_INET)
		memcpy(raw, sockaddr.p + 4, 4);
	else
		memcpy(raw, sockaddr.p + 8, 16);
	decode_put_inet(out, family, raw);
}
