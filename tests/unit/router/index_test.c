/* The index against asking every order: hundreds of orders that come, change, close, open again and go, and leads among
 * them. Whoever fits, and whatever the record shows, must be the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "play.h"
#include "router/core/match.h"

#define ORDERS   700
#define MARKETS  12
#define STEPS    1500
#define START_MS 1796083200000LL

static const char *const countries[] = {"RU", "KZ", "BY", "UZ", "AM", "GE", "RS", "TR"};
static const char *const webmasters[] = {"w1", "w2", "w3", "w4", "w5"};

/* More than have a bucket of their own. */
#define REGIONS 300

struct world {
	struct play play;
	struct rng rng;
	struct arena words;
	int64_t now_ms;
	uint64_t revision, leads;
};

static uint64_t some(struct world *w, uint64_t limit)
{
	return rng_below(&w->rng, limit);
}

static Punnet__V1__Criterion *criterion(struct world *w, const char *name,
					Punnet__V1__CriterionKind kind)
{
	Punnet__V1__Criterion *c = arena_alloc(&w->words, sizeof(*c));

	punnet__v1__criterion__init(c);
	c->name = (char *)name;
	c->kind = kind;
	c->unknown_fits = some(w, 4) == 0;
	c->values = arena_calloc(&w->words, REGIONS, sizeof(*c->values));
	return c;
}

/* Now few, now many of them, wanted or not. */
static Punnet__V1__Criterion *some_regions(struct world *w)
{
	static const Punnet__V1__CriterionKind kinds[] = {
	    PUNNET__V1__CRITERION_KIND__CRITERION_IN,
	    PUNNET__V1__CRITERION_KIND__CRITERION_IN,
	    PUNNET__V1__CRITERION_KIND__CRITERION_NOT_IN,
	    PUNNET__V1__CRITERION_KIND__CRITERION_HAS_NONE,
	};
	Punnet__V1__Criterion *c = criterion(w, "region", kinds[some(w, ARRAY_LEN(kinds))]);
	uint64_t count = 1 + some(w, some(w, 3) ? REGIONS / 2 : 3), of = some(w, 2) ? REGIONS : 30;

	for (uint64_t i = 0; i < count; i++)
		c->values[c->n_values++] =
		    arena_printf(&w->words, "region-%u", (unsigned)some(w, of));
	return c;
}

static void put_where(struct world *w, struct play_order *o)
{
	Punnet__V1__Criterion *c;

	if (some(w, 2)) {
		c = criterion(w, "age", PUNNET__V1__CRITERION_KIND__CRITERION_BETWEEN);
		c->has_min = some(w, 3) > 0;
		c->has_max = !c->has_min || some(w, 2);
		c->min_millionths = (int64_t)some(w, 40) * MILLIONTHS - 5 * MILLIONTHS;
		c->max_millionths = c->min_millionths + (int64_t)some(w, 2000) * MILLIONTHS / 10;
		o->where[o->where_count++] = c;
	}
	if (some(w, 3) == 0) {
		c = criterion(w, "webmaster",
			      some(w, 2) ? PUNNET__V1__CRITERION_KIND__CRITERION_NOT_IN
					 : PUNNET__V1__CRITERION_KIND__CRITERION_IN);
		for (int i = 0; i < 2; i++)
			c->values[c->n_values++] = (char *)webmasters[some(w, 5)];
		o->where[o->where_count++] = c;
	}
	/* Two of one attribute, too. */
	while (o->where_count < ARRAY_LEN(o->where) - 1 && some(w, 3) == 0)
		o->where[o->where_count++] = some_regions(w);
	if (some(w, 6) == 0) {
		c = criterion(w, "term", PUNNET__V1__CRITERION_KIND__CRITERION_IN);
		c->values[c->n_values++] = (char *)(some(w, 2) ? "30" : "long");
		o->where[o->where_count++] = c;
	}
}

static void change_order(struct world *w, uint64_t n)
{
	char id[16];
	struct play_order o = {.id = id, .vertical = "osago", .revision = ++w->revision};

	snprintf(id, sizeof(id), "o%03u", (unsigned)n);
	o.removed = some(w, 5) == 0;
	/* Few prices, so that many stand even and fill several leaves. */
	o.price_minor = 1000 + (int64_t)some(w, some(w, 2) ? 6 : 3000) * 10;
	o.priority = (int)some(w, 3);
	/* Most are closed most of the time. */
	o.cap_hour = some(w, 5) ? 1 : 0;
	o.cap_day = some(w, 3) == 0 ? 1 + some(w, 4) : 0;
	o.cap_total = some(w, 4) == 0 ? 1 + some(w, 3) : 0;
	o.paused = some(w, 20) == 0;
	o.from_ms = some(w, 10) == 0 ? w->now_ms + (int64_t)some(w, MS_PER_HOUR) : 0;
	if (some(w, 2)) {
		o.countries[o.country_count++] = countries[some(w, 8)];
		o.countries[o.country_count++] = countries[some(w, 8)];
	}
	put_where(w, &o);
	(void)play_order(&w->play, w->now_ms, &o);
	arena_reset(&w->words);
}

static void put_field(struct world *w, struct play_lead *l, const char *name)
{
	Punnet__V1__Field *f = arena_alloc(&w->words, sizeof(*f));

	punnet__v1__field__init(f);
	f->name = (char *)name;
	f->value_case = PUNNET__V1__FIELD__VALUE_INTEGER;
	f->integer = (int64_t)some(w, 240) - 10;
	if (name[0] == 't' && some(w, 2)) {
		f->value_case = PUNNET__V1__FIELD__VALUE_TEXT;
		f->text = (char *)(some(w, 2) ? "long" : "30");
	} else if (name[0] == 't') {
		f->integer = 30;
	}
	l->fields[l->field_count++] = f;
}

static int by_rank(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int group_x = x->fits ? 0 : x->near ? 1 : 2, group_y = y->fits ? 0 : y->near ? 1 : 2;

	return group_x != group_y ? group_x - group_y : candidate_compare(x, y);
}

/* What match.h promises, by asking every order. */
static size_t reference(const struct market *m, const struct lead_view *view, struct candidate *all,
			size_t *ret_fits)
{
	size_t count = 0, fits = 0, near = 0, shown_fits, shown_near, most, far;
	struct order *o;

	for (size_t i = 0; (o = market_order_at(m, i)); i++) {
		struct candidate c = {.order = o, .now_ms = m->log_time_ms};
		struct answer answer;

		if (o->removed)
			continue;
		answer = constraints_ask(o, view, m->log_time_ms, &c.miss);
		c.fits = answer.fit == FIT;
		c.nearness = c.fits ? 0 : answer.nearness;
		c.near = !c.fits && answer.nearness >= NEARNESS_NEAR;
		c.price_minor = price_of(o, view, m->log_time_ms);
		c.score = rank_score(o, c.price_minor, c.now_ms);
		fits += c.fits;
		near += c.near;
		all[count++] = c;
	}
	qsort(all, count, sizeof(*all), by_rank);
	*ret_fits = fits;
	shown_fits = MIN_OF(fits, MATCH_FITS_MAX);
	most = fits > 0 ? MATCH_SOLD_MAX : MARKET_CANDIDATES_MAX;
	if (fits >= MATCH_FITS_MAX) {
		size_t before = 0;

		while (before < near &&
		       candidate_compare(&all[fits + before], &all[MATCH_FITS_MAX - 1]) < 0)
			before++;
		near = before;
		count = fits + near;
	}
	shown_near = MIN_OF(near, most - shown_fits);
	far = fits >= MATCH_FITS_MAX ? 0
				     : MIN_OF(count - fits - near, most - shown_fits - shown_near);
	memmove(&all[shown_fits], &all[fits], shown_near * sizeof(*all));
	memmove(&all[shown_fits + shown_near], &all[fits + near], far * sizeof(*all));
	return shown_fits + shown_near + far;
}

static void compare(const struct match *m, const struct candidate *want, size_t count, size_t fits)
{
	assert_int_equal(m->won, fits > 0);
	assert_int_equal(m->count, count);
	for (size_t i = 0; i < count; i++) {
		assert_ptr_equal(m->best[i].order, want[i].order);
		assert_int_equal(m->best[i].fits, want[i].fits);
		if (!want[i].fits)
			assert_int_equal(m->best[i].miss.code, want[i].miss.code);
		assert_int_equal(m->best[i].miss.until_ms, want[i].miss.until_ms);
	}
}

struct seen_lead {
	struct play_lead play;
	Punnet__V1__Lead lead;
	Punnet__V1__LeadAdmitted admitted;
	struct lead_view view;
	struct vertical *vertical;
};

static void draw_lead(struct world *w, struct seen_lead *l)
{
	struct market *m = w->play.market;

	*l = (struct seen_lead){
	    .play = {.id = play_lead_id(w->leads++),
		     .vertical = "osago",
		     .judged_offset = UINT64_MAX},
	    .lead = PUNNET__V1__LEAD__INIT,
	    .admitted = PUNNET__V1__LEAD_ADMITTED__INIT,
	    .view = {.payout_share_bp = 7000, .orders = (struct order *const *)m->orders.items},
	    .vertical = market_vertical(m, SLICE("osago"))};
	l->play.country = some(w, 9) ? countries[some(w, 8)] : NULL;
	l->play.aff_id = webmasters[some(w, 5)];
	if (some(w, 6))
		l->play.region =
		    arena_printf(&w->words, "region-%u", (unsigned)some(w, REGIONS + 10));
	if (some(w, 6))
		put_field(w, &l->play, "age");
	if (some(w, 2))
		put_field(w, &l->play, "term");
	l->lead.country = (char *)(l->play.country ? l->play.country : "");
	l->lead.region = (char *)(l->play.region ? l->play.region : "");
	l->lead.aff_id = (char *)l->play.aff_id;
	l->lead.fields = l->play.fields;
	l->lead.n_fields = l->play.field_count;
	l->admitted.lead = &l->lead;
	l->view.lead = &l->lead;
	l->view.admitted = &l->admitted;
	l->view.attributes = &l->vertical->attributes;
	l->view.values =
	    lead_values(&l->vertical->attributes,
			&(struct lead_says){.lead = &l->lead, .admitted = &l->admitted}, &w->words);
}

static void new_lead(struct world *w)
{
	static struct candidate want[ORDERS];
	static struct match match;
	struct market *m = w->play.market;
	size_t count, fits;
	struct seen_lead l;

	draw_lead(w, &l);
	m->log_time_ms = MAX_OF(m->log_time_ms, w->now_ms);
	count = reference(m, &l.view, want, &fits);
	match_run(l.vertical, &l.view, m->log_time_ms, &match);
	compare(&match, want, count, fits);
	(void)play_lead(&w->play, w->now_ms, &l.play);
	arena_reset(&w->words);
}

/* Some lead that is out comes back: its order, full until now, has room. */
static void give_back(struct world *w)
{
	const struct market *m = w->play.market;
	const struct open_lead *l;
	struct lead_id id;

	l = open_lead_at(&m->leads, some(w, market_open_leads(m) + 1), &w->words);
	if (!l)
		return;
	id = l->id;
	assert_int_equal(
	    play_settle(
		&w->play, w->now_ms, &id, PUNNET__V1__SETTLEMENT__REFUSED, l->holding_count - 1,
		order_at(m, l->holdings[l->holding_count - 1].order)->terms->order_id, UINT64_MAX),
	    MARKET_CHANGED);
}

static void play_world(uint64_t seed)
{
	struct world w = {.rng = rng_seed(seed), .now_ms = START_MS};
	uint64_t orders = 1 + some(&w, ORDERS);

	play_start(&w.play);
	for (uint64_t i = 0; i < orders; i++)
		change_order(&w, i);
	for (int i = 0; i < STEPS; i++) {
		uint64_t what = some(&w, 10);

		w.now_ms += (int64_t)some(&w, 20 * MS_PER_S);
		if (what == 0)
			for (int k = 0; k < 8; k++)
				change_order(&w, some(&w, orders));
		else if (what == 1)
			give_back(&w);
		else
			new_lead(&w);
	}
	play_stop(&w.play);
	arena_free(&w.words);
}

static void the_index_finds_what_asking_everybody_finds(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= MARKETS; seed++)
		play_world(seed);
}

/* Orders come and go until hardly any is left: leaves are merged and dropped, and nobody is lost. */
static void leaves_go_with_their_orders(void **state)
{
	struct world w = {.rng = rng_seed(4), .now_ms = START_MS};
	struct match_index *ix;

	(void)state;
	play_start(&w.play);
	for (uint64_t i = 0; i < ORDERS; i++)
		change_order(&w, i);
	ix = &market_vertical(w.play.market, SLICE("osago"))->index;
	assert_true(ix->leaf_count >= ORDERS / INDEX_LEAF);
	for (uint64_t i = 0; i < ORDERS; i++) {
		char id[16];
		struct play_order o = {.id = id,
				       .vertical = "osago",
				       .revision = ++w.revision,
				       .removed = i % 50 != 0};

		snprintf(id, sizeof(id), "o%03u", (unsigned)i);
		o.price_minor = 1000;
		(void)play_order(&w.play, w.now_ms, &o);
		if (i % 10 == 0)
			new_lead(&w);
	}
	assert_true(ix->leaf_count <= 3);
	new_lead(&w);
	play_stop(&w.play);
	arena_free(&w.words);
}

/* Of the orders that a lead meets in the index: how many are proved to fit constraints, and how many of these do not. */
static void count_proofs(struct world *w, size_t *proofs, size_t *wrong)
{
	const struct match_index *ix;
	struct index_rows rows;
	struct seen_lead l;

	draw_lead(w, &l);
	ix = &l.vertical->index;
	index_rows_of(ix, l.view.values, &rows);
	for (size_t i = 0; i < ix->leaf_count; i++) {
		uint32_t word = ix->leaves[i].word;
		struct index_doubts doubts = index_doubts_of(&rows, word);

		for (uint64_t met = index_meet(ix, &rows, word); met; met &= met - 1) {
			const struct order *o =
			    ix->slots[word * INDEX_LEAF + (uint32_t)__builtin_ctzll(met)];
			uint32_t proved = index_proved(&doubts, o) & o->terms->constraints;
			struct miss miss = {0};

			*proofs += (size_t)__builtin_popcount(proved);
			*wrong +=
			    constraints_ask_some(proved, o, &l.view, w->now_ms, &miss).fit != FIT;
		}
	}
	arena_reset(&w->words);
}

static void forget_doubts(struct match_index *ix)
{
	for (size_t i = 0; i < ix->attribute_count; i++) {
		for (size_t b = 0; b < INDEX_BUCKETS; b++) {
			free(ix->attributes[i].doubts[b]);
			ix->attributes[i].doubts[b] = NULL;
		}
	}
}

static void forget_who_shares(struct match_index *ix)
{
	for (size_t i = 0; i < ix->attribute_count; i++) {
		for (size_t t = 0; t < INDEX_TEXTS; t++)
			ix->attributes[i].texts[t].shared = false;
	}
}

/* Orders have come, changed and gone before. */
static void proofs_of_world(void (*forget)(struct match_index *ix), size_t *proofs, size_t *wrong)
{
	struct world w = {.rng = rng_seed(9), .now_ms = START_MS};

	*proofs = *wrong = 0;
	play_start(&w.play);
	for (uint64_t i = 0; i < 4 * ORDERS; i++)
		change_order(&w, some(&w, ORDERS));
	if (forget)
		forget(&market_vertical(w.play.market, SLICE("osago"))->index);
	for (int i = 0; i < 500; i++)
		count_proofs(&w, proofs, wrong);
	play_stop(&w.play);
	arena_free(&w.words);
}

static void what_the_index_proves_is_so(void **state)
{
	size_t proofs, wrong;

	(void)state;
	proofs_of_world(NULL, &proofs, &wrong);
	assert_true(proofs > 10000);
	assert_int_equal(wrong, 0);
	/* Without what it is not sure of it would say too much. */
	proofs_of_world(forget_doubts, &proofs, &wrong);
	assert_true(wrong > 0);
	proofs_of_world(forget_who_shares, &proofs, &wrong);
	assert_true(wrong > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_the_index_proves_is_so),
	    cmocka_unit_test(the_index_finds_what_asking_everybody_finds),
	    cmocka_unit_test(leaves_go_with_their_orders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
