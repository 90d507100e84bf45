/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of people, machines, companies and projects. Host and user name are
 * canaries too, so both are long enough and odd enough not to turn up in
 * a package by chance.
 */
#include "base/arena.h"
#include "decoy/persona_priv.h"

static const char *const first_names[] = { "Adele", "Anton", "Beatriz",
	"Bjarne", "Carmen", "Cedric", "Dagmar", "Damian", "Elin", "Emil",
	"Farida", "Felix", "Greta", "Gustav", "Hanna", "Henrik", "Ilse", "Ivan",
	"Jana", "Jonas", "Katrin", "Kenji", "Leonie", "Lukas", "Marta", "Mateo",
	"Nadia", "Niklas", "Olga", "Oskar", "Paula", "Pavel", "Renata",
	"Rafael", "Sanne", "Stefan", "Tamara", "Tobias", "Vera", "Viktor" };
/* Seven letters at least: a user name of under ten turns up by chance. */
static const char *const last_names[] = { "Abendroth", "Bergstrom", "Castell",
	"Dombrowski", "Eklundh", "Fassbinder", "Grabowski", "Halvorsen",
	"Ingebrigt", "Jankowski", "Kowalczyk", "Lindqvist", "Morawetz",
	"Nordgaard", "Ostermann", "Petrakis", "Quintero", "Rasmussen",
	"Sadowski", "Thorvald", "Ulbricht", "Vandermeer", "Wisniewski",
	"Yilmazer", "Zielinski", "Brandvold", "Cortellazzi", "Dietmayer",
	"Fjeldstad", "Hirschfeld" };
static const char *const machines[] = { "thinkpad", "latitude", "xps13",
	"elitebook", "zenbook", "framework", "t14s", "precision", "probook",
	"matebook", "swift", "tuxedo" };
static const char *const creatures[] = { "kestrel", "marten", "osprey", "lynx",
	"heron", "otter", "plover", "badger", "merlin", "stoat", "bittern",
	"ibex", "curlew", "wombat", "gannet", "pika", "serval", "tapir",
	"dunlin", "puffin" };
static const char *const company_heads[] = { "north", "bright", "clear",
	"stone", "river", "copper", "silver", "green", "blue", "open", "swift",
	"high", "deep", "wide", "oak", "iron" };
static const char *const company_tails[] = { "ledger", "works", "field", "grid",
	"port", "loop", "forge", "lane", "cart", "desk", "mill", "craft",
	"path", "wave", "gate", "yard" };
static const char *const project_heads[] = { "invoice", "booking", "checkout",
	"catalog", "ticket", "roster", "shipment", "payment", "member",
	"inventory", "report", "campaign", "survey", "fleet", "pantry",
	"library" };
static const char *const project_tails[] = { "api", "service", "portal", "app",
	"worker", "dashboard", "web", "backend", "tools", "gateway" };

static char *
lower(char *s)
{
	for (char *c = s; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return s;
}

void
persona_make_names(struct maker *m)
{
	struct persona *p = m->p;
	struct draw *d = &m->d;
	const char *first = draw_one(d, first_names);
	const char *last = draw_one(d, last_names);

	p->full_name = arena_printf(m->a, "%s %s", first, last);
	p->user = lower(
	    arena_printf(m->a, "%c%s%02u", first[0], last, draw_below(d, 100)));
	const char *creature = draw_one(d, creatures);
	const char *machine = draw_one(d, machines);
	p->host = arena_printf(m->a, "%s-%s-%03u", creature, machine,
	    draw_below(d, 1000));
	p->home = arena_printf(m->a, "/home/%s", p->user);
	const char *head = draw_one(d, company_heads);
	const char *tail = draw_one(d, company_tails);
	m->org = str_of(arena_printf(m->a, "%s%s", head, tail));
	head = draw_one(d, project_heads);
	tail = draw_one(d, project_tails);
	p->project_name = arena_printf(m->a, "%s-%s", head, tail);
	p->project =
	    arena_printf(m->a, "%s/projects/%s", p->home, p->project_name);
	m->email = str_of(lower(
	    arena_printf(m->a, "%s.%s@%.*s.io", first, last, STR_ARG(m->org))));
}
