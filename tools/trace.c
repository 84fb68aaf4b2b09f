/* punnet trace: the whole life of a lead, from the topics and the ledger. */
#include <stdio.h>

#include "base/timefmt.h"
#include "runtime/clock.h"
#include "trace.h"

#define DB_TIMEOUT_MS 10000

struct options {
	struct trace_wanted wanted;
	const char *html, *id;
	bool searches;
};

/* A life that has not come to an end says so. */
static void say_under_way(struct trace *t)
{
	static const char *const ends[] = {"rejected", "quarantined", "unsold", "status"};

	for (size_t i = 0; i < t->count; i++)
		for (size_t k = 0; k < ARRAY_LEN(ends); k++)
			if (strcmp(t->steps[i].what, ends[k]) == 0)
				return;
	trace_add(t, clock_now_ms(), "-", "under way")->text =
	    "what comes next has not been written yet";
}

static int never_received(struct trace *t)
{
	char text[LEAD_ID_TEXT_LEN + 1];

	lead_id_text(&t->id, text);
	fprintf(stderr,
		"punnet trace: lead %s was never received: leads.raw has nothing of it "
		"at the time that the id names, %s\n",
		text, trace_time(t, lead_id_time_ms(&t->id)));
	return TOOL_FOUND;
}

/* The lead whose id is t->id. */
static int trace_one(struct trace *t, const struct options *o)
{
	bool known = false;
	enum result r = trace_ledger(t); /* first: it says when to look for what came back */

	if (r == RESULT_OK)
		r = trace_topics(t, &known);
	if (r != RESULT_OK)
		return tool_fail("trace", r, &t->error);
	if (!known && t->count == 0)
		return never_received(t);
	say_under_way(t);
	if (!o->html) {
		trace_print(t);
		return TOOL_DONE;
	}
	r = trace_write_html(t, o->html);
	return r == RESULT_OK ? TOOL_DONE : tool_fail("trace", r, &t->error);
}

static int trace_found(struct trace *t, const struct options *o)
{
	struct trace_found found;
	enum result r = trace_search(t, &o->wanted, &found);
	int status = TOOL_DONE;

	if (r != RESULT_OK)
		return tool_fail("trace", r, &t->error);
	if (found.count == 0) {
		fputs("punnet trace: no lead of this time has it\n", stderr);
		return TOOL_FOUND;
	}
	if (o->html && found.count > 1) {
		fputs("punnet trace: --html is a page of one lead, and there are several:\n",
		      stderr);
		for (size_t i = 0; i < found.count; i++) {
			char text[LEAD_ID_TEXT_LEN + 1];

			lead_id_text(&found.ids[i], text);
			fprintf(stderr, "%s\n", text);
		}
		return TOOL_FOUND;
	}
	for (size_t i = 0; i < found.count && status == TOOL_DONE; i++) {
		t->id = found.ids[i];
		t->steps = NULL;
		t->count = 0;
		arena_reset(&t->arena);
		status = trace_one(t, o);
	}
	return status;
}

static bool read_time(const char *text, int64_t *ret_ms)
{
	return !text || time_parse(slice_cstr(text), ret_ms);
}

/* NULL: they are fine. */
static const char *read_options(int *argc, char **argv, struct trace *t, struct options *ret)
{
	static const char advertiser[] = "advertiser/";
	struct trace_wanted *w = &ret->wanted;
	const char *language = tool_option(argc, argv, "--lang");
	const char *reader = tool_option(argc, argv, "--for");
	const char *from = tool_option(argc, argv, "--from"), *to = tool_option(argc, argv, "--to");

	w->click_id = tool_option(argc, argv, "--click-id");
	w->idempotency_key = tool_option(argc, argv, "--idempotency-key");
	w->phone = tool_option(argc, argv, "--phone");
	w->email = tool_option(argc, argv, "--email");
	w->webmaster = tool_option(argc, argv, "--webmaster");
	w->country = tool_option(argc, argv, "--country");
	ret->html = tool_option(argc, argv, "--html");
	t->reader = tool_flag(argc, argv, "--operator") ? TRACE_OPERATOR : TRACE_WEBMASTER;
	if (t->reader != TRACE_OPERATOR && reader &&
	    strncmp(reader, advertiser, strlen(advertiser)) == 0) {
		t->reader = TRACE_ADVERTISER;
		t->advertiser = reader + strlen(advertiser);
	}
	w->to_ms = clock_now_ms();
	w->from_ms = w->to_ms - MS_PER_DAY;
	ret->searches = w->click_id || w->idempotency_key || w->phone || w->email;
	if (language && !language_from_code(slice_cstr(language), &t->language))
		return "--lang: expected en or ru";
	if (reader && strcmp(reader, "webmaster") != 0 && t->reader != TRACE_ADVERTISER)
		return "--for: expected webmaster, or advertiser/ID";
	if (!read_time(from, &w->from_ms) || !read_time(to, &w->to_ms))
		return "--from, --to: expected an RFC 3339 time, or Unix milliseconds";
	if (w->idempotency_key && !w->webmaster)
		return "--idempotency-key is one webmaster's: expected --webmaster, too";
	if (*argc != (ret->searches ? 1 : 2))
		return "expected one lead id, or one of --click-id, --idempotency-key, --phone, "
		       "--email";
	w->webmaster = w->webmaster ? w->webmaster : "";
	w->country = w->country ? w->country : "";
	ret->id = ret->searches ? NULL : argv[1];
	return NULL;
}

int command_trace(struct tool *tool, int argc, char **argv)
{
	struct trace t = {.tool = tool, .language = LANGUAGE_EN};
	struct options o = {.html = NULL};
	const char *fault = read_options(&argc, argv, &t, &o), *kafka;
	int status;

	if (fault)
		return tool_usage("trace", "%s", fault);
	if (o.id && !lead_id_parse(slice_cstr(o.id), &t.id))
		return tool_usage("trace", "\"%s\" is not a lead id", o.id);
	t.opens = o.html;
	kafka = config_text(tool->config, "common", "kafka");
	tool->bus = o.searches ? bus_open_reading(kafka, "punnet-trace", &t.error)
			       : bus_open_looking(kafka, "punnet-trace", &t.error);
	if (!tool->bus)
		return tool_fail("trace", RESULT_AWAY, &t.error);
	t.ledger =
	    db_open_reading(config_text(tool->config, "common", "db"), DB_TIMEOUT_MS, &t.error);
	if (!t.ledger)
		status = tool_fail("trace", RESULT_AWAY, &t.error);
	else
		status = o.searches ? trace_found(&t, &o) : trace_one(&t, &o);
	db_close(t.ledger);
	arena_free(&t.arena);
	return status;
}
