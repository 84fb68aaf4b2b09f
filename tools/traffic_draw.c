/* traffic_draw: see traffic_draw.h. */
#include "traffic_draw.h"

/* Odd, and no multiple of 5: steps through any space of 10^k numbers without meeting one twice. */
#define PHONE_STEP      2654435761ULL
#define EMAIL_NUMBERS   10000
#define PATTERN_LETTERS "ABEKMHOPCTYX"

/* Every stream of every lead starts somewhere else; the same numbers always. */
struct rng traffic_stream(const struct traffic_maker *m, enum traffic_stream stream, uint64_t n)
{
	struct rng r = rng_seed(m->seed * 0x9e6c63d0876a9a47ULL + (uint64_t)stream);
	uint64_t base = rng_next(&r);

	r = rng_seed(base ^ (n * 0xd1342543de82ef95ULL));
	return rng_seed(rng_next(&r));
}

struct slice traffic_pick(const struct traffic_texts *t, struct rng *r)
{
	return t->count ? t->items[rng_below(r, t->count)] : (struct slice){NULL, 0};
}

/* --- what a lead is, before its content --- */

#define PICK_BY_WEIGHT(items, count, weight, r)                                                    \
	({                                                                                         \
		uint64_t sum_ = 0, at_;                                                            \
		size_t i_ = 0;                                                                     \
		for (size_t k_ = 0; k_ < (count); k_++)                                            \
			sum_ += (uint64_t)(items)[k_].weight;                                      \
		for (at_ = rng_below((r), sum_); at_ >= (uint64_t)(items)[i_].weight; i_++)        \
			at_ -= (uint64_t)(items)[i_].weight;                                       \
		i_;                                                                                \
	})

static enum traffic_kind draw_kind(const struct traffic_quality *q, struct rng *r)
{
	int64_t at = (int64_t)rng_below(r, 10000);

	for (int kind = TRAFFIC_GOOD + 1; kind < TRAFFIC_KINDS; kind++) {
		if (kind == TRAFFIC_RESUBMISSION)
			continue;
		if (at < q->share[kind])
			return kind;
		at -= q->share[kind];
	}
	return TRAFFIC_GOOD;
}

static struct traffic_head draw_head(const struct traffic_maker *m, uint64_t n, bool *ret_doubled)
{
	const struct traffic_profile *p = m->profile;
	struct rng r = traffic_stream(m, STREAM_HEAD, n);
	struct traffic_head head;
	const struct traffic_quality *quality;

	head.source = PICK_BY_WEIGHT(p->sources, p->source_count, weight, &r);
	quality = &p->qualities[p->sources[head.source].quality];
	head.kind = draw_kind(quality, &r);
	head.vertical = PICK_BY_WEIGHT(p->verticals, p->vertical_count, share, &r);
	head.country = PICK_BY_WEIGHT(p->countries, p->country_count, share, &r);
	*ret_doubled = head.kind == TRAFFIC_GOOD &&
		       (int64_t)rng_below(&r, 10000) < 2 * quality->share[TRAFFIC_RESUBMISSION];
	return head;
}

/* A double click is an even lead and the odd one after it: so nobody has to look further back than one lead. */
struct traffic_head traffic_head(const struct traffic_maker *m, uint64_t n)
{
	struct traffic_head head;
	bool doubled;

	if (n % 2 == 1) {
		head = draw_head(m, n - 1, &doubled);
		if (doubled) {
			head.kind = TRAFFIC_RESUBMISSION;
			return head;
		}
	}
	return draw_head(m, n, &doubled);
}

/* --- persons --- */

static const char *const latin[] = {
    "a", "b", "v", "g", "d", "e",  "zh", "z",  "i",  "y",    "k", "l", "m", "n", "o",  "p",
    "r", "s", "t", "u", "f", "kh", "ts", "ch", "sh", "shch", "",  "y", "",  "e", "yu", "ya",
};

const char *traffic_translit(struct slice text, struct arena *a)
{
	struct buf out = {0};
	const char *copy;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		unsigned next = i + 1 < text.len ? (unsigned char)text.data[i + 1] : 0;
		unsigned code = (c == 0xd0 || c == 0xd1) ? ((c & 0x1fu) << 6 | (next & 0x3fu)) : 0;

		if (code >= 0x410 && code < 0x450)
			buf_append_cstr(&out, latin[(code - 0x410) % 32]);
		else if (code == 0x401 || code == 0x451)
			buf_append_char(&out, 'e');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z' && c < 0x80)
			buf_append_char(&out, (char)(c | 0x20));
	}
	copy = arena_printf(a, "%s", buf_cstr(&out));
	buf_free(&out);
	return copy;
}

static size_t national_length(const struct traffic_country *c)
{
	size_t count = 0;
	struct slice format = c->phone_formats.items[0];

	for (size_t i = 0; i < format.len; i++)
		count += format.data[i] == 'N';
	return count;
}

/* No two leads of a country get the same number until its space is used up. */
static const char *national_number(const struct traffic_maker *m, uint64_t n,
				   const struct traffic_country *c, struct arena *a)
{
	struct rng r = rng_seed(m->seed ^ 0x70686f6e65ULL);
	size_t digits = national_length(c) - c->phone_codes.items[0].len;
	uint64_t space = 1, at;
	struct slice code;

	for (size_t i = 0; i < digits; i++)
		space *= 10;
	at = rng_next(&r) % space + n * PHONE_STEP;
	code = c->phone_codes.items[(n / 3 + at / 7) % c->phone_codes.count];
	return arena_printf(a, SLICE_FMT "%0*llu", SLICE_ARG(code), (int)digits,
			    (unsigned long long)(at % space));
}

static const char *make_email(const struct traffic_person *p, struct rng *r, struct arena *a)
{
	const char *first = traffic_translit(p->first, a), *last = traffic_translit(p->last, a);
	struct slice domain = traffic_pick(&p->country->domains, r);
	unsigned number = (unsigned)rng_below(r, EMAIL_NUMBERS);

	switch (rng_below(r, 5)) {
	case 0:
		return arena_printf(a, "%s.%s%u@" SLICE_FMT, first, last, number,
				    SLICE_ARG(domain));
	case 1:
		return arena_printf(a, "%s_%s%u@" SLICE_FMT, last, first, number,
				    SLICE_ARG(domain));
	case 2:
		return arena_printf(a, "%s%s%04u@" SLICE_FMT, first, last, number,
				    SLICE_ARG(domain));
	case 3:
		return arena_printf(a, "%s-%u-%s@" SLICE_FMT, last, number, first,
				    SLICE_ARG(domain));
	default:
		return arena_printf(a, "%s.%s.%04u@" SLICE_FMT, last, first, number,
				    SLICE_ARG(domain));
	}
}

struct traffic_person traffic_person(const struct traffic_maker *m, uint64_t n, size_t country,
				     struct arena *a)
{
	const struct traffic_country *c = &m->profile->countries[country];
	struct rng r = traffic_stream(m, STREAM_PERSON, n);
	struct traffic_person p = {.country = c, .language = c->language};

	p.sex = rng_below(&r, TRAFFIC_SEXES);
	p.first = traffic_pick(&m->tables->first[p.language][p.sex], &r);
	p.last = traffic_pick(&m->tables->last[p.language][p.sex], &r);
	p.patronymic = traffic_pick(&m->tables->patronymic[p.language][p.sex], &r);
	p.city = traffic_pick(c->cities.count ? &c->cities : &m->tables->city[p.language], &r);
	p.national = national_number(m, n, c, a);
	p.email = make_email(&p, &r, a);
	return p;
}

const char *traffic_phone(const struct traffic_country *c, const char *national, struct rng *r,
			  struct arena *a)
{
	struct slice format = traffic_pick(&c->phone_formats, r);
	char *text = arena_alloc(a, format.len + strlen(national) + 1), *at = text;

	for (size_t i = 0; i < format.len; i++) {
		if (format.data[i] != 'N')
			*at++ = format.data[i];
		else if (*national)
			*at++ = *national++;
	}
	while (*national)
		*at++ = *national++;
	*at = '\0';
	return text;
}

const char *traffic_pattern(struct slice pattern, struct rng *r, struct arena *a)
{
	char *text = arena_cstr(a, pattern);

	for (char *c = text; *c; c++) {
		if (*c == '0')
			*c = (char)('0' + rng_below(r, 10));
		else if (*c == 'L')
			*c = PATTERN_LETTERS[rng_below(r, sizeof(PATTERN_LETTERS) - 1)];
	}
	return text;
}
