/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to DNS questions: addresses from the run's pool, something fitting
 * for the other common types, no data for the rest. Runs in role sink.
 */
#include "sink/dns_priv.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "sink/names_priv.h"

#define TTL_SECONDS 300
/* Header; OPT record; a client cookie in it: what stub resolvers add. */
#define USUAL_BYTES   (12 + 11 + 12)
#define MAX_QUESTIONS 16
#define UDP_SIZE      1232 /* what DNS flag day 2020 agreed on */

static void
free_pkt(ldns_pkt **p)
{
	ldns_pkt_free(*p);
}

/* One question and where its answers go. */
struct question {
	struct names *names;
	const ldns_rr *rr;
	ldns_pkt *reply;
	struct str name; /* labels joined by dots */
	struct buf *said; /* answers as text, for the record */
};

/* Labels as they came: ldns's own text form escapes bytes that matter. */
static void
put_name(struct buf *out, const ldns_rdf *name)
{
	const uint8_t *p = ldns_rdf_data(name);
	size_t n = ldns_rdf_size(name), at = 0;

	while (at < n && p[at] != 0 && at + 1 + p[at] <= n) {
		if (at != 0)
			buf_putc(out, '.');
		buf_put(out, p + at + 1, p[at]);
		at += 1 + (size_t)p[at];
	}
}

static void
say(struct question *q, const char *text)
{
	if (q->said->n != 0)
		buf_putc(q->said, ' ');
	buf_puts(q->said, text);
}

/* An answer with these members; takes them. */
static void
push_answer(struct question *q, ldns_rr_type type, ldns_rdf *const *rdfs,
    size_t n)
{
	ldns_rr *rr = ldns_rr_new();

	ldns_rr_set_owner(rr, ldns_rdf_clone(ldns_rr_owner(q->rr)));
	ldns_rr_set_type(rr, type);
	ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
	ldns_rr_set_ttl(rr, TTL_SECONDS);
	for (size_t i = 0; i < n; i++)
		(void)ldns_rr_push_rdf(rr, rdfs[i]);
	(void)ldns_pkt_push_rr(q->reply, LDNS_SECTION_ANSWER, rr);
}

/* "label.name", or the name alone where that is too long. */
static ldns_rdf *
name_below(const struct question *q, const char *label)
{
	ldns_rdf *first = ldns_dname_new_frm_str(label), *whole;

	whole = ldns_dname_cat_clone(first, ldns_rr_owner(q->rr));
	ldns_rdf_deep_free(first);
	if (whole != NULL && ldns_rdf_size(whole) > LDNS_MAX_DOMAINLEN) {
		ldns_rdf_deep_free(whole);
		whole = NULL;
	}
	return whole != NULL ? whole : ldns_rdf_clone(ldns_rr_owner(q->rr));
}

static void
answer_address(struct question *q, bool v6)
{
	char text[ENDPOINT_TEXT_SIZE];
	struct endpoint e;
	ldns_rdf *rdf;

	names_address(q->names, q->name, v6, &e);
	rdf = ldns_rdf_new_frm_data(v6 ? LDNS_RDF_TYPE_AAAA : LDNS_RDF_TYPE_A,
	    v6 ? 16 : 4, e.address);
	push_answer(q, v6 ? LDNS_RR_TYPE_AAAA : LDNS_RR_TYPE_A, &rdf, 1);
	(void)endpoint_text(&e, text);
	say(q, text);
}

static void
answer_a(struct question *q)
{
	answer_address(q, false);
}

static void
answer_aaaa(struct question *q)
{
	answer_address(q, true);
}

static void
answer_any(struct question *q)
{
	answer_address(q, false);
	answer_address(q, true);
}

static void
answer_txt(struct question *q)
{
	static const char text[] = "\x0bv=spf1 -all";
	ldns_rdf *rdf =
	    ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, sizeof(text) - 1, text);

	push_answer(q, LDNS_RR_TYPE_TXT, &rdf, 1);
	say(q, text + 1);
}

static void
answer_mx(struct question *q)
{
	ldns_rdf *rdfs[] = {
		ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, 10),
		name_below(q, "mail"),
	};

	put_name(q->said, rdfs[1]);
	push_answer(q, LDNS_RR_TYPE_MX, rdfs, N_ELEMENTS(rdfs));
}

static void
answer_ns(struct question *q)
{
	ldns_rdf *rdf = name_below(q, "ns1");

	put_name(q->said, rdf);
	push_answer(q, LDNS_RR_TYPE_NS, &rdf, 1);
}

static void
answer_cname(struct question *q)
{
	ldns_rdf *rdf = name_below(q, "edge");

	put_name(q->said, rdf);
	push_answer(q, LDNS_RR_TYPE_CNAME, &rdf, 1);
}

static void
answer_srv(struct question *q)
{
	ldns_rdf *rdfs[] = {
		ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, 10),
		ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, 5),
		ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, 443),
		name_below(q, "node1"),
	};

	put_name(q->said, rdfs[3]);
	push_answer(q, LDNS_RR_TYPE_SRV, rdfs, N_ELEMENTS(rdfs));
}

static void
answer_soa(struct question *q)
{
	static const uint32_t figures[] = { 1, 7200, 3600, 1209600, 300 };
	ldns_rdf *rdfs[2 + N_ELEMENTS(figures)] = {
		name_below(q, "ns1"),
		name_below(q, "hostmaster"),
	};

	put_name(q->said, rdfs[0]);
	for (size_t i = 0; i < N_ELEMENTS(figures); i++)
		rdfs[2 + i] =
		    ldns_native2rdf_int32(i == 0 ? LDNS_RDF_TYPE_INT32 :
						   LDNS_RDF_TYPE_PERIOD,
			figures[i]);
	push_answer(q, LDNS_RR_TYPE_SOA, rdfs, N_ELEMENTS(rdfs));
}

/* "4.3.2.1.in-addr.arpa" or the 32 nibbles of ip6.arpa as an address. */
static bool
reverse_address(struct str name, struct endpoint *ret)
{
	struct str part;
	char text[64];
	struct buf b;
	bool v6 = str_ends(name, ".ip6.arpa"), ok;
	int n = 0;

	if (!v6 && !str_ends(name, ".in-addr.arpa"))
		return false;
	/* Built from behind: the parts come lowest first. */
	memset(text, 0, sizeof(text));
	buf_init(&b, sizeof(text) - 1);
	name = str_sub(name, 0, name.n - (v6 ? 9 : 13));
	while (name.n != 0 && n < 33) {
		ptrdiff_t dot = str_rchr(name, '.');

		part = str_sub(name, (size_t)(dot + 1), name.n);
		name = str_sub(name, 0, dot < 0 ? 0 : (size_t)dot);
		if (n != 0 && (!v6 || n % 4 == 0))
			buf_putc(&b, v6 ? ':' : '.');
		buf_put_str(&b, part);
		n++;
	}
	*ret = (struct endpoint){ .v6 = v6 };
	ok = !b.full && b.p != NULL &&
	    inet_pton(v6 ? AF_INET6 : AF_INET, b.p, ret->address) == 1;
	buf_done(&b);
	return ok;
}

static void
answer_ptr(struct question *q)
{
	char text[ENDPOINT_TEXT_SIZE + 16], name[256];
	struct endpoint e;
	struct str known;
	ldns_rdf *rdf;

	if (!reverse_address(q->name, &e))
		return;
	known = names_of(q->names, &e);
	(void)snprintf(name, sizeof(name), "%.*s", STR_ARG(known));
	if (known.p == NULL) {
		(void)endpoint_text(&e, text);
		for (char *p = text; *p != '\0'; p++)
			if (*p == '.' || *p == ':')
				*p = '-';
		(void)snprintf(name, sizeof(name), "host-%s.pool", text);
	}
	rdf = ldns_dname_new_frm_str(name);
	if (rdf == NULL)
		return;
	put_name(q->said, rdf);
	push_answer(q, LDNS_RR_TYPE_PTR, &rdf, 1);
}

static const struct {
	ldns_rr_type type;
	void (*answer)(struct question *q);
} rows[] = {
	{ LDNS_RR_TYPE_A, answer_a },
	{ LDNS_RR_TYPE_AAAA, answer_aaaa },
	{ LDNS_RR_TYPE_ANY, answer_any },
	{ LDNS_RR_TYPE_TXT, answer_txt },
	{ LDNS_RR_TYPE_MX, answer_mx },
	{ LDNS_RR_TYPE_NS, answer_ns },
	{ LDNS_RR_TYPE_CNAME, answer_cname },
	{ LDNS_RR_TYPE_SRV, answer_srv },
	{ LDNS_RR_TYPE_SOA, answer_soa },
	{ LDNS_RR_TYPE_PTR, answer_ptr },
};

static void
answer_question(struct names *names, const ldns_rr *rr, ldns_pkt *reply,
    const struct dns_seen *seen)
{
	struct question q = { .names = names, .rr = rr, .reply = reply };
	ldns_rr_type type = ldns_rr_get_type(rr);
	char *type_text = ldns_rr_type2str(type);
	struct buf name, said;

	buf_init(&name, LIMIT_TEXT_BYTES);
	buf_init(&said, LIMIT_TEXT_BYTES);
	put_name(&name, ldns_rr_owner(rr));
	q.name = buf_str(&name);
	q.said = &said;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		if (rows[i].type == type)
			rows[i].answer(&q);
	if (seen->question != NULL)
		seen->question(seen->arg,
		    q.name.p != NULL ? q.name : STR_LIT(""), str_of(type_text),
		    said.n != 0 ? buf_str(&said) : STR_NONE);
	free(type_text);
	buf_done(&name);
	buf_done(&said);
}

static ldns_pkt *
reply_to(const ldns_pkt *query)
{
	ldns_pkt *r = ldns_pkt_new();

	ldns_pkt_set_id(r, ldns_pkt_id(query));
	ldns_pkt_set_qr(r, true);
	ldns_pkt_set_rd(r, ldns_pkt_rd(query));
	ldns_pkt_set_cd(r, ldns_pkt_cd(query));
	ldns_pkt_set_ra(r, true);
	ldns_pkt_set_opcode(r, ldns_pkt_get_opcode(query));
	if (ldns_pkt_edns(query))
		ldns_pkt_set_edns_udp_size(r, UDP_SIZE);
	return r;
}

bool
dns_answer(struct names *names, struct str message, const struct dns_seen *seen,
    struct buf *out, bool *ret_extra)
{
	_cleanup_(free_pkt) ldns_pkt *query = NULL;
	_cleanup_(free_pkt) ldns_pkt *reply = NULL;
	_cleanup_(freep) uint8_t *wire = NULL;
	const ldns_rr_list *questions;
	size_t n = 0, question_bytes = 0;

	/* A header and a question of the root are 17 bytes. */
	if (message.n < 17 ||
	    ldns_wire2pkt(&query, (const uint8_t *)message.p, message.n) !=
		LDNS_STATUS_OK)
		return false;
	questions = ldns_pkt_question(query);
	n = ldns_rr_list_rr_count(questions);
	if (ldns_pkt_qr(query) || n == 0 || n > MAX_QUESTIONS ||
	    ldns_pkt_get_opcode(query) != LDNS_PACKET_QUERY)
		return false;
	reply = reply_to(query);
	for (size_t i = 0; i < n; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(questions, i);

		question_bytes += ldns_rdf_size(ldns_rr_owner(rr)) + 4;
		(void)ldns_pkt_push_rr(reply, LDNS_SECTION_QUESTION,
		    ldns_rr_clone(rr));
		answer_question(names, rr, reply, seen);
	}
	*ret_extra = message.n > USUAL_BYTES + question_bytes;
	if (ldns_pkt2wire(&wire, reply, &n) == LDNS_STATUS_OK)
		buf_put(out, wire, n);
	return true;
}
