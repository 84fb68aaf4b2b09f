/* punnet deliveries: every attempt to hand a lead over, as leads.attempts has it; and a changed reading of answers, tried on those
 * that are recorded, before it goes live. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/money.h"
#include "base/timefmt.h"
#include "deliveries.h"
#include "deliveries_pick.h"
#include "order_file.h"
#include "runtime/clock.h"
#include "scan.h"

#define LIST_LIMIT     50
#define LIST_SINCE     "1h"
#define TRY_ANSWERS    1000
#define TRY_SINCE      "7d"
#define TRY_TIMEOUT_MS 5000       /* settings want one; no request is made */
#define BEFORE_LEAD_MS MS_PER_MIN /* clocks of two machines differ */

/* --- reading --- */

static void add(void *ctx, enum scan_topic topic, const struct bus_record *record,
		const void *message)
{
	if (topic == SCAN_ATTEMPTS && message)
		pick_add(ctx, message, record->value, (uint32_t)record->partition,
			 (uint64_t)record->offset);
}

enum result deliveries_read(struct bus *bus, int64_t since_ms, struct pick *p, struct error *e)
{
	struct scan *s = scan_open(bus, e);
	enum result r;

	if (!s)
		return RESULT_AWAY;
	for (int topic = 0; topic < SCAN_TOPICS; topic++)
		if (topic != SCAN_ATTEMPTS)
			scan_skip(s, (enum scan_topic)topic);
	r = scan_from(s, SCAN_ATTEMPTS, since_ms, e);
	if (r == RESULT_OK)
		r = scan_measure(s, e);
	if (r == RESULT_OK)
		r = scan_read(s, add, p, e);
	scan_close(s);
	pick_sort(p);
	return r;
}

/* A time, or how long ago: "2h". */
static bool read_since(const char *text, int64_t *ret_ms)
{
	int64_t ago_ms;

	if (time_parse_duration(slice_cstr(text), &ago_ms)) {
		*ret_ms = MAX_OF(clock_now_ms() - ago_ms, 0);
		return true;
	}
	return time_parse(slice_cstr(text), ret_ms);
}

/* --- showing --- */

static void json_text(const char *name, const char *value)
{
	_cleanup_(buf_free) struct buf b = {0};

	json_write_member(&b, name, slice_cstr(value));
	printf(",%s", buf_cstr(&b));
}

static void print_json(const Punnet__V1__DeliveryAttempt *a, const struct picked *one,
		       const char *lead)
{
	static const char *const results[] = {"", "ok", "tempfail", "permfail"};

	printf("{\"lead_id\":\"%s\",\"round\":%u,\"attempt\":%u", lead, a->assignment->round,
	       a->attempt);
	json_text("order", a->assignment->order_id);
	json_text("advertiser", a->assignment->advertiser_id);
	json_text("channel", a->channel);
	json_text("result", (size_t)a->result < ARRAY_LEN(results) ? results[a->result] : "");
	json_text("reason", a->reason_code);
	json_text("words", a->answer_excerpt);
	json_text("answer", a->answer_sample);
	if (a->answered_price)
		printf(",\"answered_price_minor\":%lld",
		       (long long)a->answered_price->amount_minor);
	printf(",\"asked\":%s,\"unknown\":%s,\"ever_unknown\":%s,\"final\":%s,\"answer_whole\":%s,"
	       "\"http_status\":%u,\"started_at_ms\":%lld,\"took_ms\":%u,\"next_due_at_ms\":%lld,"
	       "\"partition\":%u,\"offset\":%llu}\n",
	       a->ask == PUNNET__V1__ATTEMPT_ASK__STATUS_QUERY ? "true" : "false",
	       a->unknown ? "true" : "false", a->ever_unknown ? "true" : "false",
	       a->final ? "true" : "false", a->answer_whole ? "true" : "false", a->http_status,
	       (long long)a->started_at_ms, a->took_ms, (long long)a->next_due_at_ms,
	       one->partition, (unsigned long long)one->offset);
}

static const char *word_of(const Punnet__V1__DeliveryAttempt *a)
{
	return pick_word((enum attempt_result)a->result, a->unknown,
			 reason_from_code(slice_cstr(a->reason_code)));
}

static void print_row(const Punnet__V1__DeliveryAttempt *a, const char *lead)
{
	char at[TIME_TEXT_LEN + 1], status[16] = "-";

	time_text(a->started_at_ms, at);
	if (a->http_status)
		snprintf(status, sizeof(status), "%u", a->http_status);
	printf("%s  %s.%u  #%-2u %-9s %4s %6u ms  %-20s %s%s\n", at, lead, a->assignment->round,
	       a->attempt, word_of(a), status, a->took_ms, a->assignment->order_id,
	       a->ask == PUNNET__V1__ATTEMPT_ASK__STATUS_QUERY ? "asked; " : "", a->reason_code);
}

static void print_whole(const Punnet__V1__DeliveryAttempt *a)
{
	char at[TIME_TEXT_LEN + 1], said[64], agreed[64];

	if (a->answer_excerpt[0])
		printf("    says    %s\n", a->answer_excerpt);
	if (a->answer_sample[0])
		printf("    answer  %s%s\n", a->answer_sample, a->answer_whole ? "" : " …");
	if (a->answered_price && a->assignment->price) {
		money_text(a->answered_price->amount_minor, a->answered_price->currency, said,
			   sizeof(said));
		money_text(a->assignment->price->amount_minor, a->assignment->price->currency,
			   agreed, sizeof(agreed));
		printf("    price   %s%s%s\n", said,
		       strcmp(said, agreed) == 0 ? "" : ", and the order's is ",
		       strcmp(said, agreed) == 0 ? "" : agreed);
	}
	if (a->final)
		printf("    the last one%s\n",
		       a->ever_unknown ? "; whether an earlier one arrived is not known" : "");
	if (a->next_due_at_ms) {
		time_text(a->next_due_at_ms, at);
		printf("    next    %s\n", at);
	}
}

static void print_all(const struct tool *t, const struct pick *p, bool whole)
{
	struct arena scratch = {0};

	for (size_t i = 0; i < p->count; i++) {
		const struct picked *one = &p->all[i];
		const Punnet__V1__DeliveryAttempt *a =
		    codec_unpack(&scratch, &punnet__v1__delivery_attempt__descriptor,
				 slice_of(one->bytes, one->len));
		char lead[LEAD_ID_TEXT_LEN + 1];
		struct lead_id id;

		if (!a || !lead_id_from_bytes(a->lead_id.data, a->lead_id.len, &id))
			continue;
		lead_id_text(&id, lead);
		if (t->json)
			print_json(a, one, lead);
		else
			print_row(a, lead);
		if (whole && !t->json)
			print_whole(a);
		arena_reset(&scratch);
	}
	arena_free(&scratch);
}

/* --- the verbs --- */

static int list(struct tool *t, int argc, char **argv)
{
	const char *since = tool_option(&argc, argv, "--since");
	const char *limit_text = tool_option(&argc, argv, "--limit");
	struct pick_filter filter = {.order_id = tool_option(&argc, argv, "--order"),
				     .advertiser_id = tool_option(&argc, argv, "--advertiser"),
				     .result = tool_option(&argc, argv, "--result")};
	int64_t since_ms, limit = LIST_LIMIT;
	struct error e = {0};
	struct pick p;
	enum result r;

	if (argc != 2)
		return tool_usage("deliveries", "unexpected \"%s\"", argv[2]);
	if (!read_since(since ? since : LIST_SINCE, &since_ms))
		return tool_usage("deliveries", "--since %s: expected a time, or 2h", since);
	if (limit_text &&
	    (!slice_to_int64(slice_cstr(limit_text), &limit) || limit < 1 || limit > PICK_MOST))
		return tool_usage("deliveries", "--limit %s: expected 1 to %d", limit_text,
				  PICK_MOST);
	if (!tool_bus(t, "deliveries"))
		return TOOL_AWAY;
	pick_start(&p, &filter, (size_t)limit);
	r = deliveries_read(t->bus, since_ms, &p, &e);
	if (r == RESULT_OK) {
		print_all(t, &p, false);
		if (!t->json)
			printf("%zu of %zu attempts\n", p.count, p.fitted);
	}
	pick_free(&p);
	return r == RESULT_OK ? TOOL_DONE : tool_fail("deliveries", r, &e);
}

static int show(struct tool *t, int argc, char **argv)
{
	struct pick_filter filter = {0};
	struct lead_id id;
	struct error e = {0};
	struct pick p;
	enum result r;
	size_t found;

	if (argc != 3 || !lead_id_parse(slice_cstr(argv[2]), &id))
		return tool_usage("deliveries", "expected show LEAD_ID");
	if (!tool_bus(t, "deliveries"))
		return TOOL_AWAY;
	filter.lead_id = &id;
	pick_start(&p, &filter, PICK_MOST);
	r = deliveries_read(t->bus, MAX_OF(lead_id_time_ms(&id) - BEFORE_LEAD_MS, 0), &p, &e);
	print_all(t, &p, true);
	found = p.count;
	pick_free(&p);
	if (r != RESULT_OK)
		return tool_fail("deliveries", r, &e);
	if (found == 0)
		fprintf(stderr, "punnet deliveries: no attempt of this lead\n");
	return found ? TOOL_DONE : TOOL_FOUND;
}

/* --- a mapping, tried --- */

static bool rules_of_order(const char *path, const char *order_id, struct arena *a,
			   struct answer_rules *ret)
{
	struct yaml_faults faults = {0};
	size_t count = 0;
	Punnet__V1__OrderTerms **all =
	    order_file_read(a, path, NULL, clock_now_ms(), &count, &faults);
	const struct channel *channel;
	struct endpoint endpoint;
	struct error e = {0};

	if (!all)
		fputs(buf_cstr(&faults.text), stderr);
	yaml_faults_free(&faults);
	for (size_t i = 0; all && i < count; i++) {
		if (strcmp(all[i]->order_id, order_id) != 0)
			continue;
		if (channel_read(slice_cstr(all[i]->delivery_json), TRY_TIMEOUT_MS, a, &channel,
				 &endpoint, &e) != RESULT_OK)
			break;
		*ret = endpoint.rules;
		return true;
	}
	if (all)
		fprintf(stderr, "punnet deliveries: %s: no order \"%s\"\n", path, order_id);
	return false;
}

static void print_trial(const struct tool *t, const struct mapping_trial *m)
{
	for (size_t i = 0; i < m->change_count; i++) {
		const struct mapping_change *c = &m->changes[i];
		char lead[LEAD_ID_TEXT_LEN + 1];

		printf(t->json ? "{\"recorded\":\"%s\",\"now\":\"%s\",\"count\":%zu,\"examples\":["
			       : "%-10s -> %-10s %7zu   ",
		       c->recorded, c->now, c->count);
		for (size_t k = 0; k < MIN_OF(c->count, (size_t)PICK_EXAMPLES); k++) {
			lead_id_text(&c->examples[k], lead);
			printf(t->json ? "%s\"%s\"" : "%s%s",
			       k == 0    ? ""
			       : t->json ? ","
					 : " ",
			       lead);
		}
		printf(t->json ? "]}\n" : "\n");
	}
	printf(t->json ? "{\"tried\":%zu,\"same\":%zu,\"changed\":%zu,\"not_whole\":%zu}\n"
		       : "%zu answers tried: %zu read as before, %zu otherwise; %zu were not kept "
			 "whole\n",
	       m->tried, m->same, m->tried - m->same, m->not_whole);
}

static int try_mapping(struct tool *t, int argc, char **argv)
{
	const char *since = tool_option(&argc, argv, "--since");
	struct pick_filter filter = {.answered = true};
	struct mapping_trial trial = {0};
	struct answer_rules rules;
	struct arena a = {0};
	struct error e = {0};
	struct pick p;
	int64_t since_ms;
	enum result r;
	bool known;

	if (argc != 4 || !read_since(since ? since : TRY_SINCE, &since_ms))
		return tool_usage("deliveries", "expected try-mapping ORDER FILE [--since T]");
	known = rules_of_order(argv[3], argv[2], &a, &rules);
	arena_free(&a);
	if (!known)
		return TOOL_FOUND;
	if (!tool_bus(t, "deliveries"))
		return TOOL_AWAY;
	filter.order_id = argv[2];
	pick_start(&p, &filter, TRY_ANSWERS);
	r = deliveries_read(t->bus, since_ms, &p, &e);
	if (r == RESULT_OK) {
		mapping_try(&p, &rules, &trial);
		print_trial(t, &trial);
	}
	pick_free(&p);
	if (r != RESULT_OK)
		return tool_fail("deliveries", r, &e);
	return trial.same == trial.tried ? TOOL_DONE : TOOL_FOUND;
}

static int retry(struct tool *t, int argc, char **argv)
{
	const char *who = tool_option(&argc, argv, "--who"),
		   *why = tool_option(&argc, argv, "--why");
	struct lead_id id;

	if (argc != 3 || !why || !*why || !lead_id_parse(slice_cstr(argv[2]), &id))
		return tool_usage("deliveries", "expected retry LEAD_ID --why TEXT");
	if (!who)
		who = getenv("USER");
	return deliveries_retry(t, &id, who && *who ? who : "operator", why);
}

static int circuits(struct tool *t, int argc, char **argv)
{
	const char *since = tool_option(&argc, argv, "--since");
	int64_t since_ms;

	if (argc != 2 || !read_since(since ? since : LIST_SINCE, &since_ms))
		return tool_usage("deliveries", "expected circuits [--since T]");
	return deliveries_circuits(t, since_ms);
}

int command_deliveries(struct tool *t, int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "list") == 0)
		return list(t, argc, argv);
	if (strcmp(verb, "show") == 0)
		return show(t, argc, argv);
	if (strcmp(verb, "try-mapping") == 0)
		return try_mapping(t, argc, argv);
	if (strcmp(verb, "retry") == 0)
		return retry(t, argc, argv);
	if (strcmp(verb, "circuits") == 0)
		return circuits(t, argc, argv);
	return tool_usage("deliveries", "expected list, show LEAD_ID, retry LEAD_ID --why TEXT, "
					"try-mapping ORDER FILE or circuits");
}
