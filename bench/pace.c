/* bench-pace: what pacing adds to a decision: one lead that half of 40 paced orders could have, learned from and played on, with
 * what is drawn from the sample beside it. Orders never fill, so that all of them stay at work.
 *
 * The floor is the textbook's step: the best of as many prices, and each moved once. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "router/core/order.h"

#define ORDERS   40
#define FITS     20
#define WARM     20000
#define START_MS 1796083200000LL
#define GAP_MS   100

struct paced {
	struct order orders[ORDERS];
	struct terms terms[ORDERS];
	struct pacer pacer;
	uint64_t n;
};

static int64_t price_of_lead(uint64_t n, uint32_t i)
{
	return 10000 + (int64_t)((n * 7919 + i * 104729) % 30011);
}

static void begin(struct paced *p)
{
	for (uint32_t i = 0; i < ORDERS; i++) {
		p->terms[i].quantity = 10000000 + i * 100000;
		p->terms[i].until_ms = START_MS + 400 * MS_PER_DAY;
		p->orders[i].terms = &p->terms[i];
		p->orders[i].index = i;
		p->orders[i].begin_ms = START_MS;
		pace_begin(&p->orders[i], &p->pacer, START_MS);
	}
}

static void step(struct paced *p)
{
	const struct order *winner = NULL;
	int64_t best = 0;

	p->n++;
	pace_start(&p->pacer);
	for (uint32_t k = 0; k < FITS; k++) {
		struct order *o = &p->orders[(p->n * 3 + k * 2) % ORDERS];
		int64_t price = price_of_lead(p->n, o->index), score = pace_score(o, price);

		pace_fits(&p->pacer, o, price);
		if (score > best) {
			best = score;
			winner = o;
		}
	}
	pace_learn(&p->pacer, winner, START_MS + (int64_t)p->n * GAP_MS);
}

/* Mirror descent as it stands in books, over plain arrays. */
static void plain_step(int64_t scarcity[ORDERS], uint64_t n)
{
	uint32_t winner = 0;
	int64_t best = INT64_MIN;

	for (uint32_t k = 0; k < FITS; k++) {
		uint32_t i = (uint32_t)((n * 3 + k * 2) % ORDERS);
		int64_t score = (price_of_lead(n, i) << PACE_MONEY_SHIFT) - scarcity[i];

		scarcity[i] -= 1 << 20;
		if (score > best) {
			best = score;
			winner = i;
		}
	}
	scarcity[winner] += 20 << 20;
}

int main(void)
{
	struct paced *p = calloc(1, sizeof(*p));
	int64_t scarcity[ORDERS] = {0};
	double ns, floor_ns;
	uint64_t n = 0;

	if (!p)
		bench_die("out of memory");
	begin(p);
	for (int i = 0; i < WARM; i++)
		step(p);
	BENCH_NS(&ns, step(p));
	BENCH_NS(&floor_ns, {
		plain_step(scarcity, n++);
		BENCH_KEEP(scarcity);
	});
	bench_figure_floor("pacing of a lead that fits 20 of 40 orders", ns, floor_ns, "ns/lead");
	pacer_free(&p->pacer);
	for (uint32_t i = 0; i < ORDERS; i++)
		free(p->orders[i].pace);
	free(p);
	return 0;
}
