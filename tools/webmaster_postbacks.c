/* webmaster_postbacks: checked as delivery will read it: an unknown place in a URL is a fault here, not a broken call there. */
#include "webmaster_postbacks.h"

#include <string.h>

#include "delivery/core/postback.h"

#define EVENTS_MAX 16

static bool event_taken(const Punnet__V1__Webmaster *w, struct slice name)
{
	for (size_t i = 0; i < w->n_postbacks; i++)
		for (size_t k = 0; k < w->postbacks[i]->n_events; k++)
			if (slice_is(name, w->postbacks[i]->events[k]))
				return true;
	return false;
}

/* The postback is among the webmaster's already: an event that stands in it twice is taken, too. */
static void read_events(struct arena *a, const struct yaml *item, const Punnet__V1__Webmaster *w,
			Punnet__V1__Postback *p, struct yaml_faults *f)
{
	const struct yaml *list = yaml_get(item, "events");

	if (!list || list->type != YAML_LIST || list->count == 0 || list->count > EVENTS_MAX) {
		yaml_fault(
		    f, item->line,
		    "postbacks: events: expected a list of delivered, approved, returned, paid");
		return;
	}
	p->events = arena_calloc(a, list->count, sizeof(*p->events));
	for (const struct yaml *e = list->child; e; e = e->next) {
		if (!postback_event_known(e->text))
			yaml_fault(f, e->line,
				   "postbacks: event \"" SLICE_FMT
				   "\": expected delivered, approved, returned or paid",
				   SLICE_ARG(e->text));
		else if (event_taken(w, e->text))
			yaml_fault(f, e->line,
				   "postbacks: event " SLICE_FMT " stands in two places",
				   SLICE_ARG(e->text));
		p->events[p->n_events++] = arena_cstr(a, e->text);
	}
}

static void read_one(struct arena *a, const struct yaml *item, const Punnet__V1__Webmaster *w,
		     Punnet__V1__Postback *p, struct yaml_faults *f)
{
	struct slice url = slice_cstr(""), method = slice_cstr("get");
	struct error e = {0};
	bool sign = false;

	yaml_text(item, "url", &url, f);
	yaml_text(item, "method", &method, f);
	p->url = arena_cstr(a, url);
	p->post = slice_is(method, "post");
	if (postback_check(url, &e) != RESULT_OK)
		yaml_fault(f, item->line, "postbacks: url: %s", e.text);
	if (!p->post && !slice_is(method, "get"))
		yaml_fault(f, item->line, "postbacks: method: expected get or post");
	yaml_bool(item, "sign", &sign, f);
	p->sign = sign;
	read_events(a, item, w, p, f);
	yaml_refuse_unknown(item, "postback", "url, events, method, sign", f);
}

void webmaster_postbacks_read(struct arena *a, const struct yaml *item, Punnet__V1__Webmaster *ret,
			      struct yaml_faults *f)
{
	const struct yaml *list = yaml_get(item, "postbacks");

	if (!list)
		return;
	if (list->type != YAML_LIST || list->count > POSTBACKS_MAX) {
		yaml_fault(f, list->line, "postbacks: expected a list of at most %d",
			   POSTBACKS_MAX);
		return;
	}
	ret->postbacks = arena_calloc(a, list->count + 1, sizeof(*ret->postbacks));
	for (const struct yaml *one = list->child; one; one = one->next) {
		Punnet__V1__Postback *p = arena_alloc(a, sizeof(*p));

		punnet__v1__postback__init(p);
		ret->postbacks[ret->n_postbacks++] = p;
		read_one(a, one, ret, p, f);
	}
}
