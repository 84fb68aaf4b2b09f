/* punnet simulate: demand tried on given leads before it is published, with no servers.
 *
 * The file of leads is read twice: once to the first lead, whose time is the time at which the orders are published, and
 * once to play. A line that can't be read ends it without a result: figures of half a file would be taken for those of the
 * whole one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "order_file.h"
#include "router/core/learn.h"
#include "simulate_run.h"
#include "tool.h"

#define FAULTS_SHOWN_MAX 20
#define PROGRESS_EVERY   100000

struct simulate {
	struct tool *tool;
	struct sim sim;
	struct arena line;   /* of the line at hand */
	struct arena orders; /* as long as the run */
	const char *path;    /* of the file at hand */
	uint64_t number, faults;
	int64_t last_ms;
	struct learner *learner; /* while the past is read */
	int64_t shift_ms;        /* of the past: whole weeks */
	struct buf out;
};

typedef void (*lead_fn)(struct simulate *s, struct sim_lead *lead);

static void tell_fault(struct simulate *s, const char *why)
{
	if (s->faults++ < FAULTS_SHOWN_MAX)
		fprintf(stderr, "%s:%llu: %s\n", s->path, (unsigned long long)s->number, why);
}

static void take_line(struct simulate *s, struct slice text, lead_fn take)
{
	struct sim_lead lead;
	const char *why;

	arena_reset(&s->line);
	why = sim_lead_read(&s->line, text, &lead);
	if (!why && lead.at_ms < s->last_ms)
		why = "at: expected not before the line before it";
	if (why) {
		tell_fault(s, why);
		return;
	}
	s->last_ms = lead.at_ms;
	if (s->faults == 0)
		take(s, &lead);
}

/* Every line that holds something; `most` of them. */
static bool read_leads(struct simulate *s, const char *path, uint64_t most, lead_fn take)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	ssize_t got;

	if (!file) {
		fprintf(stderr, "punnet simulate: %s: %s\n", path, strerror(errno));
		return false;
	}
	s->path = path;
	s->number = 0;
	while (most > 0 && (got = getline(&text, &room, file)) >= 0) {
		struct slice line = slice_trim(slice_of(text, (size_t)got));

		s->number++;
		if (line.len == 0)
			continue;
		most--;
		take_line(s, line, take);
		if (s->tool->terminal && s->number % PROGRESS_EVERY == 0)
			fprintf(stderr, "\r%s: %llu lines", path, (unsigned long long)s->number);
	}
	if (s->tool->terminal && s->number >= PROGRESS_EVERY)
		fputc('\n', stderr);
	free(text);
	(void)fclose(file);
	if (s->faults > 0)
		fprintf(stderr,
			"punnet simulate: %llu lines can't be used; nothing was simulated\n",
			(unsigned long long)s->faults);
	return s->faults == 0;
}

static void look_only(_unused_ struct simulate *s, _unused_ struct sim_lead *lead)
{
}

static void write_decision(struct simulate *s, const struct sim_result *r)
{
	buf_reset(&s->out);
	buf_printf(&s->out, "{\"line\":%llu,\"order\":", (unsigned long long)s->number);
	if (r->order_id)
		json_write_string(&s->out, slice_cstr(r->order_id));
	else
		buf_append_cstr(&s->out, "null");
	buf_append_char(&s->out, ',');
	json_write_member_int(&s->out, "price_minor", r->price_minor);
	buf_append_char(&s->out, ',');
	json_write_member(&s->out, "reason", slice_cstr(r->reason));
	buf_append_cstr(&s->out, "}\n");
	(void)fwrite(s->out.data, 1, s->out.len, s->sim.decisions);
}

static void play(struct simulate *s, struct sim_lead *lead)
{
	struct sim_result r = sim_play(&s->sim, lead);

	if (s->sim.decisions)
		write_decision(s, &r);
}

/* One sum of money has one currency. */
static bool one_currency(Punnet__V1__OrderTerms *const *all, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (strcmp(all[i]->price->currency, all[0]->price->currency) == 0)
			continue;
		fprintf(stderr,
			"punnet simulate: order %s pays in %s, order %s in %s: expected orders of "
			"one currency\n",
			all[0]->order_id, all[0]->price->currency, all[i]->order_id,
			all[i]->price->currency);
		return false;
	}
	return true;
}

static bool publish_orders(struct simulate *s, const char *path, int64_t at_ms)
{
	struct yaml_faults faults = {0};
	size_t count = 0;
	Punnet__V1__OrderTerms **all =
	    order_file_read(&s->orders, path, NULL, at_ms, &count, &faults);

	if (!all)
		fprintf(stderr, "%spunnet simulate: %zu faults; nothing was simulated\n",
			buf_cstr(&faults.text), faults.count);
	yaml_faults_free(&faults);
	if (!all || !one_currency(all, count))
		return false;
	for (size_t i = 0; i < count; i++)
		sim_publish(&s->sim, all[i], at_ms);
	return true;
}

static void learn(struct simulate *s, struct sim_lead *lead)
{
	learner_lead(s->learner, &lead->admitted, lead->at_ms + s->shift_ms);
}

/* Whole weeks, so that hours and weekdays stay what they are: the past ends within the week before the first lead. */
static int64_t weeks_between(int64_t end_ms, int64_t begin_ms)
{
	int64_t between = begin_ms - end_ms, week = 7 * MS_PER_DAY;
	int64_t weeks = between / week - (between < 0 && between % week != 0);

	return weeks * week;
}

static bool learn_past(struct simulate *s, const char *path, int64_t begin_ms)
{
	bool ok;

	if (!path)
		return true;
	s->last_ms = 0;
	if (!read_leads(s, path, UINT64_MAX, look_only))
		return false;
	s->shift_ms = weeks_between(s->last_ms, begin_ms);
	s->last_ms = 0;
	s->learner = learner_new(s->sim.market);
	ok = read_leads(s, path, UINT64_MAX, learn);
	learner_end(s->learner);
	return ok;
}

static bool run(struct simulate *s, const char *orders, const char *leads, const char *history)
{
	int64_t begin_ms;

	if (!read_leads(s, leads, 1, look_only))
		return false;
	begin_ms = s->last_ms;
	if (!publish_orders(s, orders, begin_ms) || !learn_past(s, history, begin_ms))
		return false;
	s->last_ms = 0;
	return read_leads(s, leads, UINT64_MAX, play);
}

/* A whole number; false for anything else. */
static bool read_seed(const char *text, uint64_t *ret)
{
	int64_t seed = 0;

	if (text && (!slice_to_int64(slice_cstr(text), &seed) || seed < 0))
		return false;
	*ret = (uint64_t)seed;
	return true;
}

static bool open_decisions(struct simulate *s, const char *path)
{
	if (!path)
		return true;
	s->sim.decisions = fopen(path, "we");
	if (!s->sim.decisions)
		fprintf(stderr, "punnet simulate: %s: %s\n", path, strerror(errno));
	return s->sim.decisions != NULL;
}

static int finish(struct simulate *s, bool ok)
{
	if (ok && s->sim.decisions && (fflush(s->sim.decisions) != 0 || ferror(s->sim.decisions))) {
		fprintf(stderr, "punnet simulate: the decisions could not be written\n");
		ok = false;
	}
	if (ok) {
		buf_reset(&s->out);
		sim_report(&s->sim, &s->out);
		(void)fwrite(s->out.data, 1, s->out.len, stdout);
	}
	if (s->sim.decisions)
		(void)fclose(s->sim.decisions);
	sim_close(&s->sim);
	arena_free(&s->line);
	arena_free(&s->orders);
	buf_free(&s->out);
	return ok ? TOOL_DONE : TOOL_FOUND;
}

int command_simulate(struct tool *t, int argc, char **argv)
{
	struct simulate s = {.tool = t};
	const char *orders = tool_option(&argc, argv, "--orders");
	const char *leads = tool_option(&argc, argv, "--leads");
	const char *history = tool_option(&argc, argv, "--history");
	const char *decisions = tool_option(&argc, argv, "--decisions");
	const char *seed = tool_option(&argc, argv, "--seed");
	uint64_t number;

	if (!orders || !leads || argc > 1)
		return tool_usage("simulate", "expected --orders FILE --leads FILE.ndjson");
	if (!read_seed(seed, &number))
		return tool_usage("simulate", "--seed: expected a whole number");
	sim_open(&s.sim, number);
	return finish(&s, open_decisions(&s, decisions) && run(&s, orders, leads, history));
}
