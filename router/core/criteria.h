/* criteria: what an order wants a lead to be, made ready for asking; and what a lead says, as values. Pure.
 *
 * An attribute is anything about a lead that has a name: a member of the lead, its score, its source's class, a fact of its
 * judgement, a field of its vertical. A vertical numbers the attributes that its orders name; a lead's values stand under
 * these numbers, worked out once for all orders. Numbers are compared in millionths, text byte by byte.
 *
 * Three-valued: a lead that does not say is UNKNOWN, unless the criterion says that it fits all the same. */
#ifndef PUNNET_ROUTER_CRITERIA_H
#define PUNNET_ROUTER_CRITERIA_H

#include "base/arena.h"
#include "base/map.h"
#include "proto/market.pb-c.h"

#define MILLIONTHS          1000000LL
#define NUMBER_DIGITS_MAX   12 /* before the point: what is larger is no number here */
#define LIST_ITEMS_MAX      64 /* of a lead's field that is a list; what comes after them is not seen */
#define CRITERIA_SHOWN_MAX  12 /* values in a detail */
#define CRITERIA_MAX        64 /* of one order, its modifiers' counted too */
#define CRITERIA_VALUES_MAX 10000

enum fit { FIT, MISS, UNKNOWN };

enum value_kind { VALUE_NONE, VALUE_TEXT, VALUE_NUMBER, VALUE_LIST };

struct value {
	enum value_kind kind;
	struct slice text; /* as it stands in the lead; of a number too */
	int64_t number;    /* millionths */
	uint32_t key;      /* of the text, or the number: what is looked up */
	const struct value *items;
	size_t item_count;
};

/* Which constraint asks for an attribute. */
enum criterion_group {
	GROUP_COUNTRY,
	GROUP_PLACE,
	GROUP_SOURCE,
	GROUP_QUALITY,
	GROUP_FIELDS,
	CRITERION_GROUPS
};

struct attribute {
	char *name; /* owned */
	enum criterion_group group;
	int kind;   /* where its value comes from; criteria.c knows */
	int member; /* of the lead */
};

/* The attributes that the orders of a vertical name, in the order in which they were met. */
struct attributes {
	struct map by_name;
	struct attribute *items;
	size_t count, cap;
};

/* Where the values of one lead come from. */
struct lead_says {
	const Punnet__V1__Lead *lead;
	const Punnet__V1__LeadAdmitted *admitted;
	struct slice source_class; /* empty = none */
};

/* A value to compare with; the text stands in the packed terms. One that looks like a number stands there twice: as a text and
 * as a number. */
struct criterion_value {
	uint32_t key;
	uint32_t at : 31; /* of its field, behind the first one's */
	uint32_t is_number : 1;
};

struct criterion {
	union {
		struct {
			int64_t min, max;
		};
		struct {
			const struct criterion_value *values; /* sorted; of IN and NOT_IN */
			const char *texts; /* in the packed terms: the first one's field */
		};
	};
	uint32_t attribute;
	uint32_t value_count, text_count;
	uint8_t kind;  /* Punnet__V1__CriterionKind */
	uint8_t group; /* enum criterion_group */
	bool unknown_fits;
	uint8_t bounds; /* BOUND_… */
};

enum { BOUND_MIN = 1, BOUND_MAX = 2 };

void attributes_free(struct attributes *a);
uint32_t attribute_of(struct attributes *a, const char *name); /* makes it when it is new */
/* What the lead says to each attribute; in the arena. */
const struct value *lead_values(const struct attributes *a, const struct lead_says *says,
				struct arena *arena);

/* What is wrong with it; NULL when nothing is. */
const char *criterion_fault(const Punnet__V1__Criterion *terms);
/* How many places for values it takes. */
size_t criterion_values_needed(const Punnet__V1__Criterion *terms);
/* texts: the first value's field in the packed terms; they and the values must outlive the criterion. */
void criterion_make(struct criterion *c, const Punnet__V1__Criterion *terms, const char *texts,
		    struct criterion_value *values, struct attributes *a);
enum fit criterion_ask(const struct criterion *c, const struct value *v);
/* Of a value that is one; its text, of whatever value. */
struct slice criterion_text(const struct criterion *c, const struct criterion_value *value);
int64_t criterion_number(const struct criterion *c, const struct criterion_value *value);
/* "17 is below 21", in the arena. */
const char *criterion_words(const struct criterion *c, const struct attribute *attribute,
			    const struct value *v, struct arena *a);

/* "12.5" to millionths; false when it is no number, or one with more digits than are compared. */
_must_use_ bool number_parse(struct slice text, int64_t *ret_millionths);
uint32_t value_text_key(struct slice text);
uint32_t value_number_key(int64_t millionths);

#endif
