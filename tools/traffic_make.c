/* traffic_make: see traffic_make.h. */
#include "base/timefmt.h"
#include "traffic_draw.h"

#include <stdio.h>

#define MEMBERS_MAX   48
#define EARLIER_TRIES 64
#define CONSENT_TEXT  "9f2c4be0f1a84d6c5f0b8e8e6e1a1c7bd3f05a2f4b1f0f3f6a7a2f9d1b3c4d5e"

const char *const traffic_kind_names[TRAFFIC_KINDS] = {
#define KIND(name, text, help) text,
#include "traffic_kinds.def"
#undef KIND
};

/* One lead while it is made. */
struct making {
	const struct traffic_maker *m;
	struct arena *a;
	struct rng r;
	uint64_t n;
	int64_t now_ms;
	struct traffic_head head;
	struct traffic_person person;
	const struct traffic_vertical *vertical;
	const struct traffic_source *source;
	const char *phone, *email;
	int64_t filled_ms;
	int malformed; /* which fault; -1 = none */
	struct traffic_member members[MEMBERS_MAX];
	size_t count;
};

static void add(struct making *g, const char *name, struct slice value)
{
	assert(g->count < MEMBERS_MAX);
	g->members[g->count++] = (struct traffic_member){.name = name, .value = value};
}

static void add_text(struct making *g, const char *name, const char *value)
{
	add(g, name, slice_cstr(value));
}

static void add_number(struct making *g, const char *name, int64_t value)
{
	add_text(g, name, arena_printf(g->a, "%lld", (long long)value));
	g->members[g->count - 1].type = MEMBER_NUMBER;
}

static void add_time(struct making *g, const char *name, int64_t ms)
{
	char *text = arena_alloc(g->a, TIME_TEXT_LEN + 1);

	time_text(ms, text);
	add_text(g, name, text);
}

/* --- who --- */

/* A new person among the leads that arrived some time ago. */
static bool find_earlier(struct making *g, uint64_t *ret_n, struct traffic_head *ret_head)
{
	struct rng r = traffic_stream(g->m, STREAM_EARLIER, g->n);

	for (int i = 0; g->n > TRAFFIC_LOOK_BACK && i < EARLIER_TRIES; i++) {
		uint64_t earlier = rng_below(&r, g->n - TRAFFIC_LOOK_BACK);
		struct traffic_head head = traffic_head(g->m, earlier);

		if (head.kind == TRAFFIC_GOOD || head.kind == TRAFFIC_SLOW) {
			*ret_n = earlier;
			*ret_head = head;
			return true;
		}
	}
	return false;
}

static void meet_earlier(struct making *g)
{
	const struct traffic_profile *p = g->m->profile;
	struct traffic_person other;
	struct traffic_head head;
	uint64_t earlier;

	if (!find_earlier(g, &earlier, &head)) {
		g->head.kind = TRAFFIC_GOOD;
		return;
	}
	other = traffic_person(g->m, earlier, head.country, g->a);
	g->head.country = head.country;
	g->person = traffic_person(g->m, g->n, head.country, g->a);
	g->vertical = &p->verticals[head.vertical];
	switch (g->head.kind) {
	case TRAFFIC_FAMILY:
		if (p->vertical_count > 1)
			g->vertical = &p->verticals[(head.vertical + 1 +
						     rng_below(&g->r, p->vertical_count - 1)) %
						    p->vertical_count];
		g->person.national = other.national;
		g->person.city = other.city;
		break;
	case TRAFFIC_DUPLICATE_PHONE: {
		const char *email = g->person.email;

		g->person = other;
		g->person.email = email;
		break;
	}
	default: { /* the same address, another phone */
		const char *national = g->person.national;

		g->person = other;
		g->person.national = national;
	}
	}
}

static const char *tagged(struct making *g, const char *email)
{
	static const char *const tags[] = {"promo", "zaim", "spam", "card", "1", "test", "lead"};
	const char *at = strchr(email, '@');

	return arena_printf(g->a, "%.*s+%s@%s", (int)(at - email), email,
			    tags[rng_below(&g->r, ARRAY_LEN(tags))], at + 1);
}

static const char *broken(struct making *g, const char *email)
{
	const char *at = strchr(email, '@');
	int len = (int)(at - email);

	switch (rng_below(&g->r, 6)) {
	case 0:
		return arena_printf(g->a, "%.*s%s", len, email, at + 1); /* the @ is lost */
	case 1:
		return arena_printf(g->a, "%.*s@@%s", len, email, at + 1);
	case 2:
		return arena_printf(g->a, "%.*s@", len, email);
	case 3:
		return arena_printf(g->a, "%.*s..x@%s", len, email, at + 1);
	case 4:
		return arena_printf(g->a, "%.*s @%s", len, email, at + 1);
	default:
		return arena_printf(g->a, "%.*s@mail", len, email); /* no top-level domain */
	}
}

static void write_contact(struct making *g)
{
	const struct traffic_country *c = &g->m->profile->countries[g->head.country];
	char *national = arena_cstr(g->a, slice_cstr(g->person.national));

	g->email = g->person.email;
	if (g->head.kind == TRAFFIC_PLUS_TAG ||
	    (g->head.kind == TRAFFIC_DUPLICATE_EMAIL && rng_chance(&g->r, 3000)))
		g->email = tagged(g, g->email);
	if (g->head.kind == TRAFFIC_BAD_EMAIL)
		g->email = broken(g, g->email);
	if (g->head.kind == TRAFFIC_PHONE_UNASSIGNED)
		national[0] = '1'; /* nowhere here does an area begin so */
	if (g->head.kind == TRAFFIC_PHONE_LENGTH) {
		if (rng_chance(&g->r, 5000))
			national[strlen(national) - 1] = '\0';
		else
			national = arena_printf(g->a, "%s%d", national, (int)rng_below(&g->r, 10));
	}
	g->phone = traffic_phone(c, national, &g->r, g->a);
	if (g->head.kind == TRAFFIC_SUPPRESSED && g->m->profile->suppressed.count > 0)
		g->phone = arena_cstr(g->a, traffic_pick(&g->m->profile->suppressed, &g->r));
}

/* --- how it was filled in --- */

static int64_t draw_filled(struct making *g)
{
	switch (g->head.kind) {
	case TRAFFIC_SLOW:
		return 180000 + (int64_t)rng_below(&g->r, 1500000);
	case TRAFFIC_BOT_FAST:
		return 80 + (int64_t)rng_below(&g->r, 1800);
	case TRAFFIC_BOT_CRAWLER:
		return (int64_t)rng_below(&g->r, 400);
	default: /* most within a minute, some longer */
		return 6000 + (int64_t)(rng_below(&g->r, 18000) + rng_below(&g->r, 30000)) +
		       (rng_chance(&g->r, 1500) ? (int64_t)rng_below(&g->r, 90000) : 0);
	}
}

static void add_hidden_field(struct making *g)
{
	bool filled = g->head.kind == TRAFFIC_BOT_HONEYPOT || g->head.kind == TRAFFIC_BOT_CRAWLER;

	if (filled)
		add_text(g, "honeypot",
			 arena_printf(g->a, "https://%s.example/",
				      traffic_translit(g->person.last, g->a)));
	else if (g->head.source % 3 != 0)
		add_text(g, "honeypot", "");
}

static const char *draw_address(struct making *g)
{
	const struct traffic_country *c = &g->m->profile->countries[g->head.country];
	struct slice network;
	unsigned b[4], bits;
	uint32_t address;

	if (c->network_count == 0)
		return NULL;
	network =
	    g->m->tables->networks.items[c->network_first + rng_below(&g->r, c->network_count)];
	if (sscanf(arena_cstr(g->a, network), "%u.%u.%u.%u/%u", &b[0], &b[1], &b[2], &b[3],
		   &bits) != 5 ||
	    bits == 0 || bits > 30)
		return NULL;
	address = b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
	address += 1 + (uint32_t)rng_below(&g->r, (1ULL << (32 - bits)) - 2);
	return arena_printf(g->a, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
			    address >> 8 & 255, address & 255);
}

static void add_browser(struct making *g)
{
	const struct traffic_tables *t = g->m->tables;
	const struct traffic_country *c = &g->m->profile->countries[g->head.country];
	const char *address = draw_address(g);
	size_t at = rng_below(&g->r, t->user_agents.count);

	if (address)
		add_text(g, "ip", address);
	if (g->head.kind == TRAFFIC_BOT_CRAWLER && t->crawlers.count > 0) {
		add(g, "user_agent", traffic_pick(&t->crawlers, &g->r));
		return;
	}
	add(g, "user_agent", t->user_agents.items[at]);
	add(g, "os", t->systems.items[at]);
	add(g, "language", c->locale);
	if (rng_chance(&g->r, 6000))
		add_text(g, "device_id",
			 arena_printf(g->a, "%016llx", (unsigned long long)rng_next(&g->r)));
}

/* --- the lead as a list of members --- */

static void add_person(struct making *g)
{
	const struct traffic_person *p = &g->person;

	if (g->malformed != 2) {
		add_text(g, "phone", g->phone);
		if (g->head.kind == TRAFFIC_BAD_EMAIL || g->head.kind == TRAFFIC_PLUS_TAG ||
		    g->head.kind == TRAFFIC_DUPLICATE_EMAIL || rng_chance(&g->r, 8500))
			add_text(g, "email", g->email);
	}
	if (g->head.source % 2 == 0) {
		add(g, "first_name", p->first);
		add(g, "last_name", p->last);
		if (p->patronymic.len && rng_chance(&g->r, 7000))
			add(g, "middle_name", p->patronymic);
	} else {
		add_text(g, "name",
			 arena_printf(g->a, SLICE_FMT " " SLICE_FMT, SLICE_ARG(p->first),
				      SLICE_ARG(p->last)));
	}
	add(g, "country",
	    g->malformed == 5 ? SLICE("QQ") : g->m->profile->countries[g->head.country].id);
	if (rng_chance(&g->r, 9000))
		add(g, "city", p->city);
}

static void add_path(struct making *g)
{
	static const char *const campaigns[] = {"teaser", "search", "mail", "retarget", "story"};
	uint64_t click = rng_next(&g->r);

	add_text(g, "landing_url",
		 arena_printf(g->a, SLICE_FMT "?c=%llu&v=" SLICE_FMT, SLICE_ARG(g->source->page),
			      (unsigned long long)(click % 1000), SLICE_ARG(g->vertical->id)));
	if (rng_chance(&g->r, 7000))
		add(g, "referrer", g->source->page);
	add_text(g, "sub1",
		 arena_printf(g->a, "%s-%llu", campaigns[rng_below(&g->r, ARRAY_LEN(campaigns))],
			      (unsigned long long)rng_below(&g->r, 40)));
	if (rng_chance(&g->r, 5000))
		add_text(g, "sub2",
			 arena_printf(g->a, "cr%llu", (unsigned long long)rng_below(&g->r, 500)));
	add_text(
	    g, "click_id",
	    arena_printf(g->a, "%012llx%04x", (unsigned long long)g->n, (unsigned)(click >> 48)));
}

static void add_times(struct making *g)
{
	int64_t started = g->now_ms - 400 - g->filled_ms;

	add_time(g, "clicked_at", started - 1000 - (int64_t)rng_below(&g->r, 20000));
	add_time(g, "form_started_at", started);
	add_number(g, "filled_ms", g->filled_ms);
	if (rng_chance(&g->r, 8000)) {
		add_text(g, "consent_text_sha256", CONSENT_TEXT);
		add_time(g, "consented_at", g->now_ms - 500);
	}
	if (g->head.kind != TRAFFIC_BOT_FAST && rng_chance(&g->r, 3000)) {
		add_text(g, "focused_fields", "phone,email,name");
		g->members[g->count - 1].type = MEMBER_LIST;
	}
}

static void add_own_fields(struct making *g)
{
	for (size_t i = 0; i < g->vertical->field_count; i++) {
		const struct traffic_field *f = &g->vertical->fields[i];
		const char *name = arena_cstr(g->a, f->name);

		if (!rng_chance(&g->r, (uint32_t)f->often))
			continue;
		if (g->malformed == 4 && f->type == TRAFFIC_INTEGER)
			add_text(g, name, "a lot");
		else if (f->type == TRAFFIC_INTEGER)
			add_number(
			    g, name,
			    f->least +
				f->step *
				    (int64_t)rng_below(
					&g->r, (uint64_t)((f->most - f->least) / f->step + 1)));
		else if (f->type == TRAFFIC_WORDS)
			add(g, name, traffic_pick(&f->words, &g->r));
		else
			add_text(g, name, traffic_pattern(f->pattern, &g->r, g->a));
		g->members[g->count - 1].own = true;
	}
}

static void add_all(struct making *g)
{
	if (g->malformed == 0)
		; /* no vertical at all */
	else
		add(g, "vertical", g->malformed == 1 ? SLICE("lottery") : g->vertical->id);
	add_person(g);
	add_browser(g);
	add_path(g);
	add_times(g);
	add_hidden_field(g);
	if (g->head.kind == TRAFFIC_TEST) {
		add_text(g, "is_test", "true");
		g->members[g->count - 1].type = MEMBER_NUMBER;
	}
	add_own_fields(g);
}

/* --- all together --- */

static void draw_malformed(struct making *g, enum traffic_transport transport)
{
	g->malformed = -1;
	if (g->head.kind != TRAFFIC_MALFORMED)
		return;
	g->malformed = (int)rng_below(&g->r, 6);
	if ((g->malformed == 3 && transport == TRAFFIC_FORM) ||
	    (g->malformed == 4 &&
	     (g->vertical->field_count == 0 || g->vertical->fields[0].type != TRAFFIC_INTEGER ||
	      g->vertical->fields[0].often < 10000)))
		g->malformed = 0;
}

static enum traffic_transport draw_transport(const struct traffic_profile *p, struct rng *r)
{
	int64_t at = (int64_t)rng_below(r, 10000);

	if (at < p->form_share)
		return TRAFFIC_FORM;
	return at < p->form_share + p->line_share ? TRAFFIC_LINE : TRAFFIC_JSON;
}

bool traffic_repeats_previous(const struct traffic_maker *m, uint64_t n)
{
	return traffic_head(m, n).kind == TRAFFIC_RESUBMISSION;
}

void traffic_make(const struct traffic_maker *m, uint64_t n, int64_t now_ms, struct arena *a,
		  struct traffic_lead *ret, struct buf *ret_body)
{
	struct making g = {.m = m, .a = a, .n = n, .now_ms = now_ms};
	struct traffic_head own = traffic_head(m, n);
	bool again = own.kind == TRAFFIC_RESUBMISSION;
	size_t start;

	/* The double click's body is made as the first click's was. */
	g.n = again ? n - 1 : n;
	g.head = again ? traffic_head(m, g.n) : own;
	g.r = traffic_stream(m, STREAM_REST, g.n);
	g.source = &m->profile->sources[g.head.source];
	g.vertical = &m->profile->verticals[g.head.vertical];
	ret->transport = draw_transport(m->profile, &g.r);
	ret->keyed = rng_chance(&g.r, (uint32_t)m->profile->keyed_share) && !again;
	draw_malformed(&g, ret->transport);
	g.person = traffic_person(m, g.n, g.head.country, a);
	if (g.head.kind == TRAFFIC_FAMILY || g.head.kind == TRAFFIC_DUPLICATE_PHONE ||
	    g.head.kind == TRAFFIC_DUPLICATE_EMAIL)
		meet_earlier(&g);
	write_contact(&g);
	g.filled_ms = draw_filled(&g);
	add_all(&g);
	start = ret_body->len;
	if (ret->transport == TRAFFIC_FORM)
		traffic_write_form(g.members, g.count, ret_body);
	else
		traffic_write_json(g.members, g.count, ret_body);
	if (g.malformed == 3)
		ret_body->len = start + (ret_body->len - start) * 2 / 3; /* cut on the way */
	ret->kind = again ? TRAFFIC_RESUBMISSION : g.head.kind;
	ret->source = g.head.source;
}

int64_t traffic_due_ms(const struct traffic_profile *p, uint64_t n, uint64_t count, uint64_t rate)
{
	double whole_ms = (double)count * 1000.0 / (double)rate, at = 0, sum = 0;
	int hour = 0;

	for (int h = 0; h < TRAFFIC_HOURS; h++)
		sum += (double)p->hours[h];
	at = (double)n / (double)count * sum;
	while (hour < TRAFFIC_HOURS - 1 && at >= (double)p->hours[hour])
		at -= (double)p->hours[hour++];
	return (int64_t)(whole_ms * ((double)hour + at / (double)p->hours[hour]) / TRAFFIC_HOURS);
}
