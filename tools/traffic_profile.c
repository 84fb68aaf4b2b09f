/* traffic_profile: rules/traffic.yaml, checked whole. Faults come with file and line, all at once. */
#include "traffic_files.h"

#define SHARE_MOST  10000
#define WEIGHT_MOST 1000000

struct reading {
	struct arena *a;
	struct traffic_profile *p;
	struct yaml_faults *f;
};

static struct traffic_texts read_texts(struct reading *g, const struct yaml *map, const char *key)
{
	struct yaml *list = yaml_get(map, key);
	struct traffic_texts texts = {0};

	if (!list)
		return texts;
	if (list->type != YAML_LIST || list->count == 0 || list->count > TRAFFIC_WORDS_MAX) {
		yaml_fault(g->f, list->line, "%s: expected a list of 1 to %d texts", key,
			   TRAFFIC_WORDS_MAX);
		return texts;
	}
	texts.items = arena_calloc(g->a, list->count, sizeof(*texts.items));
	for (const struct yaml *item = list->child; item; item = item->next) {
		if (item->type != YAML_SCALAR || item->text.len == 0)
			yaml_fault(g->f, item->line, "%s: expected a text", key);
		texts.items[texts.count++] = item->text;
	}
	return texts;
}

/* The list under `key`, or NULL with a fault when it is missing, empty or too long. */
static const struct yaml *need_list(struct reading *g, const struct yaml *map, const char *key,
				    size_t most)
{
	const struct yaml *list = yaml_get(map, key);

	if (list && list->type == YAML_LIST && list->count > 0 && list->count <= most)
		return list;
	yaml_fault(g->f, list ? list->line : map->line, "%s: expected a list of 1 to %zu", key,
		   most);
	return NULL;
}

static struct slice need_text(struct reading *g, const struct yaml *map, const char *key)
{
	struct slice text = {NULL, 0};

	if (yaml_text(map, key, &text, g->f) && text.len > 0)
		return text;
	yaml_fault(g->f, map->line, "%s: expected a text", key);
	return SLICE("");
}

static void read_hours(struct reading *g, const struct yaml *root)
{
	const struct yaml *list = need_list(g, root, "hours", TRAFFIC_HOURS);
	size_t hour = 0;

	if (!list)
		return;
	for (const struct yaml *item = list->child; item; item = item->next, hour++)
		if (!slice_to_int64(item->text, &g->p->hours[hour]) || g->p->hours[hour] < 1 ||
		    g->p->hours[hour] > WEIGHT_MOST)
			yaml_fault(g->f, item->line, "hours: expected a number from 1 to %d",
				   WEIGHT_MOST);
	if (hour != TRAFFIC_HOURS)
		yaml_fault(g->f, list->line, "hours: expected %d numbers", TRAFFIC_HOURS);
}

static void read_transport(struct reading *g, const struct yaml *root)
{
	const struct yaml *map = yaml_get(root, "transport");

	g->p->keyed_share = SHARE_MOST;
	g->p->batch_most = 40;
	if (!map)
		return;
	(void)yaml_int(map, "form", 0, SHARE_MOST, &g->p->form_share, g->f);
	(void)yaml_int(map, "line", 0, SHARE_MOST, &g->p->line_share, g->f);
	(void)yaml_int(map, "keyed", 0, SHARE_MOST, &g->p->keyed_share, g->f);
	(void)yaml_int(map, "batch_most", 1, 1000, &g->p->batch_most, g->f);
	yaml_refuse_unknown(map, "transport", "form, line, keyed, batch_most", g->f);
	if (g->p->form_share + g->p->line_share > SHARE_MOST)
		yaml_fault(g->f, map->line, "form and line are more than %d together", SHARE_MOST);
}

static void read_qualities(struct reading *g, const struct yaml *root)
{
	const struct yaml *list = need_list(g, root, "qualities", TRAFFIC_QUALITIES_MAX);

	for (const struct yaml *item = list ? list->child : NULL; item; item = item->next) {
		struct traffic_quality *q = &g->p->qualities[g->p->quality_count++];
		const struct yaml *shares = yaml_get(item, "shares");
		int64_t sum = 0;

		q->id = need_text(g, item, "id");
		if (!shares) {
			yaml_fault(g->f, item->line, "shares: expected a map of kinds");
			continue;
		}
		for (int kind = TRAFFIC_GOOD + 1; kind < TRAFFIC_KINDS; kind++) {
			(void)yaml_int(shares, traffic_kind_names[kind], 0, SHARE_MOST,
				       &q->share[kind], g->f);
			sum += q->share[kind];
		}
		yaml_refuse_unknown(shares, "shares", "the kinds of leads except good", g->f);
		/* Only good leads are clicked twice: see traffic_head(). */
		if (sum + q->share[TRAFFIC_RESUBMISSION] > SHARE_MOST)
			yaml_fault(g->f, shares->line,
				   "shares: %lld of %d, resubmissions counted twice",
				   (long long)sum, SHARE_MOST);
	}
}

static void read_sources(struct reading *g, const struct yaml *root)
{
	const struct yaml *list = need_list(g, root, "sources", TRAFFIC_SOURCES_MAX);

	for (const struct yaml *item = list ? list->child : NULL; item; item = item->next) {
		struct traffic_source *s = &g->p->sources[g->p->source_count++];
		struct slice quality = need_text(g, item, "quality");

		s->id = need_text(g, item, "id");
		s->page = need_text(g, item, "page");
		s->weight = 1;
		(void)yaml_int(item, "weight", 1, WEIGHT_MOST, &s->weight, g->f);
		(void)yaml_bool(item, "signed", &s->is_signed, g->f);
		yaml_refuse_unknown(item, "source", "id, weight, quality, page, signed", g->f);
		while (s->quality < g->p->quality_count &&
		       !slice_equal(g->p->qualities[s->quality].id, quality))
			s->quality++;
		if (s->quality == g->p->quality_count)
			yaml_fault(g->f, item->line, "quality: no quality \"" SLICE_FMT "\"",
				   SLICE_ARG(quality));
	}
}

static void read_field(struct reading *g, const struct yaml *item, struct traffic_field *field)
{
	field->name = need_text(g, item, "name");
	field->often = SHARE_MOST;
	field->step = 1;
	(void)yaml_int(item, "often", 0, SHARE_MOST, &field->often, g->f);
	field->words = read_texts(g, item, "words");
	(void)yaml_text(item, "pattern", &field->pattern, g->f);
	(void)yaml_int(item, "least", 0, INT32_MAX, &field->least, g->f);
	(void)yaml_int(item, "most", 0, INT32_MAX, &field->most, g->f);
	(void)yaml_int(item, "step", 1, INT32_MAX, &field->step, g->f);
	yaml_refuse_unknown(item, "field", "name, often, least, most, step, words, pattern", g->f);
	field->type = field->words.count   ? TRAFFIC_WORDS
		      : field->pattern.len ? TRAFFIC_PATTERN
					   : TRAFFIC_INTEGER;
	if (field->most < field->least)
		yaml_fault(g->f, item->line, "most: less than least");
}

static void read_verticals(struct reading *g, const struct yaml *root)
{
	const struct yaml *list = need_list(g, root, "verticals", TRAFFIC_VERTICALS_MAX);

	for (const struct yaml *item = list ? list->child : NULL; item; item = item->next) {
		struct traffic_vertical *v = &g->p->verticals[g->p->vertical_count++];
		const struct yaml *fields = yaml_get(item, "fields");

		v->id = need_text(g, item, "id");
		v->share = 1;
		(void)yaml_int(item, "share", 1, WEIGHT_MOST, &v->share, g->f);
		yaml_refuse_unknown(item, "vertical", "id, share, fields", g->f);
		if (fields && fields->count > TRAFFIC_FIELDS_MAX) {
			yaml_fault(g->f, fields->line, "fields: more than %d", TRAFFIC_FIELDS_MAX);
			continue;
		}
		for (const struct yaml *field = fields ? fields->child : NULL; field;
		     field = field->next)
			read_field(g, field, &v->fields[v->field_count++]);
	}
}

static size_t digits_of(struct slice format)
{
	size_t count = 0;

	for (size_t i = 0; i < format.len; i++)
		count += format.data[i] == 'N';
	return count;
}

/* The number is made of a code and of what is left of the format's digits: all codes and formats must agree. */
static void check_phones(struct reading *g, const struct traffic_country *c, int line)
{
	size_t digits, code;

	if (c->phone_codes.count == 0 || c->phone_formats.count == 0 || c->domains.count == 0) {
		yaml_fault(g->f, line, "a country needs phone_codes, phone_formats and domains");
		return;
	}
	digits = digits_of(c->phone_formats.items[0]);
	code = c->phone_codes.items[0].len;
	for (size_t i = 0; i < c->phone_formats.count; i++)
		if (digits_of(c->phone_formats.items[i]) != digits)
			yaml_fault(g->f, line, "phone_formats: \"" SLICE_FMT "\": expected %zu N",
				   SLICE_ARG(c->phone_formats.items[i]), digits);
	for (size_t i = 0; i < c->phone_codes.count; i++)
		if (c->phone_codes.items[i].len != code)
			yaml_fault(g->f, line, "phone_codes: expected all of one length");
	if (code >= digits || digits > 15)
		yaml_fault(g->f, line,
			   "phone_formats: expected 2 to 15 N, more than a code has digits");
}

static void read_countries(struct reading *g, const struct yaml *root)
{
	const struct yaml *list = need_list(g, root, "countries", TRAFFIC_COUNTRIES_MAX);

	for (const struct yaml *item = list ? list->child : NULL; item; item = item->next) {
		struct traffic_country *c = &g->p->countries[g->p->country_count++];
		struct slice language = need_text(g, item, "language");

		c->id = need_text(g, item, "id");
		c->locale = need_text(g, item, "locale");
		c->share = 1;
		(void)yaml_int(item, "share", 1, WEIGHT_MOST, &c->share, g->f);
		c->cities = read_texts(g, item, "cities");
		c->domains = read_texts(g, item, "domains");
		c->phone_codes = read_texts(g, item, "phone_codes");
		c->phone_formats = read_texts(g, item, "phone_formats");
		c->language = slice_is(language, "ru") ? TRAFFIC_RU : TRAFFIC_EN;
		if (!slice_is(language, "ru") && !slice_is(language, "en"))
			yaml_fault(g->f, item->line, "language: expected ru or en");
		yaml_refuse_unknown(item, "country",
				    "id, share, language, locale, cities, domains, phone_codes, "
				    "phone_formats",
				    g->f);
		check_phones(g, c, item->line);
	}
}

bool traffic_profile_load(struct arena *a, const char *path, struct traffic_profile *ret,
			  struct yaml_faults *f)
{
	struct reading g = {.a = a, .p = ret, .f = f};
	const struct yaml *root = yaml_load(a, path, f);

	*ret = (struct traffic_profile){0};
	if (!root)
		return false;
	read_hours(&g, root);
	read_transport(&g, root);
	read_qualities(&g, root);
	read_sources(&g, root);
	read_verticals(&g, root);
	read_countries(&g, root);
	ret->suppressed = read_texts(&g, root, "suppressed");
	yaml_refuse_unknown(
	    root, "profile",
	    "hours, transport, qualities, sources, verticals, countries, suppressed", f);
	return f->count == 0;
}
