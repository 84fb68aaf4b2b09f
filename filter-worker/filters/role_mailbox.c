/* role_mailbox: the address is an office's and not a person's: info@, sales@.
 *
 * needs    whether what stands before the @ is on the list of roles, a plus-tag apart
 * hit      it is
 * unknown  no address, the contact can't be opened, or no lists are loaded
 * trap     small firms have no other address, and a domain of one's own often has an info@: it only adds to the score, and
 *          little */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/mailbox.h"
#include "filter-worker/core/named_lists.h"

static void look(const struct sight *sight, struct facts *ret)
{
	struct mailbox mailbox;
	const char *plus;

	if (named_lists_count(sight->lists, LIST_ROLE_MAILBOXES) == 0 ||
	    !mailbox_read(sight->contact, &mailbox))
		return;
	plus = memchr(mailbox.local.data, '+', mailbox.local.len);
	if (plus)
		mailbox.local.len = (size_t)(plus - mailbox.local.data);
	facts_set_number(ret, FACT_EMAIL_ROLE,
			 named_lists_has(sight->lists, LIST_ROLE_MAILBOXES, mailbox.local));
}

static enum answer judge(_unused_ const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t role;

	if (!facts_number(facts, FACT_EMAIL_ROLE, &role))
		return ANSWER_UNKNOWN;
	if (role == 0)
		return ANSWER_PASS;

	ret->reason = REASON_EMAIL_ROLE;
	return ANSWER_HIT;
}

const struct filter filter_role_mailbox = {
    .name = "role_mailbox",
    .help = "The e-mail address is an office's, not a person's.",
    .action = ACTION_SCORE,
    .weight = 15,
    .local = true,
    .reasons = {REASON_EMAIL_ROLE},
    FILTER_FACTS(FACT_EMAIL_ROLE),
    .look = look,
    .judge = judge,
};
