/* webmaster_postbacks: checked as delivery will read it: an unknown place in a URL is a fault here, not a broken call there. */
#include "webmaster_postbacks.h"

#include <string.h>

#include "delivery/core/postback.h"

#define EVENTS_MAX        16
#define ADVERTISER_EVENTS "circuit_opened, circuit_closed, order_short, order_ahead, order_filled"

struct list {
	const char *name, *events; /* for messages */
	enum postback_audience audience;
	Punnet__V1__Postback **all;
	size_t count;
};

static bool event_taken(const struct list *l, struct slice name)
{
	for (size_t i = 0; i < l->count; i++)
		for (size_t k = 0; k < l->all[i]->n_events; k++)
			if (slice_is(name, l->all[i]->events[k]))
				return true;
	return false;
}

/* The postback is in the list already: an event that stands in it twice is taken, too. */
static void read_events(struct arena *a, const struct yaml *item, const struct list *l,
			Punnet__V1__Postback *p, struct yaml_faults *f)
{
	const struct yaml *list = yaml_get(item, "events");

	if (!list || list->type != YAML_LIST || list->count == 0 || list->count > EVENTS_MAX) {
		yaml_fault(f, item->line, "%s: events: expected a list of %s", l->name, l->events);
		return;
	}
	p->events = arena_calloc(a, list->count, sizeof(*p->events));
	for (const struct yaml *e = list->child; e; e = e->next) {
		if (!postback_event_known(e->text, l->audience))
			yaml_fault(f, e->line, "%s: event \"" SLICE_FMT "\": expected one of %s",
				   l->name, SLICE_ARG(e->text), l->events);
		else if (event_taken(l, e->text))
			yaml_fault(f, e->line, "%s: event " SLICE_FMT " stands in two places",
				   l->name, SLICE_ARG(e->text));
		p->events[p->n_events++] = arena_cstr(a, e->text);
	}
}

static void read_one(struct arena *a, const struct yaml *item, const struct list *l,
		     Punnet__V1__Postback *p, struct yaml_faults *f)
{
	struct slice url = slice_cstr(""), method = slice_cstr("get");
	struct error e = {0};
	bool sign = false;

	yaml_text(item, "url", &url, f);
	yaml_text(item, "method", &method, f);
	p->url = arena_cstr(a, url);
	p->post = slice_is(method, "post");
	if (postback_check(url, l->audience, &e) != RESULT_OK)
		yaml_fault(f, item->line, "%s: url: %s", l->name, e.text);
	if (!p->post && !slice_is(method, "get"))
		yaml_fault(f, item->line, "%s: method: expected get or post", l->name);
	yaml_bool(item, "sign", &sign, f);
	p->sign = sign;
	read_events(a, item, l, p, f);
	yaml_refuse_unknown(item, l->name, "url, events, method, sign", f);
}

static Punnet__V1__Postback **read_all(struct arena *a, const struct yaml *item,
				       enum postback_audience audience, size_t *ret_count,
				       struct yaml_faults *f)
{
	struct list l = {"postbacks", "delivered, approved, returned, paid", audience, NULL, 0};
	const struct yaml *list;

	if (audience != POSTBACK_WEBMASTER) {
		l.name = "alerts";
		l.events = audience == POSTBACK_ALERTED ? ADVERTISER_EVENTS
							: ADVERTISER_EVENTS
			       ", dead_letters, audit_broken, audit_holds";
	}
	list = yaml_get(item, l.name);
	*ret_count = 0;
	if (!list)
		return NULL;
	if (list->type != YAML_LIST || list->count > POSTBACKS_MAX) {
		yaml_fault(f, list->line, "%s: expected a list of at most %d", l.name,
			   POSTBACKS_MAX);
		return NULL;
	}
	l.all = arena_calloc(a, list->count + 1, sizeof(*l.all));
	for (const struct yaml *one = list->child; one; one = one->next) {
		Punnet__V1__Postback *p = arena_alloc(a, sizeof(*p));

		punnet__v1__postback__init(p);
		l.all[l.count++] = p;
		read_one(a, one, &l, p, f);
	}
	*ret_count = l.count;
	return l.all;
}

void webmaster_postbacks_read(struct arena *a, const struct yaml *item, Punnet__V1__Webmaster *ret,
			      struct yaml_faults *f)
{
	ret->postbacks = read_all(a, item, POSTBACK_WEBMASTER, &ret->n_postbacks, f);
}

void advertiser_alerts_read(struct arena *a, const struct yaml *item, Punnet__V1__Advertiser *ret,
			    struct yaml_faults *f)
{
	ret->alerts = read_all(a, item, POSTBACK_ALERTED, &ret->n_alerts, f);
}

void operator_alerts_read(struct arena *a, const struct yaml *item, Punnet__V1__Operator *ret,
			  struct yaml_faults *f)
{
	ret->alerts = read_all(a, item, POSTBACK_OPERATOR, &ret->n_alerts, f);
	yaml_refuse_unknown(item, "operator", "id, name, alerts", f);
}

bool operator_signs(const Punnet__V1__Operator *o)
{
	for (size_t i = 0; i < o->n_alerts; i++)
		if (o->alerts[i]->sign)
			return true;
	return false;
}
