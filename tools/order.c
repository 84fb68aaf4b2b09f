/* punnet order: declared demand against what was published last; the difference goes to the market, then to the
 * directory, which remembers it. A crash between the two publishes the same terms again: harmless. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/money.h"
#include "order_file.h"
#include "order_lowered.h"
#include "order_more.h"
#include "pace_words.h"
#include "progress_view.h"
#include "runtime/clock.h"
#include "tool.h"

typedef Punnet__V1__OrderTerms terms;

struct orders {
	struct tool *tool;
	struct directory *directory;
	struct arena arena;
	bool dry_run;
	size_t created, changed, same;
	terms **fresh; /* what is created or changed */
	size_t fresh_count;
	struct error error;
};

static const Punnet__V1__OrderChanged *published(const struct orders *o, const char *id)
{
	const Punnet__V1__DirectoryEntry *e = directory_get(o->directory, "order", slice_cstr(id));

	return e ? e->order : NULL;
}

static bool same_terms(const terms *a, const terms *b)
{
	struct buf x = {0}, y = {0};
	bool equal;

	codec_pack(&a->base, &x);
	codec_pack(&b->base, &y);
	equal = slice_equal(buf_slice(&x), buf_slice(&y));
	buf_free(&x);
	buf_free(&y);
	return equal;
}

static int32_t market_partition(const struct orders *o, const char *vertical)
{
	const Punnet__V1__DirectoryEntry *e =
	    directory_get(o->directory, "vertical", slice_cstr(vertical));

	return e && e->vertical ? (int32_t)e->vertical->market_partition : -1;
}

static enum result publish(struct orders *o, terms *t, uint64_t old_revision)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__OrderChanged change = PUNNET__V1__ORDER_CHANGED__INIT;
	Punnet__V1__DirectoryEntry entry = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	int32_t partition = market_partition(o, t->vertical);
	enum result r;

	if (partition < 0)
		return error_set(&o->error, RESULT_BAD,
				 "order %s: no vertical \"%s\" in the directory", t->order_id,
				 t->vertical);
	/* Time as a revision, so that a lost directory can't make a new change look older than what the market knows. */
	change.revision = MAX_OF(old_revision + 1, (uint64_t)clock_now_ms());
	change.terms = t;
	source.topic = (char *)"operator";
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ORDER;
	event.order = &change;
	r = tool_produce(o->tool, "market", partition, slice_cstr(t->vertical), &event.base,
			 &o->error);
	if (r != RESULT_OK)
		return r;
	entry.id = arena_printf(&o->arena, "order/%s", t->order_id);
	entry.revision = change.revision;
	entry.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ORDER;
	entry.order = &change;
	return tool_produce(o->tool, "directory", 0, slice_cstr(entry.id), &entry.base, &o->error);
}

static void say(const struct orders *o, const char *what, const terms *t)
{
	char price[64];

	if (o->tool->json) {
		printf("{\"order\":\"%s\",\"change\":\"%s\"}\n", t->order_id, what);
		return;
	}
	money_text(t->price->amount_minor, t->price->currency, price, sizeof(price));
	printf("%-8s %-34s %-12s %s\n", what, t->order_id, t->vertical, price);
}

static enum result apply_one(struct orders *o, terms *t)
{
	const Punnet__V1__OrderChanged *old = published(o, t->order_id);

	if (old && strcmp(old->terms->vertical, t->vertical) != 0)
		return error_set(
		    &o->error, RESULT_BAD,
		    "order %s: its vertical is %s and can't become %s: make a new order",
		    t->order_id, old->terms->vertical, t->vertical);
	if (old && (strcmp(old->terms->advertiser_id, t->advertiser_id) != 0 ||
		    strcmp(old->terms->price->currency, t->price->currency) != 0))
		return error_set(
		    &o->error, RESULT_BAD,
		    "order %s: it is %s's, in %s, and can't become %s's, in %s: make a "
		    "new order",
		    t->order_id, old->terms->advertiser_id, old->terms->price->currency,
		    t->advertiser_id, t->price->currency);
	if (old && !old->removed && same_terms(old->terms, t)) {
		o->same++;
		return RESULT_OK;
	}
	*(old ? &o->changed : &o->created) += 1;
	o->fresh[o->fresh_count++] = t;
	say(o, old ? "change" : "new", t);
	return o->dry_run ? RESULT_OK : publish(o, t, old ? old->revision : 0);
}

static int apply_file(struct orders *o, const char *path)
{
	struct yaml_faults faults = {0};
	size_t count = 0;
	terms **all =
	    order_file_read(&o->arena, path, o->directory, clock_now_ms(), &count, &faults);
	enum result r = RESULT_OK;

	if (!all) {
		fputs(buf_cstr(&faults.text), stderr);
		fprintf(stderr, "punnet order: %zu faults; nothing was published\n", faults.count);
		yaml_faults_free(&faults);
		return TOOL_FOUND;
	}
	o->fresh = arena_calloc(&o->arena, count + 1, sizeof(*o->fresh));
	for (size_t i = 0; i < count; i++)
		order_warn(o->directory, all[i], &o->arena);
	for (size_t i = 0; i < count && r == RESULT_OK; i++)
		r = apply_one(o, all[i]);
	if (r == RESULT_OK)
		r = tool_flush(o->tool, &o->error);
	if (r != RESULT_OK)
		return tool_fail("order", r, &o->error);
	order_preview(o->tool, o->directory, o->fresh, o->fresh_count);
	printf(o->tool->json ? "{\"created\":%zu,\"changed\":%zu,\"same\":%zu}\n"
			     : "%zu created, %zu changed, %zu as they were\n",
	       o->created, o->changed, o->same);
	return TOOL_DONE;
}

static int set_paused(struct orders *o, int argc, char **argv, bool paused)
{
	enum result r = RESULT_OK;

	for (int i = 2; i < argc && r == RESULT_OK; i++) {
		const Punnet__V1__OrderChanged *old = published(o, argv[i]);

		if (!old)
			return tool_fail(
			    "order", error_set(&o->error, RESULT_BAD, "no order \"%s\"", argv[i]),
			    &o->error);
		if (old->terms->paused == paused) {
			printf("%s is %s already\n", argv[i], paused ? "paused" : "open");
			continue;
		}
		terms t = *old->terms;
		t.paused = paused;
		say(o, paused ? "pause" : "resume", &t);
		r = publish(o, &t, old->revision);
	}
	if (r == RESULT_OK)
		r = tool_flush(o->tool, &o->error);
	return r == RESULT_OK ? TOOL_DONE : tool_fail("order", r, &o->error);
}

/* day: of the one order that is shown whole; NULL: it is one of a list. */
static void print_order(const struct orders *o, const Punnet__V1__OrderChanged *change,
			const struct progress_view *view, const struct order_day *day)
{
	const terms *t = change->terms;
	const Punnet__V1__OrderProgress *p = progress_view_get(view, t->order_id);
	unsigned long long reserved = p ? p->reserved : 0, delivered = p ? p->delivered : 0;
	_cleanup_(buf_free) struct buf pace = {0};
	char price[64];

	money_text(t->price->amount_minor, t->price->currency, price, sizeof(price));
	if (o->tool->json) {
		pace_json(p, &pace);
		order_lowered_json(p, t->price, clock_now_ms(), &pace);
		if (day)
			order_day_json(day, &pace);
		printf("{\"order\":\"%s\",\"advertiser\":\"%s\",\"vertical\":\"%s\",\"price_"
		       "minor\":%lld,\"currency\":\"%s\","
		       "\"quantity\":%llu,\"reserved\":%llu,\"delivered\":%llu,\"returned\":%llu,"
		       "\"paused\":%s,\"revision\":%llu%s}\n",
		       t->order_id, t->advertiser_id, t->vertical,
		       (long long)t->price->amount_minor, t->price->currency,
		       (unsigned long long)t->quantity, reserved, delivered,
		       p ? (unsigned long long)p->returned : 0ULL, t->paused ? "true" : "false",
		       (unsigned long long)change->revision, buf_cstr(&pace));
		return;
	}
	printf("%-34s %-12s %14s  wants %-7llu reserved %-6llu delivered %-7llu%s%s\n", t->order_id,
	       t->vertical, price, (unsigned long long)t->quantity, reserved, delivered,
	       t->paused ? " paused" : "",
	       order_is_lowered(p, clock_now_ms()) ? " ranks lower" : "");
	if (!day)
		return;
	pace_words(p, &pace);
	if (pace.len > 0)
		printf("  forecast: %s\n", buf_cstr(&pace));
	buf_reset(&pace);
	order_lowered_words(p, t->price, clock_now_ms(), &pace);
	if (pace.len > 0)
		printf("  %s\n", buf_cstr(&pace));
	buf_reset(&pace);
	order_day_words(day, &pace);
	fputs(buf_cstr(&pace), stdout);
	printf("  advertiser %s, priority %d, revision %llu\n", t->advertiser_id, t->priority,
	       (unsigned long long)change->revision);
	order_show_terms(t);
	printf("  delivery: %s\n", t->delivery_json);
}

static int list_orders(struct orders *o, const char *only)
{
	const Punnet__V1__DirectoryEntry *e;
	struct progress_view *view = progress_view_open(o->tool->bus, &o->error);
	struct order_day day;
	size_t found = 0;

	if (!view)
		return tool_fail("order", RESULT_AWAY, &o->error);
	if (only && order_day_read(o->tool, only, &day, &o->error) != RESULT_OK) {
		progress_view_close(view);
		return tool_fail("order", RESULT_AWAY, &o->error);
	}
	for (size_t i = 0; directory_at(o->directory, i, &e); i++) {
		if (e->entry_case != PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ORDER || e->order->removed)
			continue;
		if (only && strcmp(only, e->order->terms->order_id) != 0)
			continue;
		print_order(o, e->order, view, only ? &day : NULL);
		found++;
	}
	progress_view_close(view);
	if (only && !found)
		fprintf(stderr, "punnet order: no order \"%s\"\n", only);
	return only && !found ? TOOL_FOUND : TOOL_DONE;
}

static int run_verb(struct orders *o, int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "apply") == 0 && argc == 3)
		return apply_file(o, argv[2]);
	if (strcmp(verb, "list") == 0 && argc == 2)
		return list_orders(o, NULL);
	if (strcmp(verb, "show") == 0 && argc == 3)
		return list_orders(o, argv[2]);
	if ((strcmp(verb, "pause") == 0 || strcmp(verb, "resume") == 0) && argc > 2)
		return set_paused(o, argc, argv, verb[0] == 'p');
	if (strcmp(verb, "losses") == 0)
		return order_losses(o->tool, o->directory, argc, argv);
	if (strcmp(verb, "funds") == 0 && argc >= 4)
		return order_funds(o->tool, o->directory, argc, argv);
	return tool_usage("order",
			  "expected apply FILE, list, show ID, pause ID…, resume ID…, losses ID or "
			  "funds ADVERTISER VERTICAL …");
}

int command_order(struct tool *t, int argc, char **argv)
{
	struct orders o = {.tool = t, .dry_run = tool_flag(&argc, argv, "--dry-run")};
	int status;

	if (!tool_bus(t, "order"))
		return TOOL_AWAY;
	o.directory = directory_open(t->bus, TOOL_TIMEOUT_MS, &o.error);
	status = o.directory ? run_verb(&o, argc, argv) : tool_fail("order", RESULT_AWAY, &o.error);
	directory_close(o.directory);
	arena_free(&o.arena);
	return status;
}
