/* disposable_email: the address is at a provider that gives it to anybody for some minutes.
 *
 * needs    the class of the mail domain: disposable, doubtful (somebody called it so, and honest ones are among them), relay,
 *          free, other. A subdomain is of its domain's class
 * hit      disposable: it rejects, unless `sure: score`; doubtful: it adds to the score
 * unknown  no address, the contact can't be opened, or no lists are loaded
 * trap     a relay (Apple's, Firefox's, SimpleLogin's) passes on to an address that the person has for years: those are on a
 *          list of their own, and pass. So does free mail that a doubtful source lists */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/mailbox.h"
#include "filter-worker/core/named_lists.h"

enum { SURE };
enum sure_choice { SURE_REJECTS, SURE_SCORES };

static struct slice class_of(const struct lists *lists, struct slice domain)
{
	if (named_lists_has_domain(lists, LIST_RELAY_DOMAINS, domain))
		return SLICE("relay");
	if (named_lists_has_domain(lists, LIST_DISPOSABLE_DOMAINS, domain))
		return SLICE("disposable");
	if (named_lists_has(lists, LIST_FREE_DOMAINS, domain))
		return SLICE("free");
	if (named_lists_has_domain(lists, LIST_DOUBTFUL_DOMAINS, domain))
		return SLICE("doubtful");
	return SLICE("other");
}

static void look(const struct sight *sight, struct facts *ret)
{
	struct mailbox mailbox;

	if (named_lists_count(sight->lists, LIST_DISPOSABLE_DOMAINS) == 0 ||
	    named_lists_count(sight->lists, LIST_FREE_DOMAINS) == 0)
		return;
	if (mailbox_read(sight->contact, &mailbox))
		facts_set_text(ret, FACT_EMAIL_DOMAIN, class_of(sight->lists, mailbox.domain));
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice domain;

	if (!facts_text(facts, FACT_EMAIL_DOMAIN, &domain))
		return ANSWER_UNKNOWN;
	if (slice_is(domain, "disposable")) {
		ret->reason = REASON_EMAIL_DISPOSABLE;
		ret->rejects = rule->params[SURE] == SURE_REJECTS;
		return ANSWER_HIT;
	}
	if (!slice_is(domain, "doubtful"))
		return ANSWER_PASS;

	ret->reason = REASON_EMAIL_DOUBTFUL;
	return ANSWER_HIT;
}

const struct filter filter_disposable_email = {
    .name = "disposable_email",
    .help = "The e-mail address is at a provider of disposable ones.",
    .action = ACTION_SCORE,
    .weight = 46,
    .local = true,
    .reasons = {REASON_EMAIL_DISPOSABLE, REASON_EMAIL_DOUBTFUL},
    FILTER_FACTS(FACT_EMAIL_DOMAIN),
    .params = {[SURE] = {.name = "sure",
			 .type = PARAM_CHOICE,
			 .standard = SURE_REJECTS,
			 .choices = {[SURE_REJECTS] = "reject", [SURE_SCORES] = "score"},
			 .help =
			     "What a domain does that is surely disposable; a doubtful one only "
			     "scores."}},
    .look = look,
    .judge = judge,
};
