/* trace_text: the steps, as a person or a program reads them. */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/money.h"
#include "base/timefmt.h"
#include "trace.h"

struct trace_step *trace_add(struct trace *t, int64_t at_ms, const char *service, const char *what)
{
	struct trace_step *s;

	if (!t->steps)
		t->steps = arena_calloc(&t->arena, TRACE_STEPS_MAX, sizeof(*t->steps));
	s = &t->steps[t->count < TRACE_STEPS_MAX ? t->count++ : TRACE_STEPS_MAX - 1];
	*s = (struct trace_step){.at_ms = at_ms,
				 .service = service,
				 .what = what,
				 .text = "",
				 .source = "",
				 .caused_by = "",
				 .ruleset = "",
				 .shown_ms = at_ms,
				 .number = t->count,
				 .round = -1};
	return s;
}

void trace_note(struct trace_step *s, const char *code, const char *text)
{
	if (s->note_count < TRACE_NOTES_MAX)
		s->notes[s->note_count++] =
		    (struct trace_note){.code = code, .text = text, .operator_text = ""};
}

void trace_hide(struct trace_step *s, bool webmaster, bool advertiser)
{
	struct trace_note *n = &s->notes[MAX_OF(s->note_count, (size_t)1) - 1];

	n->hidden[TRACE_WEBMASTER] = webmaster;
	n->hidden[TRACE_ADVERTISER] = advertiser;
}

static const char *param_of(struct slice name, Punnet__V1__ReasonParam **params, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_is(name, params[i]->name))
			return params[i]->value;
	return NULL;
}

/* The text with its placeholders filled in; one that was not given is left open. */
static void fill(const char *text, Punnet__V1__ReasonParam **params, size_t count,
		 const char *detail, struct buf *out)
{
	for (const char *c = text; *c; c++) {
		const char *end = *c == '{' ? strchr(c, '}') : NULL;
		struct slice name = {c + 1, end ? (size_t)(end - c - 1) : 0};
		const char *value = end ? param_of(name, params, count) : NULL;

		if (!value && end && slice_is(name, "detail") && detail && detail[0])
			value = detail;
		if (end) {
			buf_append_cstr(out, value ? value : "…");
			c = end;
		} else {
			buf_append_char(out, *c);
		}
	}
}

const char *trace_reason(struct trace *t, const char *code, Punnet__V1__ReasonParam **params,
			 size_t count, const char *detail)
{
	enum reason r = reason_from_code(slice_cstr(code));
	const char *text = reason_text(r, t->language);
	_cleanup_(buf_free) struct buf out = {0};

	if (r == REASON_NONE)
		return detail && detail[0] ? detail : code;
	fill(text, params, count, detail, &out);
	if (detail && detail[0] && !strstr(text, "{detail}"))
		buf_printf(&out, " (%s)", detail);
	return arena_cstr(&t->arena, buf_slice(&out));
}

void trace_note_reason(struct trace *t, struct trace_step *s, const char *before, const char *code,
		       Punnet__V1__ReasonParam **params, size_t count, const char *detail)
{
	_cleanup_(buf_free) struct buf out = {0};

	if (s->note_count == TRACE_NOTES_MAX)
		return;
	trace_note(s, before[0] ? arena_printf(&t->arena, "%s%s", before, code) : code,
		   trace_reason(t, code, params, count, detail));
	fill(reason_operator_text(reason_from_code(slice_cstr(code))), params, count, detail, &out);
	s->notes[s->note_count - 1].operator_text = arena_cstr(&t->arena, buf_slice(&out));
}

const char *trace_time(struct trace *t, int64_t ms)
{
	char text[TIME_TEXT_LEN + 1];

	time_text(ms, text);
	return arena_cstr(&t->arena, slice_cstr(text));
}

const char *trace_money(struct trace *t, const Punnet__V1__Money *m)
{
	char text[64];

	if (!m)
		return "no amount";
	money_text(m->amount_minor, m->currency, text, sizeof(text));
	return arena_cstr(&t->arena, slice_cstr(text));
}

const char *trace_from(struct trace *t, const Punnet__V1__Provenance *p)
{
	if (!p || strcmp(p->topic, "http") == 0)
		return "";
	return arena_printf(&t->arena, "%s/%u@%llu", p->topic, p->partition,
			    (unsigned long long)p->offset);
}

static int by_time(const void *a, const void *b)
{
	const struct trace_step *x = a, *y = b;

	if (x->shown_ms != y->shown_ms)
		return x->shown_ms < y->shown_ms ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static void print_json(struct trace *t, const struct trace_step *s)
{
	char id[LEAD_ID_TEXT_LEN + 1];
	struct buf b = {0};

	lead_id_text(&t->id, id);
	buf_printf(&b, "{\"lead_id\":\"%s\",\"time\":\"%s\",", id, trace_time(t, s->at_ms));
	json_write_member(&b, "service", slice_cstr(s->service));
	buf_append_char(&b, ',');
	json_write_member(&b, "what", slice_cstr(s->what));
	buf_append_char(&b, ',');
	json_write_member(&b, "text", slice_cstr(s->text));
	buf_append_cstr(&b, ",\"reasons\":[");
	for (size_t i = 0; i < s->note_count; i++) {
		buf_append_cstr(&b, i ? ",{" : "{");
		json_write_member(&b, "code", slice_cstr(s->notes[i].code));
		buf_append_char(&b, ',');
		json_write_member(&b, "text", slice_cstr(s->notes[i].text));
		if (s->notes[i].operator_text[0]) {
			buf_append_char(&b, ',');
			json_write_member(&b, "operator", slice_cstr(s->notes[i].operator_text));
		}
		buf_append_char(&b, '}');
	}
	buf_append_cstr(&b, "],");
	json_write_member(&b, "ruleset", slice_cstr(s->ruleset));
	buf_append_char(&b, ',');
	json_write_member(&b, "source", slice_cstr(s->source));
	buf_append_char(&b, ',');
	json_write_member(&b, "caused_by", slice_cstr(s->caused_by));
	buf_append_char(&b, '}');
	puts(buf_cstr(&b));
	buf_free(&b);
}

static void print_text(struct trace *t, const struct trace_step *s)
{
	printf("%s  %-13s %-13s %s", trace_time(t, s->at_ms), s->service, s->what, s->text);
	if (s->ruleset[0])
		printf("  ruleset %.12s", s->ruleset);
	if (s->source[0])
		printf("  [%s%s%s]", s->source, s->caused_by[0] ? " from " : "", s->caused_by);
	putchar('\n');
	for (size_t i = 0; i < s->note_count; i++) {
		const struct trace_note *n = &s->notes[i];

		printf("%-40s %-24s %s\n", "", n->code, n->text);
		if (n->operator_text[0])
			printf("%-40s %-24s %s\n", "", "  for the operator", n->operator_text);
	}
}

void trace_sort(struct trace *t)
{
	qsort(t->steps, t->count, sizeof(*t->steps), by_time);
}

void trace_print(struct trace *t)
{
	char id[LEAD_ID_TEXT_LEN + 1];

	lead_id_text(&t->id, id);
	trace_sort(t);
	if (!t->tool->json)
		printf("lead %s\n", id);
	for (size_t i = 0; i < t->count; i++) {
		if (t->tool->json)
			print_json(t, &t->steps[i]);
		else
			print_text(t, &t->steps[i]);
	}
}
