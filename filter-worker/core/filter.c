/* filter: the table, and the words in which filters say what they found. */
#include "filter.h"

#include "base/buf.h"
#include "base/timefmt.h"

#define DATE_LEN 10

#define FILTER(name) extern const struct filter filter_##name;
#include "filter-worker/filters/filters.def"
#undef FILTER

const struct filter *const filters[] = {
#define FILTER(name) &filter_##name,
#include "filter-worker/filters/filters.def"
#undef FILTER
};
const char *const filter_names[] = {
#define FILTER(name) #name,
#include "filter-worker/filters/filters.def"
#undef FILTER
};
const size_t filter_count = ARRAY_LEN(filters);

const struct filter *filter_from_name(struct slice name)
{
	for (size_t i = 0; i < filter_count; i++) {
		if (slice_is(name, filters[i]->name))
			return filters[i];
	}
	return NULL;
}

size_t filter_index(const struct filter *f)
{
	size_t i = 0;

	while (i < filter_count && filters[i] != f)
		i++;
	assert(i < filter_count);
	return i;
}

void finding_text(struct finding *f, const char *name, struct slice value)
{
	if (!f->arena)
		return;
	assert(f->param_count < FINDING_PARAMS_MAX);
	f->params[f->param_count++] = (struct finding_param){name, arena_dup(f->arena, value)};
}

void finding_number(struct finding *f, const char *name, int64_t value)
{
	_cleanup_(buf_free) struct buf text = {0};

	if (!f->arena)
		return;
	buf_append_int(&text, value);
	finding_text(f, name, buf_slice(&text));
}

void finding_seconds(struct finding *f, const char *name, int64_t ms)
{
	_cleanup_(buf_free) struct buf text = {0};
	int64_t tenths = (ms % MS_PER_S) / 100;

	if (!f->arena)
		return;
	buf_append_int(&text, ms / MS_PER_S);
	if (tenths > 0) {
		buf_append_char(&text, '.');
		buf_append_int(&text, tenths);
	}
	finding_text(f, name, buf_slice(&text));
}

void finding_date(struct finding *f, const char *name, int64_t ms)
{
	char text[TIME_TEXT_LEN + 1];

	time_text(ms, text);
	finding_text(f, name, slice_of(text, DATE_LEN));
}

void finding_about(struct finding *f, const struct lead_id *id)
{
	char text[LEAD_ID_TEXT_LEN + 1];

	f->about_a_lead = true;
	f->about = *id;
	lead_id_text(id, text);
	finding_text(f, "lead", slice_of(text, LEAD_ID_TEXT_LEN));
}

void finding_scope(struct finding *f, enum scope_choice scope, const struct facts *facts)
{
	struct slice where = SLICE("the network");

	if (scope == SCOPE_VERTICAL && !facts_text(facts, FACT_VERTICAL, &where))
		where = SLICE("the vertical");
	finding_text(f, "scope", where);
}
