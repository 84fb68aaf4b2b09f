/* country: an order with a list of countries takes leads from these only. A lead that doesn't say where it comes from is
 * UNKNOWN, and its detail says "unknown". */
#include "router/core/constraint.h"

#define COUNTRIES_SHOWN_MAX 12

static const char *list_text(const Punnet__V1__OrderTerms *terms, struct arena *words)
{
	struct buf text = {0};
	const char *copy;

	for (size_t i = 0; i < terms->n_countries && i < COUNTRIES_SHOWN_MAX; i++) {
		if (i > 0)
			buf_append_cstr(&text, ", ");
		buf_append_cstr(&text, terms->countries[i]);
	}
	if (terms->n_countries > COUNTRIES_SHOWN_MAX)
		buf_append_cstr(&text, ", …");
	copy = arena_cstr(words, buf_slice(&text));
	buf_free(&text);
	return copy;
}

static enum fit fit(const struct order *order, const struct lead_view *lead,
		    _unused_ int64_t now_ms, struct miss *ret_miss)
{
	const Punnet__V1__OrderTerms *terms = order->terms;
	const char *country = lead->lead->country;

	if (terms->n_countries == 0)
		return FIT;
	if (!country[0]) {
		miss_say(ret_miss, REASON_ROUTE_COUNTRY, 0, "unknown");
		return UNKNOWN;
	}
	for (size_t i = 0; i < terms->n_countries; i++) {
		if (strcmp(terms->countries[i], country) == 0)
			return FIT;
	}
	return miss_say(ret_miss, REASON_ROUTE_COUNTRY, 0, "%s is not in [%s]", country,
			ret_miss->words ? list_text(terms, ret_miss->words) : "");
}

extern const struct constraint constraint_country;
const struct constraint constraint_country = {.name = "country", .fit = fit};
