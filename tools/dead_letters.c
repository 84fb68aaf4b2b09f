/* punnet dead-letters: records that a service put aside, and what an operator does about them. Nothing is taken out of
 * dead.letters: what was done is a record of dead.letters.acts, with who and why. See docs/dead-letters.md. */
#include "dead_letters.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/timefmt.h"
#include "runtime/clock.h"
#include "runtime/fault.h"

#define WHY_MAX 500
#define WHO_MAX 100

static const char *state_of(const struct letter *t)
{
	static const char *const words[] = {"open", "being retried", "retried", "discarded"};

	return words[t->state];
}

/* --- the list --- */

static void print_json(const struct letter *t)
{
	char id[LEAD_ID_TEXT_LEN + 1] = "";
	struct buf b = {0};

	if (t->has_lead)
		lead_id_text(&t->lead_id, id);
	buf_printf(
	    &b,
	    "{\"letter\":\"%s/%u@%lld\",\"state\":\"%s\",\"at_ms\":%lld,\"service\":\"%s\","
	    "\"reason_code\":\"%s\",\"lead_id\":\"%s\",\"bytes\":%llu,\"stands_at\":\"%s/%u@%lld\","
	    "\"reason\":",
	    t->source.topic, t->source.partition, (long long)t->source.offset, state_of(t),
	    (long long)t->at_ms, t->service, t->reason_code, id, (unsigned long long)t->bytes,
	    LETTERS_TOPIC, t->stands_in, (long long)t->stands_at);
	json_write_string(&b, slice_cstr(t->reason));
	buf_append_cstr(&b, ",\"who\":");
	json_write_string(&b, slice_cstr(t->who));
	if (t->state == LETTER_RETRIED)
		buf_printf(&b, ",\"sent\":\"%s/%u@%lld\"", t->sent.topic, t->sent.partition,
			   (long long)t->sent.offset);
	buf_append_char(&b, '}');
	puts(buf_cstr(&b));
	buf_free(&b);
}

static void print_row(const struct dead_letters *d, const struct letter *t)
{
	char when[TIME_TEXT_LEN + 1], place[96];

	if (d->tool->json) {
		print_json(t);
		return;
	}
	time_text(t->at_ms, when);
	snprintf(place, sizeof(place), "%s/%u@%lld", t->source.topic, t->source.partition,
		 (long long)t->source.offset);
	printf("%-26s %s  %-13s %-16s %s%s%s\n", place, when, t->service, t->reason_code, t->reason,
	       t->state == LETTER_OPEN ? "" : "  — ", t->state == LETTER_OPEN ? "" : state_of(t));
}

static int list(const struct dead_letters *d, bool all, const char *topic)
{
	const struct letters *l = &d->letters;

	for (size_t i = 0; i < l->count; i++) {
		const struct letter *t = l->all[i];

		if ((all || letter_is_open(t)) && (!topic || strcmp(topic, t->source.topic) == 0))
			print_row(d, t);
	}
	if (d->tool->json)
		return TOOL_DONE;
	printf("%zu open of %zu\n", l->open, l->count);
	if (l->beyond)
		printf("%zu more are not looked at: there is room for %d\n", l->beyond,
		       LETTERS_MAX);
	return TOOL_DONE;
}

/* --- one letter --- */

struct wanted {
	struct dead_letters *d;
	int64_t offset;
	const Punnet__V1__DeadLetter *found;
};

static bool take_record(void *ctx, const struct bus_record *r)
{
	struct wanted *w = ctx;

	if (r->offset == w->offset)
		w->found = codec_unpack(&w->d->arena, &punnet__v1__dead_letter__descriptor,
					arena_dup(&w->d->arena, r->value));
	return false;
}

const Punnet__V1__DeadLetter *dead_letter_record(struct dead_letters *d, const struct letter *t)
{
	struct wanted w = {.d = d, .offset = t->stands_at};
	enum result r = letters_each(d->tool->bus, LETTERS_TOPIC, (int32_t)t->stands_in,
				     t->stands_at, t->stands_at + 1, take_record, &w, &d->error);

	if (r == RESULT_OK && !w.found)
		(void)error_set(&d->error, RESULT_BAD, "%s/%u@%lld is not there any more",
				LETTERS_TOPIC, t->stands_in, (long long)t->stands_at);
	return r == RESULT_OK ? w.found : NULL;
}

static struct letter *named(struct dead_letters *d, const char *text)
{
	struct letter_place place;
	struct letter *t = NULL;

	if (letter_place_parse(text, &place))
		t = letters_find(&d->letters, &place);
	if (!t)
		fprintf(stderr, "punnet dead-letters: %s: no such letter\n", text);
	return t;
}

/* Never on the terminal: nobody knows what stands in a record that can't be read. */
static int save(const Punnet__V1__DeadLetter *m, const char *path)
{
	FILE *f = fopen(path, "wbx");
	bool done = f && fwrite(m->original.data ? m->original.data : (const uint8_t *)"", 1,
				m->original.len, f) == m->original.len;

	if (f && fclose(f) != 0)
		done = false;
	if (!done)
		fprintf(stderr, "punnet dead-letters: %s can't be written, or is there already\n",
			path);
	return done ? TOOL_DONE : TOOL_FOUND;
}

static int show(struct dead_letters *d, const char *text, const char *out)
{
	struct letter *t = named(d, text);
	const Punnet__V1__DeadLetter *m = t ? dead_letter_record(d, t) : NULL;
	const char *fixed;

	if (!t)
		return TOOL_FOUND;
	if (!m)
		return tool_fail("dead-letters", RESULT_AWAY, &d->error);
	print_row(d, t);
	fixed = dead_letter_fixed(d, m);
	if (!d->tool->json) {
		printf("  %s, %u tries, %zu bytes of type \"%s\", key of %zu bytes; stands at "
		       "%s/%u@%lld\n",
		       state_of(t), m->attempts, m->original.len, m->original_type,
		       m->original_key.len, LETTERS_TOPIC, t->stands_in, (long long)t->stands_at);
		if (t->state == LETTER_RETRIED)
			printf("  by %s; it stands at %s/%u@%lld now\n", t->who, t->sent.topic,
			       t->sent.partition, (long long)t->sent.offset);
		else if (t->state != LETTER_OPEN)
			printf("  by %s\n", t->who);
		else if (fixed)
			printf("  it can't be retried: %s\n", fixed);
	}
	return out ? save(m, out) : TOOL_DONE;
}

/* --- acting --- */

/* NULL: it may be done. */
static const char *why_not(struct dead_letters *d, const struct letter *t,
			   const Punnet__V1__DeadLetter *m, bool retry)
{
	if (!letter_is_open(t))
		return state_of(t);
	return retry ? dead_letter_fixed(d, m) : NULL;
}

static int act(struct dead_letters *d, int count, char **places, bool retry)
{
	enum result r = RESULT_OK;
	int status = TOOL_DONE, done = 0;

	for (int i = 0; i < count && r == RESULT_OK; i++) {
		struct letter *t = named(d, places[i]);
		const Punnet__V1__DeadLetter *m = t ? dead_letter_record(d, t) : NULL;
		const char *fault;

		if (t && !m)
			return tool_fail("dead-letters", RESULT_AWAY, &d->error);
		fault = t ? why_not(d, t, m, retry) : "no such letter";
		if (fault) {
			fprintf(stderr, "punnet dead-letters: %s: %s\n", places[i], fault);
			status = TOOL_FOUND;
			continue;
		}
		r = retry ? dead_letter_retry(d, t, m) : dead_letter_discard(d, t);
		done += r == RESULT_OK;
	}
	if (r != RESULT_OK)
		return tool_fail("dead-letters", r, &d->error);
	printf(d->tool->json ? "{\"%s\":%d}\n" : "%s: %d\n", retry ? "retried" : "discarded", done);
	return status;
}

static bool known_who(struct dead_letters *d)
{
	if (!d->who)
		d->who = getenv("USER");
	return d->who && d->who[0] && strlen(d->who) <= WHO_MAX && d->why && d->why[0] &&
	       strlen(d->why) <= WHY_MAX;
}

static int run(struct dead_letters *d, int argc, char **argv, bool all, const char *topic,
	       const char *out)
{
	const char *verb = argc > 1 ? argv[1] : "";
	bool retry = strcmp(verb, "retry") == 0, acts = retry || strcmp(verb, "discard") == 0;
	enum result r;

	if (!(strcmp(verb, "list") == 0 && argc == 2) &&
	    !(strcmp(verb, "show") == 0 && argc == 3) && !(acts && argc > 2))
		return tool_usage("dead-letters", "expected list, show LETTER, retry LETTER… or "
						  "discard LETTER…");
	if (acts && !known_who(d))
		return tool_usage("dead-letters", "--why TEXT is needed, and --who NAME where USER "
						  "is not set");
	if (!tool_bus(d->tool, "dead-letters"))
		return TOOL_AWAY;
	r = letters_read(d->tool->bus, &d->letters, &d->position, &d->error);
	if (r != RESULT_OK)
		return tool_fail("dead-letters", r, &d->error);
	if (strcmp(verb, "list") == 0)
		return list(d, all, topic);
	if (strcmp(verb, "show") == 0)
		return show(d, argv[2], out);
	return act(d, argc - 2, argv + 2, retry);
}

int command_dead_letters(struct tool *t, int argc, char **argv)
{
	struct dead_letters d = {.tool = t,
				 .letters = {.lease_over = fault_on("letter_lease_over")}};
	bool all = tool_flag(&argc, argv, "--all");
	bool mend = tool_flag(&argc, argv, "--mend-type");
	const char *topic = tool_option(&argc, argv, "--topic");
	const char *out = tool_option(&argc, argv, "--out");
	int status;

	d.mend_type = mend;
	d.who = tool_option(&argc, argv, "--who");
	d.why = tool_option(&argc, argv, "--why");
	status = run(&d, argc, argv, all, topic, out);
	letters_free(&d.letters);
	arena_free(&d.arena);
	return status;
}
