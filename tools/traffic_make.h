/* traffic_make: sample leads out of a seed. Pure: lead n follows from (profile, tables, seed, n) and from nothing else,
 * except for its time stamps. So any lead can be made again, in any order, and an earlier one can be referred to. */
#ifndef PUNNET_TRAFFIC_MAKE_H
#define PUNNET_TRAFFIC_MAKE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/rng.h"

#define TRAFFIC_SOURCES_MAX   256
#define TRAFFIC_VERTICALS_MAX 32
#define TRAFFIC_FIELDS_MAX    16
#define TRAFFIC_COUNTRIES_MAX 16
#define TRAFFIC_QUALITIES_MAX 16
#define TRAFFIC_WORDS_MAX     256
#define TRAFFIC_HOURS         24
#define TRAFFIC_LOOK_BACK                                                                          \
	2000 /* leads at least between a lead and its duplicate, so that they arrive in this order */

enum traffic_kind {
#define KIND(name, text, help) TRAFFIC_##name,
#include "traffic_kinds.def"
#undef KIND
	TRAFFIC_KINDS
};
extern const char *const traffic_kind_names[TRAFFIC_KINDS];

enum traffic_transport { TRAFFIC_JSON, TRAFFIC_FORM, TRAFFIC_LINE };

struct traffic_texts {
	struct slice *items;
	size_t count;
};

enum traffic_language { TRAFFIC_RU, TRAFFIC_EN, TRAFFIC_LANGUAGES };
enum traffic_sex { TRAFFIC_MALE, TRAFFIC_FEMALE, TRAFFIC_SEXES };

/* What deploy/setup/data made. */
struct traffic_tables {
	struct traffic_texts first[TRAFFIC_LANGUAGES][TRAFFIC_SEXES];
	struct traffic_texts last[TRAFFIC_LANGUAGES][TRAFFIC_SEXES];
	struct traffic_texts patronymic[TRAFFIC_LANGUAGES][TRAFFIC_SEXES];
	struct traffic_texts city[TRAFFIC_LANGUAGES];
	struct traffic_texts systems, user_agents; /* side by side */
	struct traffic_texts crawlers;
	struct traffic_texts network_countries,
	    networks; /* side by side, sorted by country as they come */
};

enum traffic_field_type { TRAFFIC_INTEGER, TRAFFIC_WORDS, TRAFFIC_PATTERN };

struct traffic_field {
	struct slice name;
	enum traffic_field_type type;
	int64_t least, most, step, often;
	struct traffic_texts words;
	struct slice pattern;
};

struct traffic_vertical {
	struct slice id;
	int64_t share;
	struct traffic_field fields[TRAFFIC_FIELDS_MAX];
	size_t field_count;
};

struct traffic_country {
	struct slice id;
	int64_t share;
	enum traffic_language language;
	struct slice locale;
	struct traffic_texts cities; /* empty: the language's */
	struct traffic_texts domains;
	struct traffic_texts phone_codes,
	    phone_formats; /* formats: N is a digit of the national number */
	size_t network_first, network_count;
};

struct traffic_quality {
	struct slice id;
	int64_t share[TRAFFIC_KINDS]; /* of 10,000; GOOD is not written */
};

struct traffic_source {
	struct slice id, page;
	int64_t weight;
	size_t quality;
	bool is_signed; /* its requests carry a signature */
};

struct traffic_profile {
	struct traffic_source sources[TRAFFIC_SOURCES_MAX];
	struct traffic_quality qualities[TRAFFIC_QUALITIES_MAX];
	struct traffic_vertical verticals[TRAFFIC_VERTICALS_MAX];
	struct traffic_country countries[TRAFFIC_COUNTRIES_MAX];
	size_t source_count, quality_count, vertical_count, country_count;
	struct traffic_texts suppressed; /* phones */
	int64_t hours[TRAFFIC_HOURS];
	int64_t form_share, line_share, keyed_share; /* of 10,000 */
	int64_t batch_most;                          /* lines */
};

struct traffic_maker {
	const struct traffic_profile *profile;
	const struct traffic_tables *tables;
	uint64_t seed;
};

struct traffic_lead {
	enum traffic_kind kind;
	enum traffic_transport transport;
	size_t source;
	bool keyed;
};

/* Lead n is a double click: byte for byte lead n - 1, when it is made with the same now_ms. */
bool traffic_repeats_previous(const struct traffic_maker *m, uint64_t n);
/* Appends the body (of a line: without its end). The arena is for scratch; the caller resets it. */
void traffic_make(const struct traffic_maker *m, uint64_t n, int64_t now_ms, struct arena *a,
		  struct traffic_lead *ret, struct buf *ret_body);
/* When lead n of `count` is due, in ms after the start, with `rate` leads a second on the mean: a day's curve, played
 * in the time that the run takes. */
int64_t traffic_due_ms(const struct traffic_profile *p, uint64_t n, uint64_t count, uint64_t rate);

#endif
