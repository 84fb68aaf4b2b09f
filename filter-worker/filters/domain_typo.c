/* domain_typo: the mail domain is one slip of the hand away from a big one: gmial.com.
 *
 * needs    the big domain that was probably meant, or none. A slip is one letter too many, too few or wrong, or two that
 *          changed places (Damerau 1964)
 * hit      one was meant; the reason names it, so that the form can ask "did you mean …?"
 * unknown  no address, the contact can't be opened, or no lists are loaded
 * trap     ymail.com and mai.ru are real: a domain that stands on a list of real, free or relay domains is no slip. Lists are
 *          never whole, and a person who slipped is a person: it adds next to nothing, and can never reject alone */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/mailbox.h"
#include "filter-worker/core/named_lists.h"

/* Exactly one slip between two different texts. */
static bool one_slip(struct slice a, struct slice b)
{
	size_t least = MIN_OF(a.len, b.len), most = MAX_OF(a.len, b.len);
	size_t front = 0, back = 0;

	if (most - least > 1)
		return false;
	while (front < least && a.data[front] == b.data[front])
		front++;
	while (back < least - front && a.data[a.len - 1 - back] == b.data[b.len - 1 - back])
		back++;
	if (front + back + 1 == most)
		return true;
	return a.len == b.len && front + back + 2 == most && a.data[front] == b.data[front + 1] &&
	       a.data[front + 1] == b.data[front];
}

static bool is_real(const struct lists *lists, struct slice domain)
{
	static const enum list_name real[] = {LIST_FREE_DOMAINS, LIST_BIG_DOMAINS,
					      LIST_REAL_DOMAINS, LIST_RELAY_DOMAINS};

	for (size_t i = 0; i < ARRAY_LEN(real); i++) {
		if (named_lists_has(lists, real[i], domain))
			return true;
	}
	return false;
}

/* The most common of those that it could be. */
static struct slice meant(const struct lists *lists, struct slice domain)
{
	struct slice big;
	size_t at = 0;

	if (is_real(lists, domain))
		return SLICE("none");
	while (named_lists_next(lists, LIST_BIG_DOMAINS, &at, &big)) {
		if (one_slip(domain, big))
			return big;
	}
	return SLICE("none");
}

static void look(const struct sight *sight, struct facts *ret)
{
	struct mailbox mailbox;

	if (named_lists_count(sight->lists, LIST_BIG_DOMAINS) == 0 ||
	    !mailbox_read(sight->contact, &mailbox))
		return;
	/* A copy: the lists may be swapped before the verdict is written. */
	facts_set_text(ret, FACT_EMAIL_MEANT,
		       arena_dup(sight->arena, meant(sight->lists, mailbox.domain)));
}

static enum answer judge(_unused_ const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice domain;

	if (!facts_text(facts, FACT_EMAIL_MEANT, &domain))
		return ANSWER_UNKNOWN;
	if (slice_is(domain, "none"))
		return ANSWER_PASS;

	ret->reason = REASON_EMAIL_TYPO;
	finding_text(ret, "domain", domain);
	return ANSWER_HIT;
}

const struct filter filter_domain_typo = {
    .name = "domain_typo",
    .help = "The mail domain is a slip of the hand away from a big one.",
    .action = ACTION_SCORE,
    .weight = 5,
    .local = true,
    .reasons = {REASON_EMAIL_TYPO},
    FILTER_FACTS(FACT_EMAIL_MEANT),
    .look = look,
    .judge = judge,
};
