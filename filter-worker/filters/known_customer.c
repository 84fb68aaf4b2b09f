/* known_customer: the person is an advertiser's customer already, by the lists that advertisers gave.
 *
 * needs    whose customer the phone's or the e-mail's fingerprint is. Both sides are normalised and keyed by the same code
 * hit      of so many advertisers as `least` says
 * unknown  the lead has no fingerprint, or no advertiser gave a list
 * trap     one bank's customer is another bank's prospect: by default it passes, and the fact is there for the orders to ask.
 *          Whose customer it is stands in the fact and never in the reason: the webmaster reads the reason */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/named_lists.h"
#include "lead/codec.h"

enum { LEAST };

static struct slice owners_of(const struct lists *lists, struct slice fingerprint)
{
	if (fingerprint.len != LIST_KEY_LEN)
		return (struct slice){0};
	return named_lists_owner(lists, LIST_CUSTOMERS, (const uint8_t *)fingerprint.data);
}

/* Takes the next name off "bank-a,bank-b". */
static bool next_owner(struct slice *owners, struct slice *ret)
{
	const char *comma;

	if (owners->len == 0)
		return false;
	comma = memchr(owners->data, ',', owners->len);
	*ret = slice_of(owners->data, comma ? (size_t)(comma - owners->data) : owners->len);
	owners->data += ret->len + (comma ? 1 : 0);
	owners->len -= ret->len + (comma ? 1 : 0);
	return true;
}

static bool has_owner(struct slice owners, struct slice wanted)
{
	struct slice own;

	while (next_owner(&owners, &own)) {
		if (slice_equal(own, wanted))
			return true;
	}
	return false;
}

/* A copy, for the lists may be swapped before the verdict is written: a's owners, then those of b that a does not have. */
static struct slice both(struct arena *arena, struct slice a, struct slice b)
{
	char *text = arena_alloc(arena, a.len + b.len + 1);
	struct slice own, rest = b;
	size_t len = a.len;

	if (a.len > 0)
		memcpy(text, a.data, a.len);
	while (next_owner(&rest, &own)) {
		if (has_owner(a, own))
			continue;
		if (len > 0)
			text[len++] = ',';
		memcpy(text + len, own.data, own.len);
		len += own.len;
	}
	return slice_of(text, len);
}

static void look(const struct sight *sight, struct facts *ret)
{
	const Punnet__V1__Fingerprints *f = sight->raw->fingerprints;
	struct slice phone, email;

	if (!f || (f->phone.len == 0 && f->email.len == 0) ||
	    named_lists_count(sight->lists, LIST_CUSTOMERS) == 0)
		return;
	phone = owners_of(sight->lists, codec_bytes(f->phone));
	email = owners_of(sight->lists, codec_bytes(f->email));
	facts_set_text(ret, FACT_CUSTOMER_OF,
		       phone.len + email.len > 0 ? both(sight->arena, phone, email)
						 : SLICE("none"));
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice owners, own;
	int64_t count = 0;

	if (!facts_text(facts, FACT_CUSTOMER_OF, &owners))
		return ANSWER_UNKNOWN;
	while (!slice_is(owners, "none") && next_owner(&owners, &own))
		count++;
	if (rule->params[LEAST] == 0 || count < rule->params[LEAST])
		return ANSWER_PASS;

	ret->reason = REASON_CUSTOMER_KNOWN;
	return ANSWER_HIT;
}

const struct filter filter_known_customer = {
    .name = "known_customer",
    .help = "The person is an advertiser's customer already.",
    .action = ACTION_SCORE,
    .weight = 10,
    .local = true,
    .reasons = {REASON_CUSTOMER_KNOWN},
    FILTER_FACTS(FACT_CUSTOMER_OF),
    .params = {[LEAST] = {.name = "least",
			  .type = PARAM_NUMBER,
			  .standard = 0,
			  .least = 0,
			  .most = 100,
			  .help =
			      "A customer of so many advertisers is a hit; 0: never, the orders "
			      "decide."}},
    .look = look,
    .judge = judge,
};
